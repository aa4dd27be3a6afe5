"""``python -m benchmarks.capacity RUN.json``: what so many mentions a day take, by a run's figures.

The run is one of ``benchmarks.run`` that has the parts ``enrich``, ``index`` and ``soak``. Beside
it are measured here, on one core, the cost of taking in another worker's fingerprint, and the bytes
of messages. What is assumed and not measured stands in the constants, and in ``docs/capacity.md``.

A mention costs each process the dearer of two: what it cost in a burst (``enrich``, ``index``: the
topic is full, and batches are as large as they get), and at an even rate (``soak``: a whole
installation, whose batches are smaller, and each costs a poll, a commit and a request; the broker
also gets each raw mention by itself, and hands out enriched ones, which in the burst it does not).
So the model holds for workers as busy as those of the soak: of less, each mention costs more.

Where the run has the part ``million``, a whole installation at the peak of a million mentions a
day, it is printed beside the model, which it has no part in. The soak is printed as what was
fitted, and says how much dearer than it the model is.

Every enrich worker of an installation takes in the fingerprints of all others, so what is left of
it shrinks as the rate grows, and all are read from the leader of one partition. An installation is
therefore kept within ``TAKING_IN`` and ``EGRESS``; what does not fit is several of them, each with
its own prefix. What one alone would take is printed for the cost of a fingerprint in the fastest,
the middle and the slowest round: where that matters much, nobody should rely on the number.
"""

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec
from msgspec import Struct

from benchmarks.bench import TOPICS
from benchmarks.corpus import mentions, topics_toml
from benchmarks.engines import Record
from benchmarks.engines.work import Work
from pipeline.enrich.duplicates import fingerprints
from pipeline.enrich.text import view
from pipeline.enrich.window import Window
from schemas import encode as encode_raw
from schemas.fingerprint import decode, encode

__all__ = [
    "PEAK_OF_A_MILLION",
    "Cost",
    "Fingerprints",
    "alone",
    "carried",
    "checked",
    "costs",
    "installations",
    "needs",
    "used",
]

A_DAY: Final = (1_000_000, 100_000_000, 1_000_000_000)
PEAK: Final = 10
"""How many times the average the busiest minutes are."""
PEAK_OF_A_MILLION: Final = PEAK * A_DAY[0] / 86_400
"""Mentions a second."""
BUSY: Final = 0.6
"""How much of a core or node is used at the peak."""
COPIES: Final = {"kafka": 3, "elasticsearch": 2}
INDEXED: Final = 1_030
"""Bytes a mention in Elasticsearch: ``python -m benchmarks.index_size 30``."""
KEPT: Final = {"raw": 30, "enriched": 90, "indexed": 365}
"""Days."""
NODE: Final = 2.8e12
"""Bytes that a node holds: 70 % of 4 TB."""
NODE_CORES: Final = 8
PARTITIONS: Final = 12
"""That topics are made with; and twice as many as workers of a stage, so that it can grow."""
TAKING_IN: Final = 0.1
"""How much of an enrich worker's core others' fingerprints may take at the peak. Beyond, a small
error in what one costs is a large one in the number of workers."""
EGRESS: Final = 125.0
"""MB/s of fingerprints from the leader of their partition, uncompressed: a tenth of 10 Gbit/s."""
ROUNDS: Final = 7
BATCH: Final = 500
WINDOW: Final = 150_000
"""Fingerprints that a worker keeps: ``enrichment.stories_window``."""
FINGERPRINTS: Final = 20_000
MESSAGES: Final = 5_000


class Cost(Struct, frozen=True):
    """Seconds of a core for a mention, by process."""

    enrich: float
    index: float
    broker: float
    elasticsearch: float


class Fingerprints(Struct, frozen=True):
    """What those of other workers' mentions take."""

    least: float
    """Microseconds of a worker for each, in the fastest round."""
    typical: float
    most: float
    size: float
    """Bytes of a message."""


class Alone(Struct, frozen=True):
    """What the fingerprints of one installation take at its peak."""

    taking_in: float
    """Of each enrich worker's core."""
    workers: float
    """That enrich; endless where taking in all others' fingerprints leaves no core for it."""
    times: float
    """So many times those that it would take without fingerprints."""
    egress: float
    """MB/s from the leader of their partition."""


