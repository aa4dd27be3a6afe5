"""One error for a source that some of its places, such as feeds or forums, cannot be read of."""

from collections.abc import Sequence

from agents.errors import Busy, SourceError

__all__ = ["failed"]


def failed(failures: Sequence[SourceError], places: int, called: str, every: float) -> SourceError:
    """What a poll ends with that has read all places it could.

    ``Busy`` where no place is anything else: it is no failure, and what is busy is read when there
    is room. Else an error of the kind that all are of, which is what the ledger counts: a token
    that is refused everywhere is ``Denied``. No place is held up by the wait of another.

    Args:
        failures: at least one.
        places: how many there are.
        called: what they are, in messages.
        every: seconds between two polls while all is well.
    """
    real = [failure for failure in failures if not isinstance(failure, Busy)]
    if not real:
        return failures[0]
    if len(real) == 1 == places:
        return real[0]
    msg = f"{len(real)} of {places} {called} failed: {real[0]}"
    kinds = {type(failure) for failure in real}
    kind = kinds.pop() if len(kinds) == 1 else SourceError
    return kind(msg, _again(real, places, every))


def _again(failures: Sequence[SourceError], places: int, every: float) -> float | None:
    """Seconds until the first of the places can be read; None: nobody said so."""
    waits = [failure.seconds for failure in failures if failure.seconds]
    if len(failures) < places:
        return min(*waits, every) if waits else every
    return min(waits) if len(waits) == len(failures) else None
