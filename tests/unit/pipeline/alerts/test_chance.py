import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.chance import at_least, at_most, share_at_least

means = st.floats(0.01, 300)
counts = st.integers(0, 400)


@given(counts, means)
def test_both_sides_together_are_certain(count: int, mean: float) -> None:
    assert at_least(count + 1, mean) + at_most(count, mean) == pytest.approx(1, abs=1e-9)


@given(counts, means)
def test_more_is_less_likely(count: int, mean: float) -> None:
    assert at_least(count + 1, mean) <= at_least(count, mean) + 1e-12


def test_small_chances_keep_their_digits() -> None:
    # 4 of 0.03: close to 0.03 ** 4 / 24, a little more because of the spread.
    assert 3e-8 < at_least(4, 0.03) < 3e-7
    assert 0 < at_least(100, 1.0) < 1e-60


@pytest.mark.parametrize(
    ("count", "of", "share", "expected"), [(0, 5, 0.3, 1.0), (1, 1, 0.3, 0.3), (2, 2, 0.5, 0.25)]
)
def test_a_share_is_binomial(count: int, of: int, share: float, expected: float) -> None:
    assert share_at_least(count, of, share) == pytest.approx(expected)
