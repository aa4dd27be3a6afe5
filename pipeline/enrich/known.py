"""Words that were met, numbered, so that what was found out about each can be kept in arrays.

Of the words of a language a few come all the time, and most never again. Where there would be no
room for more, those are forgotten that were met in one reading only, and the others numbered anew.
"""

from collections.abc import Callable, Sequence
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
        moved: told when words are forgotten; the numbers that those which are left had before, in
            the order of those they have now.
    """

    def __init__(self, most: int, moved: Callable[[Places], None]) -> None:
        super().__init__()
        self._most = most
        self._moved = moved
        self._again = np.zeros(most, np.bool_)
        """Whether it was met again, since it was last decided what is forgotten."""
        self.next = 0
        """The number that the next new word gets."""
        self.new: list[str] = []
        """Those that have got a number; for whoever uses it to clear."""

    def __missing__(self, word: str) -> int:
        number = self.next
        if number == self._most:
            msg = "there is no number left"
            raise OverflowError(msg)
        self[word] = number
        self.next = number + 1
        self.new.append(word)
        return number

    def numbers(self, words: Sequence[str]) -> Places:
        """The number of each word of a reading, good until the next one.

        Args:
            words: those of the reading.

        Raises:
            OverflowError: there are more different ones than numbers.
        """
        for make_room in (self._renew, self.forget):
            try:
                return self._numbers(words)
            except OverflowError:
                make_room()
        return self._numbers(words)

    def forget(self) -> None:
        """Forget all."""
        self._leave([])

    def _numbers(self, words: Sequence[str]) -> Places:
        first = self.next
        found = np.fromiter(map(self.__getitem__, words), np.intp, len(words))
        self._again[found[found < first]] = True
        return found

    def _renew(self) -> None:
        """Forget what was met in one reading only; none of the one that had no room is kept."""
        again = self._again.tolist()
        # Those that are known the longest come first, and are the most frequent.
        left = [(word, number) for word, number in self.items() if again[number]]
        self._leave(left[: self._most // _STAY])

    def _leave(self, left: Sequence[tuple[str, int]]) -> None:
        self.clear()
        self.update((word, number) for number, (word, _) in enumerate(left))
        self.next = len(left)
        self.new.clear()
        self._again[:] = False
        # At last, for who is told may have words numbered.
        self._moved(np.array([number for _, number in left], np.intp))
