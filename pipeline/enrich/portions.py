"""Work in portions, so that what it takes at once is bounded."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["portions"]

T = TypeVar("T")


def portions(items: Iterable[T], most: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """Items in their order, as many at once as ``most`` allows; one that is larger comes alone."""
    portion: list[T] = []
    total = 0
    for item in items:
        more = size(item)
        if portion and total + more > most:
            yield portion
            portion, total = [], 0
        portion.append(item)
        total += more
    if portion:
        yield portion
