"""``python -m benchmarks.run``: everything in one run, on servers of its own.

Prints a table, writes JSON, and ends with a line of ratios. With ``--against`` it fails where a
ratio has fallen to less than half of what an earlier run had.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks import bench, path, startup
from benchmarks.enriching import enriching
from benchmarks.indexing import indexing
from schemas import __version__

SHORT = {"count": 6_000, "rounds": 1, "indexed": 10_000, "through": 10_000}
FULL = {"count": 40_000, "rounds": 5, "indexed": 40_000, "through": 60_000}
COLLAPSE = 0.5


@click.command()
@click.option("--full", is_flag=True, help="All rounds, latency and soak: about an hour.")
@click.option("--soak", "minutes", type=float, default=10.0, show_default=True, help="With --full.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the JSON goes.")
@click.option("--against", type=click.Path(path_type=Path, exists=True), help="An earlier run.")
def main(*, full: bool, minutes: float, out: Path | None, against: Path | None) -> None:
    """Measure ours beside its peers and its floors."""
    size = FULL if full else SHORT

    def say(line: str) -> None:
        click.echo(line, err=True)

    found: dict[str, Any] = {
        "version": __version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "form": "full" if full else "short",
        "machine": bench.machine(),
        "sizes": size,
    }
    with bench.servers() as to:
        found["enrich"] = enriching(to, count=size["count"], rounds=size["rounds"], say=say)
        found["index"] = indexing(to, count=size["indexed"], rounds=size["rounds"], say=say)
        through = path.throughput(to, count=size["through"])
        say(f"raw to searchable: {through:.0f} a second")
        slow = path.naive(to, count=max(size["through"] // 50, 100))
        say(f"the naive way: {slow:.0f} a second")
        found["path"] = {"ours": round(through, 1), "naive": round(slow, 1)}
        found["startup"] = startup.startup(to, rounds=size["rounds"] + 2)
        if full:
            found["latency"] = path.latency(to, rate=through / 2, seconds=60)
            say(f"latency: {found['latency']}")
            found["soak"] = path.soak(to, rate=through / 2, minutes=minutes, say=say)
    found["ratios"] = ratios(found)
    where = out or Path(__file__).parent / "results" / f"{found['at'][:10]}-{found['form']}.json"
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fallen = collapsed(found["ratios"], json.loads(against.read_text())) if against else []
    for line in fallen:
        click.echo(line, err=True)
    click.echo(json.dumps(found["ratios"]))
    sys.exit(1 if fallen else 0)


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """What is compared: rates of ours by rates of others, in this run."""
    enrich = {name: rates["rate"] for name, rates in found["enrich"].items()}
    index = {name: rates["rate"] for name, rates in found["index"].items()}
    return {
        **{
            f"enrich ours/{name}": round(enrich["ours"] / rate, 2)
            for name, rate in enrich.items()
            if name != "ours"
        },
        "index writer/fastest helper": round(
            index["writer"] / max(index["bulk"], index["async_bulk"]), 2
        ),
        "index stage/fastest helper": round(
            index["stage"] / max(index["bulk"], index["async_bulk"]), 2
        ),
        "path ours/naive": round(found["path"]["ours"] / found["path"]["naive"], 2),
    }


def collapsed(now: dict[str, float], before: dict[str, Any]) -> list[str]:
    """Ratios that are less than half of what they were."""
    return [
        f"{name}: {now.get(name, 0.0)}, was {was}"
        for name, was in before["ratios"].items()
        if now.get(name, 0.0) < COLLAPSE * was
    ]


if __name__ == "__main__":
    main()
