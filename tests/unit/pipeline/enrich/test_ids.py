"""The newest ids are known, each by its newest number, and all before them are forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.ids import Ids


def test_an_id_has_the_number_it_got_last() -> None:
    ids = Ids(100)
    for name in ("t:1", "t:2", "t:1"):
        ids.append(name)
    assert [ids.find(name) for name in ("t:1", "t:2", "t:3")] == [2, 1, None]
    assert [ids[number] for number in range(3)] == ["t:1", "t:2", "t:1"]


@given(
    size=st.sampled_from([1, 2, 7, 300, 600]),
    names=st.lists(st.sampled_from(["t:1", "t:2", "feeds:ä😀", "mail:" + 400 * "x", "t:"])),
    others=st.integers(0, 700),
)
def test_what_is_known_is_what_a_list_would_hold(size: int, names: list[str], others: int) -> None:
    ids, every = Ids(size), [*names, *(f"o:{n % 400}" for n in range(others)), *names]
    for name in every:
        ids.append(name)
    oldest = max(len(every) - size, 0)
    assert [ids[number] for number in range(oldest, len(every))] == every[oldest:]
    newest = {name: number for number, name in enumerate(every) if number >= oldest}
    assert {name: ids.find(name) for name in every} == {name: newest.get(name) for name in every}


def test_ids_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.enrich.ids.hash", lambda _: 5, raising=False)
    ids = Ids(4)
    for number in range(11):
        ids.append(f"t:{number}")
    assert [ids.find(f"t:{number}") for number in range(12)] == [None] * 7 + [7, 8, 9, 10, None]


def test_memory_is_bounded() -> None:
    ids = Ids(1_000)
    for number in range(10_000):
        ids.append(f"t:{number}")
    assert sum(map(len, ids._blocks)) <= (1_000 + 2 * 256) * len("t:1234")
