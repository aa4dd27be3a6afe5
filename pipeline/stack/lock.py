"""One at a time: a lock between processes on a folder, released even when its holder is killed."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StackError

__all__ = ["lock"]


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Make the folder and hold it alone; waits for another holder to finish.

    Raises:
        StackError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("ab")
    except OSError as error:
        msg = f"{folder} cannot be written ({error.strerror}): run as its owner, or name another"
        raise StackError(msg) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
