"""What a poll ends with when some of a source's places could not be read."""

from collections.abc import Sequence

import pytest

from agents.errors import Busy, Denied, RateLimited, SourceError, Unreadable
from agents.places import failed

EVERY = 300.0
BUSY = Busy("enough", "a.example")


@pytest.mark.parametrize(
    ("failures", "places", "kind", "seconds"),
    [
        ([SourceError("500")], 1, SourceError, None),
        ([RateLimited("wait", 3_600)], 1, RateLimited, 3_600),
        ([SourceError("500")], 2, SourceError, EVERY),
        ([RateLimited("wait", 30)], 2, RateLimited, 30),
        ([RateLimited("wait", 3_600)], 2, RateLimited, EVERY),
        ([RateLimited("wait", 3_600), SourceError("500")], 3, SourceError, EVERY),
        ([RateLimited("wait", 3_600), SourceError("500")], 2, SourceError, None),
        ([RateLimited("wait", 3_600), RateLimited("wait", 60)], 2, RateLimited, 60),
        ([Denied("no"), Denied("no")], 2, Denied, None),
        ([Denied("no"), Unreadable("odd")], 3, SourceError, EVERY),
        ([BUSY], 1, Busy, 0),
        ([BUSY], 2, Busy, 0),
        ([BUSY, BUSY], 2, Busy, 0),
        ([BUSY, RateLimited("wait", 3_600)], 2, RateLimited, EVERY),
        ([Denied("no"), BUSY], 2, Denied, EVERY),
    ],
)
def test_what_is_counted_and_when_to_come_back(
    failures: Sequence[SourceError], places: int, kind: type, seconds: float | None
) -> None:
    error = failed(failures, places, "feeds", EVERY)
    assert (type(error), error.seconds) == (kind, seconds)


def test_it_says_how_many_of_the_places_failed_which_are_not_those_that_are_busy() -> None:
    error = failed([BUSY, Denied("no"), Denied("nor here")], 4, "feeds", EVERY)
    assert str(error) == "2 of 4 feeds failed: no"
