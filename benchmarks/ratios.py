"""What a run's figures say of each other, and whether they have become worse."""

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, Final

__all__ = ["collapsed", "compared", "ratios", "unfinished"]

COLLAPSE: Final = 0.5
"""A ratio that falls to less of what it was has collapsed: what is above may be noise."""
GROWING: Final = 0.01
"""Where lag grows by more of the rate, that rate is not sustained."""


def ratios(found: Mapping[str, Any]) -> dict[str, float]:
    """What is compared: the median, over the rounds, of our rate by that of others."""
    made: dict[str, float] = {}
    if enrich := found.get("enrich"):
        for ours in ("ours", "whole"):
            for name in enrich:
                if ours in enrich and name not in {"ours", "whole"}:
                    made[f"enrich {ours}/{name}"] = _ratio(enrich[ours], enrich[name])
                    if "cpu_ms_each" in enrich[name]:
                        made[f"enrich {ours}/{name}, processor"] = _thrift(
                            enrich[ours], enrich[name]
                        )
    if index := found.get("index"):
        made |= _indexed(index)
    if path_ := found.get("path"):
        made["path ours/naive"] = _ratio(path_["ours"], path_["naive"])
        soak = found.get("soak")
        if soak and soak["lag_growth"] <= GROWING * soak["rate"]:
            made["path sustained/naive"] = round(soak["rate"] / path_["naive"]["rate"], 2)
    return made


def _indexed(index: Mapping[str, Any]) -> dict[str, float]:
    made: dict[str, float] = {}
    helpers = [way for way in ("bulk", "async_bulk") if way in index]
    helper = max(helpers, key=lambda way: index[way]["rate"])
    for ours, other, called in (
        ("writer", helper, "fastest helper"),
        ("stage", helper, "fastest helper"),
        ("stage", "read", "read"),
    ):
        if ours in index and other in index:
            made[f"index {ours}/{called}"] = _ratio(index[ours], index[other])
    return made


def _ratio(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Round by round, so that a slow moment of the machine slows both down."""
    pairs = zip(one["rounds"], other["rounds"], strict=True)
    return round(median(rate / floor for rate, floor in pairs), 2)


def _thrift(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How many times the processor time of ours the other takes for a message."""
    pairs = zip(one["cpu_ms_each"], other["cpu_ms_each"], strict=True)
    return round(median(floor / ours for ours, floor in pairs), 2)


def unfinished(found: Mapping[str, Any]) -> Iterator[str]:
    """What was sent and not found."""
    for part in ("soak", "million"):
        done = found.get(part)
        if done and done["searchable"] != done["sent"]:
            yield f"{part}: {done['searchable']} of {done['sent']} mentions are searchable"


def compared(now: Mapping[str, float], before: Mapping[str, float]) -> Iterator[str]:
    """Each ratio, beside what it was, and the least that it may be."""
    yield f"{'':36} {'now':>6} {'was':>6} {'least':>6}"
    for name, was in before.items():
        yield f"{name:36} {now.get(name, 0.0):6.2f} {was:6.2f} {COLLAPSE * was:6.2f}"


def collapsed(now: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """Ratios that are less than half of what they were."""
    return [
        f"{name} has collapsed: {now.get(name, 0.0)}, was {was}"
        for name, was in before.items()
        if now.get(name, 0.0) < COLLAPSE * was
    ]
