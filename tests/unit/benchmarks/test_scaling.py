import pytest

from benchmarks.scaling import fitted, local, swept


def test_a_slope_is_that_of_the_logarithms_and_exact_where_all_lie_on_the_line() -> None:
    assert fitted({10: 1.0, 100: 10.0, 1_000: 100.0}) == {"slope": 1.0, "slope_error": 0.0}
    assert fitted({10: 5.0, 100: 5.0}) == {"slope": 0.0, "slope_error": None}


def test_what_lies_beside_the_line_makes_it_uncertain() -> None:
    found = fitted({1: 1.0, 10: 20.0, 100: 100.0})
    # 0, 1.301 and 2 in logarithms: off by 0.1, -0.2 and 0.1, and as sizes are 1 apart
    assert found["slope"] == pytest.approx(1.0, abs=0.001)
    assert found["slope_error"] == pytest.approx((6 * 0.1003**2 / 1 / 2) ** 0.5, abs=0.001)


def test_slopes_between_neighbours_are_told_apart() -> None:
    assert local({1: 1.0, 10: 1.0, 100: 100.0}) == {"least": 0.0, "most": 2.0}


def test_a_size_beyond_is_measured_but_not_fitted() -> None:
    found = swept([10, 100, 1_000], lambda size: 1e6 / min(size, 100), lambda _: None, upto=100)
    assert found["microseconds"] == {10: 10.0, 100: 100.0, 1_000: 100.0}
    assert found["slope"] == 1.0
    assert found["fitted_up_to"] == 100
    assert found["local_slopes"] == {"least": 1.0, "most": 1.0}
