"""``python -m benchmarks.capacity RUN.json``: what so many mentions a day take, by a run's figures.

The run is one of ``benchmarks.run`` that has the parts ``enrich`` and ``index``. Beside it are
measured here, on one core, the cost of taking in another worker's fingerprint, and the bytes of
messages. What is assumed and not measured stands in the constants, and in ``docs/capacity.md``.

Where the run has the parts ``million`` and ``soak``, which are whole installations at an even rate
(the first at the peak of a million mentions a day), the model is checked against what they used.
"""

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.corpus import mentions, topics_toml
from benchmarks.engines import Record
from benchmarks.engines.work import Work
from pipeline.enrich.duplicates import fingerprint
from pipeline.enrich.text import view
from pipeline.enrich.window import Window
from schemas import encode as encode_raw
from schemas.fingerprint import decode, encode

__all__ = ["PEAK_OF_A_MILLION", "checked", "needs"]

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
BATCH: Final = 500
FINGERPRINTS: Final = 20_000
MESSAGES: Final = 5_000
TOPICS: Final = 10


def needs(
    run: Mapping[str, Any], a_day: int, each_us: float, raw: float, enriched: float
) -> dict[str, float | None]:
    """What so many mentions a day take; ``raw`` and ``enriched`` are bytes a message.

    A fingerprint of another worker takes ``each_us`` microseconds to take in.

    None where no number of workers will do: taking in all others' fingerprints leaves no core for
    anything else.
    """
    average = a_day / 86_400
    peak = PEAK * average
    taking_in = peak * each_us / 1e6
    left = BUSY - taking_in
    enrich = math.ceil(peak / (left * run["enrich"]["whole"]["rate"])) if left > 0 else None
    index = math.ceil(peak / (BUSY * run["index"]["stage"]["rate"]))
    stored = COPIES["elasticsearch"] * INDEXED * a_day * KEPT["indexed"]
    kafka = COPIES["kafka"] * a_day * (raw * KEPT["raw"] + enriched * KEPT["enriched"])
    # A run's Elasticsearch had what the others left of its cores; that counts as one core.
    writing = COPIES["elasticsearch"] * peak / run["index"]["stage"]["rate"]
    broker = COPIES["kafka"] * peak * run["enrich"]["whole"]["broker_ms_each"] / 1_000
    return {
        "mentions a second, average": round(average, 1),
        "at the peak": round(peak),
        "enrich workers": enrich,
        "index workers": index,
        "partitions": max(12, 12 * math.ceil(2 * max(enrich, index) / 12)) if enrich else None,
        "broker cores": math.ceil(broker / BUSY),
        "TB in Kafka": round(kafka / 1e12, 2),
        "TB in Elasticsearch": round(stored / 1e12, 2),
        "nodes, by disk": math.ceil(stored / NODE),
        "nodes, by writing": math.ceil(writing / BUSY / NODE_CORES),
        "core of each enrich worker for fingerprints": round(taking_in, 2),
    }


def checked(run: Mapping[str, Any], part: str) -> dict[str, tuple[float, float]]:
    """Cores that the model says a part's rate takes, and those that were used, by process."""
    steady = run[part]
    rate = steady["rate"]
    points = steady["points"]
    first, last = points[len(points) // 5], points[-1]  # by then all of them have started
    index = rate / run["index"]["stage"]["rate"]
    model = {
        "enrich": rate / run["enrich"]["whole"]["rate"],
        "index": index,
        "broker": rate * run["enrich"]["whole"]["broker_ms_each"] / 1_000,
        "elasticsearch": index,
    }
    seconds = last["seconds"] - first["seconds"]
    return {
        name: (round(said, 3), round((last[f"cpu_{name}"] - first[f"cpu_{name}"]) / seconds, 3))
        for name, said in model.items()
    }


def fingerprint_us() -> float:
    """Microseconds of a worker for the fingerprint of another's mention."""
    made = [(m.id, encode(fingerprint(view(m.text), m))) for m in mentions(FINGERPRINTS)]
    window = Window(2 * FINGERPRINTS)
    began = time.process_time()
    for start in range(0, len(made), BATCH):
        window.add([(name, decode(value)) for name, value in made[start : start + BATCH]])
    return 1e6 * (time.process_time() - began) / len(made)


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
    """Print the table."""
    run = json.loads(where.read_text(encoding="utf-8"))
    each = fingerprint_us()
    raw, enriched = messages()
    print(f"Taking in a fingerprint: {each:.0f} µs of one core.")
    print(f"A raw mention: {raw:,.0f} bytes; an enriched one: {enriched:,.0f}.\n")
    columns = [needs(run, a_day, each, raw, enriched) for a_day in A_DAY]
    print(f"| mentions a day | {' | '.join(f'{a_day:,}' for a_day in A_DAY)} |")
    print(f"|---|{'--:|' * len(A_DAY)}")
    for name in columns[0]:
        values = (column[name] for column in columns)
        print(f"| {name} | {' | '.join('-' if v is None else f'{v:,}' for v in values)} |")
    for part in ("million", "soak"):
        # Runs of earlier versions did not look at the processors.
        if part in run and "cpu_enrich" in run[part]["points"][-1]:
            print(f"\n| {run[part]['rate']:,.0f} a second: cores | the model | used |")
            print("|---|--:|--:|")
            for name, (said, used) in checked(run, part).items():
                print(f"| {name} | {said:.3f} | {used:.3f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
