"""How long which requests rest, as platforms ask for it; kept for all sources of a process.

A wait holds for a *lane*: everything that goes to a host, or what one account asks of it, or what
an account asks of one of its endpoints where each has a limit of its own. So sources with the same
key rest together, and one with another key goes on. A wait outlives the source that it was told
to, whose table may be changed meanwhile.
"""

import enum
import hashlib
import os
import threading
import time
from collections.abc import Iterable
from typing import Final

__all__ = ["Lane", "Scope", "account", "clear", "left", "rest"]

Lane = tuple[str, ...]
"""Host, account and endpoint: as many of them as are told apart."""

_PEPPER: Final = os.urandom(16)  # so that an account's mark says nothing outside of this process
_MANY: Final = 1_000  # lanes, before those are dropped that rest no longer
_until: Final[dict[Lane, float]] = {}  # by ``time.monotonic``
_lock: Final = threading.Lock()


class Scope(enum.IntEnum):
    """For how much a wait holds: how much of a lane's name is the same."""

    HOST = 1
    """Whoever asks it."""
    ACCOUNT = 2
    """Whatever the account asks of the host."""
    ENDPOINT = 3
    """What the account asks of one endpoint; all of it, where endpoints are not told apart."""


def account(secrets: Iterable[str]) -> str:
    """What stands for credentials in the name of a lane; empty without any."""
    found = "\n".join(secrets).encode()
    return hashlib.blake2b(found, digest_size=8, key=_PEPPER).hexdigest() if found else ""


def rest(lane: Lane, seconds: float) -> None:
    """Ask nothing for a while; never for less than was said before."""
    now = time.monotonic()
    with _lock:
        if len(_until) >= _MANY:
            for name in [name for name, until in _until.items() if until <= now]:
                del _until[name]
        _until[lane] = max(_until.get(lane, 0.0), now + seconds)


def left(lane: Lane) -> float:
    """Seconds that it rests, by itself or with all of its account or host; 0 where it does not."""
    with _lock:
        until = max(_until.get(lane[:parts], 0.0) for parts in range(1, len(lane) + 1))
    return max(until - time.monotonic(), 0.0)


def clear() -> None:
    """Forget all waits, as tests do."""
    with _lock:
        _until.clear()
