from benchmarks.capacity import checked, needs


def test_a_steady_part_says_what_each_process_took_once_all_have_started() -> None:
    def point(seconds: float, used: float) -> dict[str, float]:
        names = ("enrich", "index", "broker", "elasticsearch")
        return {"seconds": seconds, **{f"cpu_{name}": used for name in names}}

    run = {
        "enrich": {"whole": {"rate": 1_000, "broker_ms_each": 0.1}},
        "index": {"stage": {"rate": 5_000}},
        "soak": {"rate": 500, "points": [point(0, 9), point(10, 10), *([point(50, 30)] * 3)]},
    }
    assert checked(run, "soak") == {
        "enrich": (0.5, 0.5),
        "index": (0.1, 0.5),
        "broker": (0.05, 0.5),
        "elasticsearch": (0.1, 0.5),
    }


def test_what_all_others_write_leaves_less_of_each_worker_and_at_last_nothing() -> None:
    run = {
        "enrich": {"whole": {"rate": 1_000, "broker_ms_each": 0.1}},
        "index": {"stage": {"rate": 5_000}},
    }
    few, more, most = (needs(run, a_day, 20, 500, 1_800) for a_day in (10**6, 10**8, 10**9))
    assert few["enrich workers"] == 1
    # 11,574 a second; 0.23 of each core for fingerprints leaves 0.37 of 0.6.
    assert more["enrich workers"] == 32
    assert more["partitions"] == 72
    assert most["enrich workers"] is None
    assert most["index workers"] == 39
