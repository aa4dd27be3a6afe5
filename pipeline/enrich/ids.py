"""The ids of the newest mentions: each by its number, and the newest number of each.

A list of strings and a dictionary of numbers take 110 bytes a number, most of it what Python says
of every object. Here it is the id itself and 12 bytes.
"""

from typing import Final

import numpy as np

__all__ = ["Ids"]

_BLOCK: Final = 256
"""Ids that are kept in one piece."""


class Ids:
    """Ids, numbered from 0 on as they are appended; the newest ``size`` of them are known.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._mask = (1 << max((size - 1).bit_length() - 1, 8)) - 1
        # Through a view a single number is read and written in a third of the time.
        self._newest = np.full(self._mask + 1, -1, np.int32).data
        """Where the newest id of each hash is; of those that share a place, of all."""
        self._former = np.full(size, -1, np.int32).data
        """Where the one before it is, of those that share a place."""
        self._starts = np.zeros(size, np.uint32).data
        """Where in its block each starts."""
        # One more than is full at a time, and one for what is left of the oldest.
        self._blocks = [bytearray()] * (size // _BLOCK + 2)
        self._next = 0

    def append(self, name: str) -> int | None:
        """Give an id the next number; returns the newest that it had, as ``find``."""
        written, home = name.encode(), hash(name) & self._mask
        before = self._find(written, home)
        number = self._next
        place = number // _BLOCK % len(self._blocks)
        if not number % _BLOCK:
            self._blocks[place] = bytearray()
        block, slot = self._blocks[place], number % self._size
        self._starts[slot] = len(block)
        block += written
        self._former[slot] = self._newest[home]
        self._newest[home] = slot
        self._next = number + 1
        return before

    def __getitem__(self, number: int) -> str:
        """The id of a number, which is one of the newest."""
        return self._written(number).decode()

    def find(self, name: str) -> int | None:
        """The newest number of an id; None where it has none that is known."""
        return self._find(name.encode(), hash(name) & self._mask)

    def _find(self, written: bytes, home: int) -> int | None:
        at, last, size, before = self._newest[home], self._next - 1, self._size, -1
        # A slot used again holds a newer id than the one that pointed to it; where that was the
        # newest of its hash, it leads to ids of another hash, none of which is the one looked for.
        while at >= 0 and (age := (last - at) % size) > before:
            if self._written(last - age) == written:
                return last - age
            before, at = age, self._former[at]
        return None

    def _written(self, number: int) -> bytearray:
        block = self._blocks[number // _BLOCK % len(self._blocks)]
        start, after = self._starts[number % self._size], number + 1
        if after == self._next or not after % _BLOCK:
            return block[start:]
        return block[start : self._starts[after % self._size]]
