"""A past that is long, and what reading it may cost."""

import re
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Final

import pytest

from agents.source import Source
from agents.testing.suite import mentions
from schemas.mention import RawMention

__all__ = ["VolumeContract"]

_SETTLED: Final = 0.2  # share of the past after which all that is needed at a time is in memory
_KEPT: Final = 300  # bytes of memory for an item more; a mention that is kept takes four times that
_NUMBER: Final = re.compile(r"Nummer (\d+)")


class VolumeContract(ABC):
    """A past of any length is processed as it is read, in the memory of a part of it.

    Inherit, and give the fixture ``past``: a source that finds ``number`` mentions which say
    "Nummer 0", "Nummer 1" and so on. Linux only: it reads ``/proc``.
    """

    number: ClassVar[int] = 100_000
    """How many there are."""

    @pytest.fixture
    @abstractmethod
    def past(self) -> Source:
        """A source that has read nothing yet; closed by the test."""

    @pytest.mark.timeout(180)
    def test_a_long_past_is_processed_as_it_is_read(self, past: Source) -> None:
        seen = bytearray(self.number)
        count, before, most = 0, 0, 0
        with closing(past):
            for page in past.poll(None):
                assert len(page.items) < self.number * _SETTLED / 2, "a page is a part of it"
                for mention in mentions([page]):
                    seen[_number_of(mention)] += 1
                count += len(page.items)
                if not before and count >= self.number * _SETTLED:
                    before = _resident()
                most = max(most, _resident())
                if count >= self.number:
                    break  # who listens does not end
        assert seen.count(1) == self.number, "each of them once"
        grown = (most - before) / (self.number * (1 - _SETTLED))
        assert before
        assert grown < _KEPT, f"{grown:.0f} bytes for each item more"


def _number_of(mention: RawMention) -> int:
    found = _NUMBER.search(mention.text)
    assert found, mention.text
    return int(found[1])


def _resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4_096
