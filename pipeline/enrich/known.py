"""Words that were met, numbered, so that what was found out about each can be kept in arrays.

Words are told by their hashes, so many are looked up at once, and none has to be kept. Of the words
of a language a few come all the time, and most never again. Where there would be no room for more,
those are forgotten that were met in one reading only, and the others numbered anew.
"""

import secrets
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.enrich.letters import Hashes, Hashing, Places

__all__ = ["Known", "hashing"]

_STAY: Final = 2
"""One in so many words at most stays known, or there would be no room for others for long."""
_SPREAD: Final = np.uint64(secrets.randbits(64) | 1)
"""The upper bits of its products depend on all bits of a hash; who knew it could choose letters,
whose hashes are themselves, that all want the same slots."""


def hashing(longest: int) -> Hashing:
    """What words are told by in this process, of so many letters together at most.

    Nobody outside can know its base, nor make words that are taken for others, but for such of some
    hundred letters that have the same hash whatever the base is.
    """
    return Hashing(secrets.randbits(64) | 1, longest)


class Known:
    """The number of each word, from 0 on; one that is new gets the next.

    Args:
        most: how many numbers there may be.
        moved: told when words are forgotten; the numbers that those which are left had before, in
            the order of those they have now.
    """

    def __init__(self, most: int, moved: Callable[[Places], None]) -> None:
        self._most = most
        self._moved = moved
        self._again = np.zeros(most, np.bool_)
        """Whether it was met again, since it was last decided what is forgotten."""
        self._hashes = np.zeros(most, np.uint64)
        bits = (2 * most - 1).bit_length()  # at most half of the slots are taken
        self._shift, self._mask = np.uint64(64 - bits), (1 << bits) - 1
        # A word stands in the first slot from its own on that was free; no hash is 0.
        self._slots = np.zeros(1 << bits, np.uint64)
        self._numbers = np.zeros(1 << bits, np.int32)
        self.next = 0
        """The number that the next new word gets."""

    def numbers(self, words: Hashes) -> tuple[Places, Places]:
        """The number of each word of a reading, good until the next one.

        Args:
            words: the hash of each.

        Returns:
            The numbers; and of the words that are new, in the order of their numbers, which are the
            last ones, where in the reading each is met first.

        Raises:
            OverflowError: there are more different ones than numbers.
        """
        words = np.maximum(words, 1)
        for make_room in (self._renew, self.forget, None):
            found, missed = self._find(words)
            new, firsts, which = np.unique(words[missed], return_index=True, return_inverse=True)
            if self.next + len(new) <= self._most:
                break
            if make_room is None:
                msg = "there are no numbers left"
                raise OverflowError(msg)
            make_room()
        self._again[found[found >= 0]] = True
        order = np.argsort(firsts)
        given = np.empty(len(new), np.intp)
        given[order] = np.arange(self.next, self.next + len(new))
        self._enter(new[order])
        found[missed] = given[which]
        return found, missed[firsts[order]]

    def forget(self) -> None:
        """Forget all."""
        self._leave(np.zeros(0, np.intp))

    def _home(self, words: Hashes) -> Places:
        return ((words * _SPREAD) >> self._shift).astype(np.intp)

    def _find(self, words: Hashes) -> tuple[Places, Places]:
        """The number of each word, -1 for those that are not known; and which these are."""
        slots = self._home(words)
        there = self._slots.take(slots)
        found = self._numbers.take(slots).astype(np.intp)
        left = np.flatnonzero(there != words)
        slots, there, words = slots[left], there[left], words[left]
        missed = []
        while len(left):
            taken = there != 0
            missed.append(left[~taken])
            left, words = left[taken], words[taken]
            slots = (slots[taken] + 1) & self._mask
            there = self._slots.take(slots)
            found[left] = self._numbers.take(slots)
            others = there != words
            left, words, slots, there = left[others], words[others], slots[others], there[others]
        if not missed:
            return found, left
        none = np.sort(np.concatenate(missed))
        found[none] = -1
        return found, none

    def _enter(self, words: Hashes) -> None:
        """Give these words, all different and none of them known, the next numbers."""
        numbers = np.arange(self.next, self.next + len(words), dtype=np.int32)
        self._hashes[numbers] = words
        self.next += len(words)
        slots = self._home(words)
        while len(words):
            free = self._slots.take(slots) == 0
            self._slots[slots[free]] = words[free]
            # Of several that wanted one slot, the last has got it.
            in_place = self._slots.take(slots) == words
            self._numbers[slots[in_place]] = numbers[in_place]
            left = ~in_place
            words, numbers, slots = words[left], numbers[left], (slots[left] + 1) & self._mask

    def _renew(self) -> None:
        """Forget what was met in one reading only; none of the one that had no room is kept."""
        # Those that are known the longest come first, and are the most frequent.
        again: npt.NDArray[np.intp] = np.flatnonzero(self._again[: self.next])
        self._leave(again[: self._most // _STAY])

    def _leave(self, left: Places) -> None:
        words = self._hashes[left]
        self._slots[:] = 0
        self.next = 0
        self._enter(words)
        self._again[:] = False
        self._moved(left)
