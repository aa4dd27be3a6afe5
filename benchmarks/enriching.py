"""The enrich stage beside its peers and its floors, round by round in turn.

* ``bare``: the enrichment function in a loop, in one process, without Kafka.
* ``plain``: an aiokafka loop that copies. ``loop``: the same with our enrichment.
* ``naive``: what one writes on day one from the same packages; it reads fewer messages.
* ``quix``, ``bytewax``: quix-streams and bytewax with our enrichment.
* ``ours``: the enrich stage in its worker. ``whole``: the same, looking for near copies too, which
  is what it does by default; the others cannot.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Run, Servers, middle, run
from benchmarks.corpus import mentions, topics_toml
from benchmarks.engines import Record, Task, Work
from pipeline import admin
from pipeline.app import spare_collector
from schemas import encode

__all__ = ["ENGINES", "bare", "enriching"]

ENGINES = ("naive", "plain", "loop", "quix", "bytewax", "ours", "whole")
NAIVE_PART = 4  # it is slower than that
TOPICS = 10  # in the watchlist
LIMIT = 600.0  # seconds for one engine in one round


def enriching(
    to: Servers,
    *,
    count: int,
    rounds: int,
    say: Callable[[str], None],
    engines: Sequence[str] = ENGINES,
) -> dict[str, dict[str, Any]]:
    """Rates of engines over the same messages; each round of theirs is kept under ``rounds``."""
    config = to.folder / "mentions.toml"
    config.write_text(topics_toml(TOPICS), encoding="utf-8")
    few = count // NAIVE_PART
    whole, part = to.create("bench.raw"), to.create("bench.raw.few")
    to.fill(whole, mentions(count))
    to.fill(part, mentions(few))
    found: dict[str, list[Run]] = {engine: [] for engine in engines}
    loops: list[float] = []
    for number in range(rounds):
        loops.append(bare(config, min(count, 10_000)))
        say(f"round {number + 1}: bare     {loops[-1]:8.0f} a second")
        for engine in engines:
            source, expected = (part, few) if engine == "naive" else (whole, count)
            done = _one(to, engine, number=number, source=source, expected=expected, config=config)
            found[engine].append(done)
            say(f"round {number + 1}: {engine:8} {done.rate:8.0f} a second")
    rates = {engine: middle(runs) for engine, runs in found.items()}
    rates["bare"] = {
        "rate": round(median(loops), 1),
        "least": round(min(loops), 1),
        "most": round(max(loops), 1),
        "rounds": [round(rate, 1) for rate in loops],
    }
    return rates


def bare(config: Path, count: int, length: int | None = None) -> float:
    """Messages a second of the enrichment function alone, in this process, on one core."""
    os.environ["MENTIONS_CONFIG"] = str(config)
    work = Work()
    records = [Record(m.id.encode(), encode(m)) for m in mentions(count, length=length)]
    work(records[:500])  # warm
    spare_collector()  # as a worker does
    began = time.perf_counter()
    for start in range(0, len(records), 500):
        work(records[start : start + 500])
    return len(records) / (time.perf_counter() - began)


def _one(to: Servers, engine: str, *, number: int, source: str, expected: int, config: Path) -> Run:
    name = f"{engine}-{number}"
    settings = to.settings
    if engine == "whole":
        # An installation of its own: what it knows of earlier mentions is nothing.
        kafka = settings.kafka.model_copy(update={"prefix": f"{name}."})
        settings = settings.model_copy(update={"kafka": kafka})
        to.fill(to.create(f"{name}.{source}"), mentions(expected))
    admin.apply(settings)  # ours follows what is in force: who is forgotten, the watchlist
    task = Task(to.bootstrap, source, to.create(f"bench.{name}"), name)
    program = {"plain": "loop", "whole": "ours"}.get(engine, engine)
    command = [sys.executable, "-m", f"benchmarks.engines.{program}"]
    more = {f"BENCH_{engine.upper()}": "1"} if program != engine else {}
    more["MENTIONS_KAFKA__PREFIX"] = settings.kafka.prefix
    done = run(to, command, task, expected, LIMIT, MENTIONS_CONFIG=str(config), **more)
    if done.outputs != expected:
        msg = f"{engine} wrote {done.outputs} messages, not {expected}"
        raise SystemExit(msg)
    return done
