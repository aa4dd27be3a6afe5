"""Plots of how good a model or a threshold is, as SVG or PNG by name. Needs the extra ``train``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["confusion", "reliability", "sweep"]

_BINS: Final = 10
_FEW: Final = 10
"""Bins with fewer results are left out."""
# So that the same figures give the same bytes.
_SETTINGS: Final[Any] = {"svg.hashsalt": "mentions", "svg.fonttype": "none"}


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str], title: str, to: Path) -> None:
    """Draw how often each given label (row) was judged as each label (column)."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, values in enumerate(counts):
        for column, count in enumerate(values):
            share = shares[row][column]
            axes.text(
                column,
                row,
                f"{count}\n{share:.0%}",
                ha="center",
                va="center",
                color="white" if share > 0.5 else "black",  # noqa: PLR2004 - readable on its shade
            )
    places = range(len(labels))
    axes.set_xticks(places, labels)
    axes.set_yticks(places, labels, rotation=90, va="center")
    axes.set_xlabel("judged")
    axes.set_ylabel("labelled")
    axes.set_title(title)
    _save(figure, to)


def reliability(curves: Sequence[tuple[str, Sequence[tuple[float, bool]]]], to: Path) -> None:
    """Draw how often results of each confidence were right.

    Args:
        curves: a name, and of each result the confidence and whether it was right.
        to: the file.
    """
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="ideal")
    for name, results in curves:
        points = []
        for number in range(_BINS):
            chosen = [r for r in results if min(int(r[0] * _BINS), _BINS - 1) == number]
            if len(chosen) >= _FEW:
                said = sum(confidence for confidence, _ in chosen) / len(chosen)
                points.append((said, sum(right for _, right in chosen) / len(chosen)))
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that was right")
    axes.legend(fontsize=8)
    _save(figure, to)


def sweep(
    chances: Sequence[float], a_week: Mapping[str, Sequence[float]], now: float, to: Path
) -> None:
    """Draw how many alerts a week each rule gives for each threshold.

    Args:
        chances: the thresholds.
        a_week: for each rule the alerts a week, one for each threshold.
        now: the threshold that is set.
        to: the file.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    if a_week:
        axes.stackplot(chances, *a_week.values(), labels=list(a_week), step="mid", alpha=0.85)
    axes.axvline(now, color="black", linestyle=":", label=f"set: {now:g}")
    axes.set_xscale("log")
    axes.set_xlabel("alerts.chance: the less likely a count must be, the fewer alerts")
    axes.set_ylabel("alerts a week")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    _save(figure, to)


def _save(figure: Figure, to: Path) -> None:
    with mpl.rc_context(_SETTINGS):
        figure.savefig(to, metadata={"Date": None} if to.suffix == ".svg" else None, dpi=120)
