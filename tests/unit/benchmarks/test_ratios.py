import pytest

from benchmarks.ratios import collapsed, compared, ratios, unfinished


def rates(*rounds: float) -> dict[str, object]:
    return {"rate": sorted(rounds)[len(rounds) // 2], "rounds": list(rounds)}


def test_a_ratio_is_the_median_of_each_rounds_so_a_slow_moment_changes_nothing() -> None:
    found = ratios({"enrich": {"ours": rates(2_000, 200, 2_000), "naive": rates(200, 20, 100)}})
    assert found == {"enrich ours/naive": 10.0}


def test_processor_time_is_compared_the_other_way_round() -> None:
    ours, naive = rates(1_000), rates(100)
    ours["cpu_ms_each"], naive["cpu_ms_each"] = [0.5], [4.0]
    found = ratios({"enrich": {"ours": ours, "naive": naive}})
    assert found == {"enrich ours/naive": 10.0, "enrich ours/naive, processor": 8.0}


def test_the_index_is_compared_with_the_faster_of_the_two_helpers() -> None:
    index = {"bulk": rates(4_000), "async_bulk": rates(8_000), "writer": rates(6_000)}
    assert ratios({"index": index}) == {"index writer/fastest helper": 0.75}


def test_the_index_is_compared_with_the_only_helper_where_there_is_one() -> None:
    index = {"async_bulk": rates(8_000), "writer": rates(6_000)}
    assert ratios({"index": index}) == {"index writer/fastest helper": 0.75}


def test_half_of_what_it_was_is_noise_and_less_is_a_collapse() -> None:
    before = {"enrich ours/naive": 8.0, "index writer/floor": 1.0}
    assert not collapsed({"enrich ours/naive": 4.0, "index writer/floor": 0.6}, before)
    (line,) = collapsed({"enrich ours/naive": 3.9, "index writer/floor": 0.6}, before)
    assert "enrich ours/naive" in line
    assert "8.0" in line


def test_what_is_measured_no_more_has_collapsed() -> None:
    assert collapsed({}, {"path ours/naive": 5.0})


def test_each_ratio_stands_beside_what_it_was_and_the_least_it_may_be() -> None:
    _, line = compared({"enrich ours/naive": 6.0, "new": 1.0}, {"enrich ours/naive": 8.0})
    assert line.split()[-3:] == ["6.00", "8.00", "4.00"]


@pytest.mark.parametrize(("growth", "sustained"), [(0.4, {"path sustained/naive": 4.0}), (2.0, {})])
def test_a_rate_at_which_lag_grows_is_not_sustained(
    growth: float, sustained: dict[str, float]
) -> None:
    path = {"ours": rates(150), "naive": rates(25)}
    found = ratios({"path": path, "soak": {"rate": 100.0, "lag_growth": growth}})
    assert found == {"path ours/naive": 6.0, **sustained}


def test_what_was_sent_and_not_found_is_said() -> None:
    assert list(unfinished({"soak": {"sent": 3, "searchable": 2}}))
    assert not list(unfinished({"soak": {"sent": 3, "searchable": 3}}))
