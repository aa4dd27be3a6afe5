"""``python -m benchmarks.profiling``: where an enrich worker spends its time, by ``py-spy``.

A worker with all that it does by default reads what is there already; its stacks are looked at for
some seconds, while it runs. A look counts for the innermost part that ``PARTS`` knows, so that the
time of a library counts for who called it. Prints microseconds of processor time a mention, and
adds to a file of JSON, where commits stand beside each other. It takes the right to look into
another process (root, or ptrace).
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from benchmarks import bench
from benchmarks.corpus import mentions
from benchmarks.enriching import LIMIT, started

__all__ = ["shares"]

ENOUGH: Final = 4_000
"""Mentions a second of looking, more than any worker reads."""
RATE: Final = 300
"""Looks a second."""
BEFORE: Final = 2
"""Seconds of work before it is looked at."""
PARTS: Final[Mapping[str, str]] = {
    "pipeline/enrich/sentiment": "tone",
    "pipeline/enrich/targets": "targets: the tone of clauses",
    "pipeline/enrich/names": "names",
    "pipeline/enrich/entities": "entities",
    "pipeline/enrich/gazetteer": "entities",
    "pipeline/enrich/watchlist": "watchlist",
    "pipeline/enrich/intents": "intents",
    "pipeline/enrich/language": "language",
    "pipeline/enrich/noise": "noise",
    "pipeline/enrich/text": "view of the text, marks",
    "pipeline/enrich/marks": "view of the text, marks",
    "pipeline/enrich/lookalikes": "view of the text, marks",
    "pipeline/enrich/duplicates": "near copies",
    "pipeline/enrich/shingles": "near copies",
    "pipeline/enrich/window": "near copies",
    "pipeline/stories": "near copies",
    "pipeline/enrich/known": "",
    "pipeline/enrich/letters": "",
    "pipeline/enrich/portions": "",
    "pipeline/enrich/": "the rest of enrichment",
    "pipeline/stages/": "the rest of the stage",
    "schemas/": "decoding, encoding, headers",
    "aiokafka/producer": "sending",
    "aiokafka/consumer": "reading",
    "aiokafka/": "the rest of aiokafka",
    "faust/": "Faust and mode",
    "mode/": "Faust and mode",
    "pipeline/": "the rest of the worker",
}
"""Where a function is, and what it belongs to; the first that fits. What several use belongs to
none: its time is that of who called it."""


def shares(stacks: Iterable[str]) -> dict[str, float]:
    """The share of each part in the time of the main thread, the greatest first.

    Args:
        stacks: what ``py-spy record --format raw`` writes: frames, outermost first, and a count.
    """
    found: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        if "_run_module_as_main" in frames:
            found[_part(frames.split(";"))] += int(count)
    return {part: round(count / found.total(), 3) for part, count in found.most_common()}


def _part(frames: list[str]) -> str:
    """What a stack belongs to."""
    for frame in reversed(frames):
        fits = (part for path, part in PARTS.items() if f"({path}" in frame or f"/{path}" in frame)
        if part := next(fits, ""):
            return part
    return "the event loop and the rest"


@click.command()
@click.option("--seconds", type=click.IntRange(min=1), default=15, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Where the JSON goes; added to.")
def main(*, seconds: int, out: Path | None) -> None:
    """Look where an enrich worker spends its time."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = out or Path(__file__).parent / "results" / f"{now[:10]}-profile.json"
    found: dict[str, Any] = json.loads(where.read_text()) if where.exists() else {}
    commit = bench.commit()
    with bench.servers() as to, bench.noted(found, commit):
        found[commit] = _looked_at(to, seconds)
    bench.write(found, where)
    for part, microseconds in found[commit].items():
        click.echo(f"{microseconds:6.1f}  {part}")
    click.echo(f"{sum(found[commit].values()):6.1f}  microseconds a mention")


def _looked_at(to: bench.Servers, seconds: int) -> dict[str, float]:
    """Microseconds a mention, by part."""
    raw = to.folder / "stacks"
    spy = Path(sys.executable).with_name("py-spy")
    how = ["--rate", str(RATE), "--duration", str(seconds), "--format", "raw", "--output", str(raw)]
    with started(to, "whole", 0, to.config()) as engine:

        def done() -> tuple[int, float]:
            written = sum(to.ends(engine.task.target).values())
            return written, bench.usage(engine.process)[0]

        engine.finish(LIMIT, patience=LIMIT)
        engine.give(mentions(ENOUGH * (seconds + BEFORE)))
        time.sleep(BEFORE)
        written, cpu = done()
        command = [str(spy), "record", "--pid", str(engine.process.pid), *how]
        looked = subprocess.run(command, check=False, capture_output=True, text=True)
        now_written, now_cpu = done()
    if looked.returncode:
        raise click.ClickException(looked.stderr)
    each = 1e6 * (now_cpu - cpu) / (now_written - written)
    found = shares(raw.read_text(encoding="utf-8").splitlines())
    return {part: round(each * share, 1) for part, share in found.items()}


if __name__ == "__main__":
    main()
