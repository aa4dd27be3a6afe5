"""A past that is long, and what reading it may cost."""

import json
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from agents.source import Source, build
from agents.testing.processes import Apart
from agents.testing.suite import mentions
from schemas.mention import RawMention

__all__ = ["VolumeContract"]

_SETTLED: Final = 0.2  # share of the past after which all that is needed at a time is in memory
_KEPT: Final = 300  # bytes of memory for an item more; a mention that is kept takes four times that
_NUMBER: Final = re.compile(r"Nummer (\d+)")


class VolumeContract(Apart):
    """A past of any length is processed as it is read, in the memory of a part of it.

    Inherit, and give the fixture ``described``: the table of a source that finds ``number``
    mentions which say "Nummer 0", "Nummer 1" and so on. It is read in a process of its own, where
    no earlier test has left memory to be used again. Linux only: it reads ``/proc``.
    """

    number: ClassVar[int] = 100_000
    """How many there are; fewer, where they would take too long: one more costs the same."""

    @pytest.mark.timeout(180)
    def test_a_long_past_is_processed_as_it_is_read(
        self, described: Mapping[str, Any], tmp_path: Path
    ) -> None:
        answer = tmp_path / "measured"
        with self.running(_measure, json.dumps(described), self.number, answer) as process:
            process.join()
            assert process.exitcode == 0
        found = msgspec.json.decode(answer.read_bytes(), type=_Measured)
        assert found.once == self.number, "each of them once"
        assert found.largest < self.number * _SETTLED / 2, "a page is a part of it"
        assert found.before
        grown = (found.most - found.before) / (self.number * (1 - _SETTLED))
        assert grown < _KEPT, f"{grown:.0f} bytes for each item more"


class _Measured(msgspec.Struct):
    """What reading a long past took; memory in bytes."""

    once: int = 0
    """Mentions that were read, none of them twice."""
    largest: int = 0
    """Items on a page."""
    before: int = 0
    most: int = 0


def _measure(described: str, number: int, answer: Path) -> None:
    """Read the source of a table until there are so many items."""
    source = build(json.loads(described))
    assert isinstance(source, Source)
    found = _Measured()
    seen, count = bytearray(number), 0
    with closing(source):
        for page in source.poll(None):
            for mention in mentions([page]):
                seen[_number_of(mention)] += 1
            count += len(page.items)
            if not found.before and count >= number * _SETTLED:
                found.before = _resident()
            found.largest = max(found.largest, len(page.items))
            found.most = max(found.most, _resident())
            if count >= number:
                break  # who listens does not end
    found.once = seen.count(1)
    answer.write_bytes(msgspec.json.encode(found))


def _number_of(mention: RawMention) -> int:
    found = _NUMBER.search(mention.text)
    assert found, mention.text
    return int(found[1])


def _resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4_096
