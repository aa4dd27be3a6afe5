"""Sources that are read in a process of their own, which is killed or measured."""

import multiprocessing
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar

import pytest

__all__ = ["Apart"]

# Forked from one process that has imported all that they need, and has no threads.
_forked = multiprocessing.get_context("forkserver")
_forked.set_forkserver_preload(["agents.testing.reader"])


class Apart(ABC):
    """Inherit, and give the fixture ``described``."""

    number: ClassVar[int]
    """How many mentions there are in the end."""

    @pytest.fixture
    @abstractmethod
    def described(self) -> Mapping[str, Any]:
        """The source's table, of a platform ``outside.reach_back(self.number).described()``."""

    @staticmethod  # noqa: B027 - most have nothing to do
    def prepare() -> None:
        """What the process does before it reads."""

    @contextmanager
    def running(self, target: Callable[..., None], *args: Any) -> Iterator[BaseProcess]:
        """A process that does this, killed at the end."""
        asked = (dict(os.environ), self.prepare, target, *args)
        process = _forked.Process(target=_run, args=asked)
        process.start()
        try:
            yield process
        finally:
            process.kill()
            process.join()


def _run(
    environ: Mapping[str, str],
    prepare: Callable[[], None],
    target: Callable[..., None],
    *args: Any,
) -> None:
    os.environ.update(environ)
    prepare()
    target(*args)
