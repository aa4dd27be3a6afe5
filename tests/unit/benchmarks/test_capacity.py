import math
from typing import Any

import pytest

from benchmarks.capacity import (
    EGRESS,
    Cost,
    Fingerprints,
    alone,
    carried,
    checked,
    costs,
    dearer,
    installations,
    needs,
)

COST = Cost(enrich=0.001, index=0.0002, broker=0.0001, elasticsearch=0.0003)
SEEN = Fingerprints(least=3, typical=4, most=5, size=200)
BILLION = 10**9


def run() -> dict[str, Any]:
    def point(seconds: float, used: float) -> dict[str, float]:
        return {"seconds": seconds, **{f"cpu_{name}": used for name in Cost.__struct_fields__}}

    return {
        "enrich": {"whole": {"rate": 1_000, "broker_ms_each": 0.1}},
        "index": {"stage": {"rate": 5_000}},
        # What all of them used before the second of these points, they took to start.
        "soak": {"rate": 1_000, "points": [point(0, 9), point(10, 10), *([point(50, 30)] * 3)]},
    }


def test_a_mention_costs_each_process_the_dearer_of_a_burst_and_an_even_rate() -> None:
    burst, even = costs(run())
    assert burst == Cost(0.001, 0.0002, 0.0001, 0.0002)
    assert even == Cost(0.0005, 0.0005, 0.0005, 0.0005)
    assert dearer(run()) == Cost(0.001, 0.0005, 0.0005, 0.0005)


def test_a_steady_part_says_what_each_process_took_once_all_have_started() -> None:
    assert checked(COST, run()["soak"]) == {
        "enrich": (1.0, 0.5),
        "index": (0.2, 0.5),
        "broker": (0.1, 0.5),
        "elasticsearch": (0.3, 0.5),
    }


def test_what_all_others_write_leaves_less_of_each_worker_and_at_last_nothing() -> None:
    few, more, most = (alone(COST, a_day, 5, 200) for a_day in (10**6, 10**8, 2 * BILLION))
    assert few.workers == 1
    # 11,574 a second; 0.058 of each core for fingerprints leaves 0.542 of 0.6; otherwise 20.
    assert more.workers == 22
    assert more.times == 22 / 20
    assert more.egress == pytest.approx(22 * 11_574.07 * 200 / 1e6)
    assert more.taking_in == pytest.approx(0.0579, abs=0.0001)
    assert most.workers == most.times == most.egress == math.inf


def test_it_is_split_until_neither_cores_nor_the_leader_are_full_of_fingerprints() -> None:
    assert installations(COST, 10**8, SEEN) == 1
    # 115,741 a second at 5 µs are 0.579 of a core.
    assert installations(COST, BILLION, Fingerprints(3, 4, 5, size=1)) == 6
    # Of those six each would have 39 workers, and a leader that sends 150 MB/s.
    assert installations(COST, BILLION, SEEN) == 7
    assert alone(COST, BILLION / 6, 5, 200).egress > EGRESS
    assert alone(COST, BILLION / 7, 5, 200).egress <= EGRESS


def test_needs_are_those_of_all_installations_together() -> None:
    found = needs(COST, BILLION, SEEN, 500, 1_800)
    assert found["installations"] == 7
    # 16,534 a second each: 0.517 of a core is left, so 32 workers; and 6 that index.
    assert found["enrich workers"] == 7 * 32
    assert found["index workers"] == 7 * 6
    assert found["partitions of each installation"] == 72
    assert found["broker cores"] == math.ceil(3 * 115_741 * 0.0001 / 0.6)
    assert found["nodes, by writing"] == math.ceil(2 * 115_741 * 0.0003 / 0.6 / 8)
    assert found["MB/s of fingerprints from each leader"] == pytest.approx(105.8, abs=0.1)
    few = needs(COST, 10**6, SEEN, 500, 1_800)
    assert few["installations"] == few["enrich workers"] == few["index workers"] == 1
    assert few["partitions of each installation"] == 12


def test_what_twelve_partitions_carry_takes_six_workers_and_no_more() -> None:
    most = carried(COST, SEEN)
    assert alone(COST, 0.999 * most, 5, 200).workers == 6
    assert alone(COST, 1.001 * most, 5, 200).workers == 7
