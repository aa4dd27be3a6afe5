from pathlib import Path
from typing import Any

from benchmarks.report import plot_scaled, scaled

WHO = ("worker", "broker", "elasticsearch", "bench", "other", "idle")
ONE = {f"{who}_cores": 0.1 for who in WHO}


def run() -> dict[str, Any]:
    poll = {"cpu_ms_a_poll": 2.0, "rss_mib": 70}
    return {
        "at": "2026-01-01T00:00:00+00:00",
        "machine": {"cpu": "Some", "cores": 2, "memory_gib": 8.0, "python": "3.11"},
        "parts": {
            "text": {"at": "then", "seconds": 9, "load_before": 0.5, "commit": "abc"},
        },
        "text": {
            "microseconds": {"20": 100.0, "200": 1_000.0, "2000": 1_000.0},
            "slope": 1.0,
            "slope_error": 0.1,
            "fitted_up_to": 200,
            "local_slopes": {"least": 0.9, "most": 1.1},
        },
        "documents": {
            "microseconds": {"20": 100.0, "200": 100.0},
            "slope": 0.0,
            "search": {"milliseconds": {"20": 1.0, "200": 10.0}, "slope": 1.0},
        },
        "workers": {
            "1": {"rate": 1_000.0, **ONE},
            "2": {"rate": 2_000.0, **ONE},
            "speed_up": 2.0,
        },
        "rebalance": {
            "longest_pause_seconds": {"one is killed (-9)": 14.0},
            "most": {"one is killed (-9)": 15.0},
            "each": {"one is killed (-9)": [13.0, 14.0, 15.0]},
            "rate": 400.0,
        },
        "sources": {
            "idle": {"rss_mib": 60},
            "by_sources": {"10": poll, "100": poll},
            "slope": 0.0,
            "slope of memory": 0.0,
        },
    }


def test_workers_pauses_and_sources_stand_on_the_page_of_how_cost_grows() -> None:
    page = "\n".join(scaled(run()))
    assert "by workers on 2 cores: 2.0 times as fast, slope 1.0" in page
    assert "| 2 workers | 2,000.0 | 0.1 worker, 0.1 broker, 0.1 elasticsearch, 0.1 bench" in page
    assert "| one is killed (-9) | 14.0 | median of 3, most 15.0 |" in page
    assert "slope 1.0 ± 0.1 up to 200, between neighbours 0.9 to 1.1." in page
    assert "| text | then | 9 | 0.5 | abc |" in page
    assert "ms of an analyst's search" in page
    assert "by sources of one agent" in page


def test_they_are_drawn_too_beside_the_curves(tmp_path: Path) -> None:
    plot_scaled(run(), tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    for title in ("slope 1.0 ± 0.1 up to 200", "by workers on 2 cores", "by sources of one agent"):
        assert title in drawn
    assert "one is killed" in drawn
    assert "0.1 elasticsearch" in drawn


def test_a_part_that_was_not_measured_is_left_out(tmp_path: Path) -> None:
    only = {key: value for key, value in run().items() if key not in {"workers", "sources"}}
    plot_scaled(only, tmp_path / "plot.svg")
    assert "by workers" not in "\n".join(scaled(only))
