"""What would keep the servers from starting, said before they are started."""

import errno
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline.errors import StackError
from pipeline.stack.elasticsearch import LEAST_DISK_MB
from pipeline.stack.server import Server

__all__ = ["check", "disk", "memory", "port"]

_MB: Final = 1024 * 1024
_DATA_MB: Final = LEAST_DISK_MB + 700  # room for the demo's data above the least
_SOMEBODY: Final = "another user's process"
_CGROUP: Final = Path("/sys/fs/cgroup")


def check(servers: Sequence[Server], data: Path, cache: Path) -> None:
    """Check what these servers need before they are started.

    Raises:
        StackError: a port is taken, or there is too little memory or disk.
    """
    for server in servers:
        port(server.name, server.host, server.port)
    memory(sum(server.memory for server in servers))
    for folder in (data, cache):
        disk(folder)


class _UnseenError(StackError):
    """The port is taken, and by nobody that can be seen."""


# A process that was killed is gone from sight before its last thread lets go of the port.
_dying = Retrying(
    retry=retry_if_exception_type(_UnseenError),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(20),
    reraise=True,
)


def port(name: str, host: str, number: int) -> None:
    """Check that nobody listens there.

    Raises:
        StackError: somebody does, or one may not.
    """
    _dying(_port, name, host, number)


def _port(name: str, host: str, number: int) -> None:
    try:
        socket.create_server((host, number)).close()
    except OSError as error:
        where = f"{name} cannot listen on {host}:{number}"
        if error.errno != errno.EADDRINUSE:
            msg = f"{where}: {error.strerror}; set another address"
            raise StackError(msg) from error
        who = _listener(number)
        msg = f"{where}: {who or _SOMEBODY} does; stop it or set another port"
        raise (StackError if who else _UnseenError)(msg) from error


def _listener(number: int) -> str | None:
    """Who listens; None where that cannot be seen."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listens and listens.port == number and connection.pid:
                process = psutil.Process(connection.pid)
                # One that was killed loses its command line first and its port last.
                return f"{process.name()} (pid {process.pid})" if process.cmdline() else None
    except psutil.Error:  # not ours to see
        return None
    return None


def memory(needed: int) -> None:
    """Check that so many megabytes are free.

    Raises:
        StackError: they are not.
    """
    free = min(psutil.virtual_memory().available, *_group_limits()) // _MB
    if free < needed:
        msg = (
            f"{needed} MB of memory are needed and {free} MB are free: close something, "
            "or lower stack.kafka_heap and stack.elasticsearch_heap"
        )
        raise StackError(msg)


def _group_limits() -> list[int]:
    """What a container's own limit leaves, which the machine's figures do not show."""
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = (_CGROUP / "memory.current").read_text(encoding="ascii")
    except OSError:  # no control group of this kind
        limit, used = "max", "0"
    return [psutil.virtual_memory().total if limit == "max" else int(limit) - int(used)]


def disk(folder: Path) -> None:
    """Check that a folder's disk has room; the folder need not be there yet.

    Raises:
        StackError: it has not.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free // _MB
    if free < _DATA_MB:
        msg = (
            f"{_DATA_MB} MB of disk are needed in {folder} and {free} MB are free: "
            "make room, or set stack.data (data) and MENTIONS_CACHE (programs) to another disk"
        )
        raise StackError(msg)