def costs(run: Mapping[str, Any]) -> tuple[Cost, Cost]:
    """What a mention costs in a burst, and at the soak's even rate."""
    # Elasticsearch had what the index stage left of two cores; that counts as one core.
    index = 1 / run["index"]["stage"]["rate"]
    whole = run["enrich"]["whole"]
    burst = Cost(1 / whole["rate"], index, whole["broker_ms_each"] / 1_000, index)
    rate = run["soak"]["rate"]
    even = Cost(**{name: cores / rate for name, cores in used(run["soak"]).items()})
    return burst, even


def dearer(run: Mapping[str, Any]) -> Cost:
    """What the model counts with."""
    both = [msgspec.structs.asdict(cost) for cost in costs(run)]
    return Cost(**{name: max(cost[name] for cost in both) for name in both[0]})


def used(steady: Mapping[str, Any]) -> dict[str, float]:
    """Cores by process in a part at an even rate, once all have started."""
    points = steady["points"]
    first, last = points[len(points) // 5], points[-1]
    seconds = last["seconds"] - first["seconds"]
    return {
        name: (last[f"cpu_{name}"] - first[f"cpu_{name}"]) / seconds
        for name in Cost.__struct_fields__
    }


def checked(cost: Cost, steady: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Cores that the model says a part's rate takes, and those that were used, by process."""
    return {
        name: (round(steady["rate"] * getattr(cost, name), 3), round(cores, 3))
        for name, cores in used(steady).items()
    }


def alone(cost: Cost, a_day: float, each_us: float, size: float) -> Alone:
    """One installation that has all of so many mentions a day.

    A fingerprint costs each worker ``each_us`` microseconds, and has ``size`` bytes.
    """
    peak = PEAK * a_day / 86_400
    taking_in = peak * each_us / 1e6
    left = BUSY - taking_in
    workers = math.ceil(peak * cost.enrich / left) if left > 0 else math.inf
    otherwise = math.ceil(peak * cost.enrich / BUSY)
    return Alone(taking_in, workers, workers / otherwise, workers * peak * size / 1e6)


def installations(cost: Cost, a_day: float, fingerprints: Fingerprints) -> int:
    """Into how many so many mentions a day are split, by the slowest round."""
    count = 1
    while True:
        share = alone(cost, a_day / count, fingerprints.most, fingerprints.size)
        if share.taking_in <= TAKING_IN and share.egress <= EGRESS:
            return count
        count += 1


def needs(
    cost: Cost, a_day: int, fingerprints: Fingerprints, raw: float, enriched: float
) -> dict[str, float]:
    """What so many mentions a day take; ``raw`` and ``enriched`` are bytes a message.

    All but what is said of one installation is of all installations together.
    """
    average = a_day / 86_400
    peak = PEAK * average
    count = installations(cost, a_day, fingerprints)
    share = alone(cost, a_day / count, fingerprints.most, fingerprints.size)
    enrich = int(share.workers)
    index = math.ceil(peak / count * cost.index / BUSY)
    stored = COPIES["elasticsearch"] * INDEXED * a_day * KEPT["indexed"]
    kafka = COPIES["kafka"] * a_day * (raw * KEPT["raw"] + enriched * KEPT["enriched"])
    writing = COPIES["elasticsearch"] * peak * cost.elasticsearch
    broker = COPIES["kafka"] * peak * cost.broker
    return {
        "mentions a second, average": round(average, 1),
        "at the peak": round(peak),
        "installations": count,
        "enrich workers": count * enrich,
        "index workers": count * index,
        "partitions of each installation": PARTITIONS
        * max(1, math.ceil(2 * max(enrich, index) / PARTITIONS)),
        "broker cores": math.ceil(broker / BUSY),
        "TB in Kafka": round(kafka / 1e12, 2),
        "TB in Elasticsearch": round(stored / 1e12, 2),
        "nodes, by disk": math.ceil(stored / NODE),
        "nodes, by writing": math.ceil(writing / BUSY / NODE_CORES),
        "core of each enrich worker for fingerprints": round(share.taking_in, 3),
        "MB/s of fingerprints from each leader": round(share.egress, 1),
        "seconds of the peak in the window": round(count * WINDOW / peak),
    }


def carried(cost: Cost, fingerprints: Fingerprints) -> float:
    """Mentions a day that an installation carries with the partitions that topics are made with."""
    workers = PARTITIONS / 2
    # workers = peak * enrich / (BUSY - peak * taking in), solved for the peak
    enrich = workers * BUSY / (cost.enrich + workers * fingerprints.most / 1e6)
    return min(enrich, workers * BUSY / cost.index) * 86_400 / PEAK


def measured() -> Fingerprints:
    """What a fingerprint of another's mention takes a worker, in several rounds."""
    said = [(view(mention.text), mention) for mention in mentions(FINGERPRINTS)]
    made = [(m.id, encode(print_)) for (_, m), print_ in zip(said, fingerprints(said), strict=True)]
    rounds = []
    for _ in range(ROUNDS):
        window = Window(2 * FINGERPRINTS)
        began = time.process_time()
        for start in range(0, len(made), BATCH):
            window.add([(name, decode(value)) for name, value in made[start : start + BATCH]])
        rounds.append(1e6 * (time.process_time() - began) / len(made))
    size = sum(len(name.encode()) + len(value) for name, value in made) / len(made)
    return Fingerprints(min(rounds), median(rounds), max(rounds), size)


def messages() -> tuple[float, float]:
    """Mean bytes of a raw and of an enriched mention, as JSON."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(topics_toml(TOPICS))
        config.flush()
        os.environ["MENTIONS_CONFIG"] = config.name
        work = Work()
    raw = [Record(m.id.encode(), encode_raw(m)) for m in mentions(MESSAGES)]
    enriched = work(raw)
    return (
        sum(len(record.value or b"") for record in raw) / MESSAGES,
        sum(map(len, enriched)) / MESSAGES,
    )


def main(where: Path) -> None:
    """Print the tables."""
    run = json.loads(where.read_text(encoding="utf-8"))
    if missing := {"enrich", "index", "soak"} - set(run):
        sys.exit(f"{where} lacks what the model is fitted to: {', '.join(sorted(missing))}")
    cost, seen = dearer(run), measured()
    raw, enriched = messages()
    print(
        f"Taking in a fingerprint: {seen.typical:.2f} µs of one core ({seen.least:.2f} to "
        f"{seen.most:.2f}); {seen.size:.0f} bytes."
    )
    print(f"A raw mention: {raw:,.0f} bytes; an enriched one: {enriched:,.0f}.\n")
    _costs(run, cost)
    columns = [needs(cost, a_day, seen, raw, enriched) for a_day in A_DAY]
    print(f"\n| mentions a day | {' | '.join(f'{a_day:,}' for a_day in A_DAY)} |")
    print(f"|---|{'--:|' * len(A_DAY)}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(f'{column[name]:,}' for column in columns)} |")
    print(f"\n{PARTITIONS} partitions carry {carried(cost, seen) / 1e6:,.0f} million a day.")
    _fingerprints(cost, seen)
    for part in ("million", "soak"):
        if part in run:
            _check(part, cost, run[part])


def _costs(run: Mapping[str, Any], cost: Cost) -> None:
    burst, even = costs(run)
    print("| ms of a core a mention | in a burst | at an even rate | the model |")
    print("|---|--:|--:|--:|")
    for name in Cost.__struct_fields__:
        each = (1_000 * getattr(of, name) for of in (burst, even, cost))
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in each)} |")


def _fingerprints(cost: Cost, seen: Fingerprints) -> None:
    for a_day in A_DAY[1:]:
        rounds = [
            alone(cost, a_day, each, seen.size) for each in (seen.least, seen.typical, seen.most)
        ]
        print(f"\n| {a_day:,} a day in one installation | least | median | most |")
        print("|---|--:|--:|--:|")
        for name, form, values in (
            ("µs a fingerprint", ".2f", (seen.least, seen.typical, seen.most)),
            ("core of each enrich worker for them", ".3f", [each.taking_in for each in rounds]),
            ("enrich workers (inf: none will do)", ",.0f", [each.workers for each in rounds]),
            ("times those without fingerprints", ".1f", [each.times for each in rounds]),
            ("MB/s from the fingerprints' leader", ",.0f", [each.egress for each in rounds]),
        ):
            print(f"| {name} | {' | '.join(format(value, form) for value in values)} |")


def _check(part: str, cost: Cost, steady: Mapping[str, Any]) -> None:
    said = "what the model was fitted to" if part == "soak" else "nothing was fitted to it"
    print(f"\n{part}, {said}:\n")
    print(f"| {steady['rate']:,.0f} a second: cores | the model | used |")
    print("|---|--:|--:|")
    for name, (model, cores) in checked(cost, steady).items():
        print(f"| {name} | {model:.3f} | {cores:.3f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
