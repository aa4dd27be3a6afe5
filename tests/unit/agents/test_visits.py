"""How many polls are at one host."""

from functools import partial

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


def test_who_leaves_gives_its_place_to_the_first_in_line() -> None:
    there = [Visit() for _ in range(AT_ONCE)]
    waiting = [Visit() for _ in range(2)]
    late = Visit()
    assert all(visit.go("a") for visit in there)
    called: list[int] = []
    for number, visit in enumerate(waiting):
        visit.stand_in_line("a", partial(called.append, number))
    assert not called
    assert there[0].go("b")
    assert called == [0]
    assert not late.go("a"), "its place was never free"
    late.stand_in_line("b", lambda: called.append(2))
    assert called == [0, 2], "where there is room nobody waits"
    for visit in (*there, *waiting, late):
        with visit.under_way():
            pass
    assert called == [0, 2, 1]
    assert not visits._there
    assert not visits._lines


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
