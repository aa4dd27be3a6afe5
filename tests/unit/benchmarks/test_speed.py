from benchmarks.speed import FLOORS, LATEST, collapsed


def test_what_is_slower_than_its_floor_or_later_has_collapsed() -> None:
    assert collapsed(FLOORS, LATEST) == []
    assert len(collapsed({name: floor - 1 for name, floor in FLOORS.items()}, LATEST + 1)) == 3
    (line,) = collapsed({**FLOORS, "tweets a second": 1_999.4}, LATEST)
    assert line == "tweets a second: 1,999 is below 2,000"
