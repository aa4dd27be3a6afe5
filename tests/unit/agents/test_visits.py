"""How many polls are at one host."""

import pytest

from agents import visits
from agents.errors import Busy
from agents.visits import AT_ONCE, Visit


def test_a_host_takes_so_many_and_each_poll_is_at_one_host() -> None:
    several = [Visit() for _ in range(AT_ONCE + 1)]
    first, *_, last = several
    assert [visit.go("a") for visit in several] == [*[True] * AT_ONCE, False]
    assert first.go("a"), "it is there already"
    assert first.go("b")
    assert last.go("a"), "there is room again"
    assert not first.go("a")
    for visit in several:
        with visit.under_way():
            pass
    assert not visits._there


def test_a_poll_that_is_turned_away_is_told_and_a_thread_without_one_goes_in() -> None:
    others = [Visit() for _ in range(AT_ONCE)]
    for other in others:
        assert other.go("a")
    with Visit().under_way():
        visits.arrive("b")
        with pytest.raises(Busy) as busy:
            visits.arrive("a")
        assert busy.value.host == "a"
    visits.arrive("a")
    with others[0].under_way():
        visits.arrive("a")
    with Visit().under_way():
        visits.arrive("a")
    for other in others:
        with other.under_way():
            pass
    assert not visits._there
