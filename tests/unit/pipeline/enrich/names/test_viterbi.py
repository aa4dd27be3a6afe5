"""The search for the best labels of all runs, against one run and one word at a time."""

from operator import add

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.names.viterbi import best

LABELS = 4


def plain(scores: list[list[float]], transitions: list[list[float]]) -> list[int]:
    """The best labels of one run; of equals, the first."""
    columns = list(zip(*transitions, strict=True))
    sums = list(map(add, scores[0], transitions[0]))
    back: list[list[int]] = []
    for score in scores[1:]:
        ways = [list(map(add, sums, column)) for column in columns]
        back.append([way.index(max(way)) for way in ways])
        sums = list(map(add, map(max, ways), score))
    ends = list(map(add, sums, columns[0]))
    labels = [ends.index(max(ends))]
    for step in reversed(back):
        labels.append(step[labels[-1]])
    return labels[::-1]


# Small whole numbers, so that sums are often equal; and fractions, so that roundings count.
NUMBERS = st.integers(-3, 3).map(float) | st.floats(-9, 9)
WORDS = st.lists(NUMBERS, min_size=LABELS, max_size=LABELS)
STEPS = st.lists(NUMBERS | st.just(float("-inf")), min_size=LABELS, max_size=LABELS)


@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=6), min_size=1, max_size=8),
    st.lists(STEPS, min_size=LABELS, max_size=LABELS),
)
def test_is_what_one_run_after_another_gives(
    runs: list[list[list[float]]], transitions: list[list[float]]
) -> None:
    found = best(
        np.array([word for run in runs for word in run]),
        np.array([len(run) for run in runs]),
        np.array(transitions),
    )
    assert found.tolist() == [label for run in runs for label in plain(run, transitions)]
