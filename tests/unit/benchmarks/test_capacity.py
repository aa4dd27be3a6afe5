from benchmarks.capacity import checked


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
