"""Words that were met, numbered, so that what was found out about each can be kept in arrays.

Of the words of a language a few come all the time, and most never again. Where there would be no
room for more, those are forgotten that were met in one reading only, and the others numbered anew.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Known", "Places"]

Places: TypeAlias = npt.NDArray[np.intp]

_STAY: Final = 2
"""One in so many words at most stays known, or there would be no room for others for long."""


class Known(dict[str, int]):
    """The number of each word, from 0 on; one that is new gets the next.

    Args:
        most: how many numbers there may be.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._again = np.zeros(most, np.bool_)
        """Whether it was met again, since it was last decided what is forgotten."""
        self.next = 0
        """The number that the next new word gets."""
        self.new: list[str] = []
        """Those that have got a number; for whoever uses it to clear."""

    def __missing__(self, word: str) -> int:
        number = self[word] = self.next
        self.next += 1
        self.new.append(word)
        return number

    def numbers(self, words: Sequence[str]) -> Places:
        """The number of each word of a reading, for which there must be ``room``."""
        first = self.next
        found = np.fromiter(map(self.__getitem__, words), np.intp, len(words))
        self._again[found[found < first]] = True
        return found

    def has_room(self, words: Sequence[str]) -> bool:
        """Whether there are numbers left for those of the words that are new."""
        left = self._most - self.next
        return len(words) <= left or len(set(words).difference(self)) <= left

    def renew(self) -> Places:
        """Forget what was met in one reading only.

        Returns:
            The numbers that the words which are left had before; now they are 0, 1, 2 …
        """
        again = self._again.tolist()
        # Those that are known the longest come first, and are the most frequent.
        left = [(word, number) for word, number in self.items() if again[number]]
        del left[self._most // _STAY :]
        self.forget()
        self.update((word, number) for number, (word, _) in enumerate(left))
        self.next = len(left)
        return np.array([number for _, number in left], np.intp)

    def forget(self) -> None:
        """Forget all."""
        self.clear()
        self.new.clear()
        self._again[:] = False
        self.next = 0
