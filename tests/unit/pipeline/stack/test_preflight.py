"""One clear line for each thing that would keep the servers from starting."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from tenacity import stop_after_attempt

from pipeline.errors import StackError
from pipeline.stack import preflight


def test_a_taken_port_names_who_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(StackError) as error:
            preflight.port("Kafka", "127.0.0.1", number)

    me = psutil.Process().name()
    assert str(error.value) == (
        f"Kafka cannot listen on 127.0.0.1:{number}: {me} (pid {os.getpid()}) does; "
        "stop it or set another port"
    )
    preflight.port("Kafka", "127.0.0.1", number)


def test_a_taken_port_that_is_not_ours_to_see_is_still_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_kind: str) -> object:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    once = preflight._dying.copy(stop=stop_after_attempt(1))
    monkeypatch.setattr(preflight, "_dying", once)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(StackError, match="another user's process does; stop it or set"):
            preflight.port("Kafka", "127.0.0.1", number)


def test_a_killed_process_that_still_has_its_port_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its memory, and so its command line, goes before its sockets do: seconds, for a large one."""
    taken = socket.create_server(("127.0.0.1", 0))
    number = taken.getsockname()[1]
    looks = []

    def dying(_process: psutil.Process) -> list[str]:
        looks.append(number)
        if len(looks) == 3:
            taken.close()
        return []

    monkeypatch.setattr(psutil.Process, "cmdline", dying)
    preflight.port("Elasticsearch", "127.0.0.1", number)
    assert len(looks) == 3


def test_an_address_that_is_not_here_is_said() -> None:
    with pytest.raises(StackError, match=r"Kafka cannot listen on 192\.0\.2\.1:9092: .+; set"):
        preflight.port("Kafka", "192.0.2.1", 9092)


def test_too_little_memory_says_how_much_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        psutil, "virtual_memory", lambda: SimpleNamespace(available=900 << 20, total=4 << 30)
    )
    preflight.memory(900)
    with pytest.raises(StackError) as error:
        preflight.memory(901)
    assert "901 MB of memory are needed and 900 MB are free" in str(error.value)
    assert "stack.elasticsearch_heap" in str(error.value)


def test_a_container_s_own_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text(f"{1 << 30}\n")
    (tmp_path / "memory.current").write_text(f"{768 << 20}\n")
    monkeypatch.setattr(preflight, "_CGROUP", tmp_path)

    with pytest.raises(StackError, match="257 MB of memory are needed and 256 MB are free"):
        preflight.memory(257)

    (tmp_path / "memory.max").write_text("max\n")
    preflight.memory(257)


def test_too_little_disk_says_where_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[Path] = []

    def usage(path: Path) -> SimpleNamespace:
        there.append(path)
        return SimpleNamespace(free=50 << 20)

    monkeypatch.setattr("shutil.disk_usage", usage)
    wanted = tmp_path / "not" / "yet"
    with pytest.raises(StackError) as error:
        preflight.disk(wanted)
    assert there == [tmp_path]
    assert f"needed in {wanted} and 50 MB are free" in str(error.value)
    assert "MENTIONS_CACHE" in str(error.value)
