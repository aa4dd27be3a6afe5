"""The best labels of many short runs of words at once (Viterbi).

A run has no name, which is label 0, on either side. All runs take their first step together, then
all that have a second word, and so on: as many steps of whole arrays as the longest run has words,
in place of a small one for each word.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["best"]

_Integers: TypeAlias = npt.NDArray[np.intp]


def best(
    scores: npt.NDArray[np.float64], lengths: _Integers, transitions: npt.NDArray[np.float64]
) -> _Integers:
    """The labels with the highest sum of scores and transitions; of equals, the first.

    Args:
        scores: of each word for each label, one run's words after another's.
        lengths: how many words each run has; there is a run, and each has words.
        transitions: what is added when a label (row) is followed by another (column); ``-inf``
            where it never is.

    Returns:
        The label of each word.
    """
    places, counts = _by_step(lengths)
    ends = np.cumsum(counts).tolist()
    steps = list(zip([0, *ends[:-1]], ends, strict=True))
    before = np.ascontiguousarray(transitions.T)  # by the label that follows
    sums = np.empty_like(scores)  # of the best way up to each word, for each label there
    sums[places] = scores
    start, end = steps[0]
    sums[start:end] += before[:, 0]
    last = sums[start:end]
    for start, end in steps[1:]:
        ways = last[: end - start, np.newaxis] + before
        last = sums[start:end]
        last += ways.max(axis=2)

    labels = np.zeros(len(scores), np.intp)
    after = labels[:0]
    for start, end in reversed(steps):
        here = labels[start:end]
        here[: len(after)] = after  # the runs that end here are followed by label 0
        (sums[start:end] + before[here]).argmax(axis=1, out=here)
        after = here
    return labels[places]


def _by_step(lengths: _Integers) -> tuple[_Integers, _Integers]:
    """The words in another order: all first ones, all second ones …, each time long runs first.

    Returns:
        The place of each word in that order, and how many words each step has.
    """
    ranks = np.empty_like(lengths)
    ranks[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
    steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    counts = np.bincount(steps)
    return (np.cumsum(counts) - counts)[steps] + np.repeat(ranks, lengths), counts
