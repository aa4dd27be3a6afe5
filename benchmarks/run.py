"""``python -m benchmarks.run``: ours beside its peers and its floors, on servers of its own.

Prints what it measures, writes JSON, and ends with a line of ratios. A long run can be made in
parts: each call adds its ``--part`` to the file, with the load of the machine before it. Of a run
that ends early, the file has all parts that were finished; ``--part`` and ``--out`` add the rest.
With ``--against`` it fails where a ratio has fallen to less than half of what an earlier run had.

The short form measures each engine for three to five seconds a round, on two cores of a server, in
two rounds (the whole path in one): enough to see that something is a fifth slower. It says nothing
of what takes minutes to show, latency, lag and memory, and leaves out start-up, ``plain``, ``bulk``
and ``read``. Its servers' code is not yet as warm as after a full run's rounds, so that rates of
writing are lower, and engines wait beside each other for their turns. A faster machine has shorter
stretches, a busy one more spread. What is said of the pipeline elsewhere is of the full form.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from benchmarks import bench, path, startup
from benchmarks.bench import Servers
from benchmarks.capacity import PEAK_OF_A_MILLION
from benchmarks.enriching import ENGINES, enriching
from benchmarks.indexing import WAYS, indexing
from benchmarks.ratios import collapsed, compared, ratios, unfinished
from schemas import __version__

FORMS: Final[Mapping[str, Mapping[str, int]]] = {
    "guard": {
        "count": 1_600,
        "rounds": 3,
        "indexed": 3_000,
        "through": 0,
        "passes": 0,
        "together": 1,
    },
    "short": {
        "count": 3_400,
        "rounds": 2,
        "indexed": 9_000,
        "through": 5_000,
        "passes": 1,
        "together": 1,
    },
    "full": {
        "count": 15_000,
        "rounds": 3,
        "indexed": 30_000,
        "through": 30_000,
        "passes": 3,
        "together": 0,
    },
}
"""Messages of enrich, index and path; rounds of the first two, and of path; whether engines wait
for their turns together."""
CHOSEN: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    # The pairs that a change of ours can move apart.
    "guard": (("naive", "loop", "ours", "whole"), ("bulk", "async_bulk", "writer")),
    "short": (
        ("naive", "loop", "quix", "bytewax", "ours", "whole"),
        ("async_bulk", "writer", "stage"),
    ),
    "full": (ENGINES, tuple(WAYS)),
}
"""The engines and the ways of writing that are compared."""
PARTS: Final[Mapping[str, dict[str, int]]] = {
    "guard": {"enrich": 60, "index": 30},
    "short": {"quality": 26, "enrich": 72, "index": 38, "path": 24},
    "full": {
        "quality": 20,
        "enrich": 380,
        "index": 140,
        "path": 180,
        "startup": 10,
        "latency": 130,
        "million": 310,
        "soak": 610,
    },
}
"""What is measured, and about how many seconds that takes on two cores, the servers' start in the
first. Quality comes first: it judges while the servers start, and beside it nothing is measured."""
SUSTAINED: Final = 0.6
"""So much of what goes through goes on for minutes: making the mentions takes its share of the two
cores."""
EASY: Final = SUSTAINED / 2
"""Latency is measured at half of that."""
NEED_A_RATE: Final = ("latency", "soak")
"""What is measured at a share of what goes through."""

Say = Callable[[str], None]


@click.command()
@click.option("--form", type=click.Choice(list(FORMS)), default="short", show_default=True)
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS["full"]), help="Only this.")
@click.option("--soak", "minutes", type=click.FloatRange(min=2), default=10.0, show_default=True)
@click.option("--labelled", type=click.Path(path_type=Path), help="A folder of labelled texts.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the JSON goes; added to.")
@click.option("--report", is_flag=True, help="Write a page with plots beside the JSON.")
@click.option("--against", type=click.Path(path_type=Path, exists=True), help="An earlier run.")
def main(
    *,
    form: str,
    parts: Sequence[str],
    minutes: float,
    labelled: Path | None,
    out: Path | None,
    report: bool,
    against: Path | None,
) -> None:
    """Measure ours beside its peers and its floors."""

    def say(line: str) -> None:
        click.echo(line, err=True)

    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = out or Path(__file__).parent / "results" / f"{now[:10]}-{form}.json"
    found: dict[str, Any] = {
        "version": __version__,
        "at": now,
        "form": form,
        "machine": bench.machine(),
        "sizes": dict(FORMS[form]),
        "parts": {},
    }
    if parts and where.exists():
        found = json.loads(where.read_text(encoding="utf-8"))
        if found["form"] != form:
            msg = f"{where} holds a {found['form']} run"
            raise click.UsageError(msg)
    chosen = _chosen(parts or list(PARTS[form]), found, labelled, say)
    with ExitStack() as stack:
        judged = None
        if labelled is not None and "quality" in chosen:
            judged = stack.enter_context(_judging(labelled))
        to = stack.enter_context(bench.servers())
        for number, part in enumerate(chosen):
            left = sum((PARTS["full"] | PARTS[form])[each] for each in chosen[number:])
            say(f"{part}: {number + 1} of {len(chosen)}, some {left / 60:.1f} minutes left")
            with bench.noted(found, part):
                found[part] = _measured(to, part, found, minutes=minutes, judged=judged, say=say)
            bench.write(found, where)  # what was finished is kept
        found["ratios"] = ratios(found)
        bench.write(found, where)
    if report:
        # Apart, so that nothing is measured in a process that has loaded what draws.
        subprocess.run([sys.executable, "-m", "benchmarks.report", str(where)], check=True)
        say(f"the page is {where.with_suffix('.md')}")
    wrong = _wrong(found, against, say)
    click.echo(json.dumps(found["ratios"]))
    sys.exit(1 if wrong else 0)


def _wrong(found: Mapping[str, Any], against: Path | None, say: Say) -> list[str]:
    """Say how good what was measured is, and what of it is not to be."""
    for line in found.get("quality", ()):
        say(line)
    wrong = list(unfinished(found))
    if against:
        before = json.loads(against.read_text(encoding="utf-8"))["ratios"]
        for line in compared(found["ratios"], before):
            say(line)
        wrong += collapsed(found["ratios"], before)
    for line in wrong:
        say(line)
    return wrong


def _chosen(
    parts: Sequence[str], found: Mapping[str, Any], labelled: Path | None, say: Say
) -> list[str]:
    """What is measured, in order."""
    chosen = [part for part in PARTS["full"] if part in parts]
    if "quality" in chosen and labelled is None:
        say("quality is not measured: there is no folder of labelled texts")
        chosen.remove("quality")
    if not chosen:
        msg = "there is nothing to measure"
        raise click.UsageError(msg)
    if "path" not in {*chosen, *found}:
        for part in NEED_A_RATE:
            if part in chosen:
                msg = f"{part} needs to know how much goes through: add --part path"
                raise click.UsageError(msg)
    return chosen


def _measured(
    to: Servers,
    part: str,
    found: Mapping[str, Any],
    *,
    minutes: float,
    judged: Callable[[], list[str]] | None,
    say: Say,
) -> Any:  # noqa: ANN401 - JSON
    size = {**FORMS[found["form"]], **found["sizes"]}  # an earlier run may have said less
    rounds = size["rounds"]
    engines, ways = CHOSEN[found["form"]]

    def through(share: float) -> float:
        return float(share * found["path"]["ours"]["rate"])

    known: dict[str, Callable[[], Any]] = {
        "enrich": lambda: enriching(
            to,
            count=size["count"],
            rounds=rounds,
            say=say,
            engines=engines,
            together=bool(size["together"]),
        ),
        "index": lambda: indexing(to, count=size["indexed"], rounds=rounds, say=say, ways=ways),
        "path": lambda: path.both(to, count=size["through"], rounds=size["passes"], say=say),
        "startup": lambda: startup.startup(to, rounds=3),
        "quality": lambda: judged and judged(),
        "latency": lambda: path.latency(to, rate=through(EASY), seconds=60),
        "soak": lambda: path.soak(
            to, name="soak", rate=through(SUSTAINED), minutes=minutes, say=say
        ),
        "million": lambda: path.soak(
            to, name="million", rate=PEAK_OF_A_MILLION, minutes=minutes / 2, say=say
        ),
    }
    measured = known[part]()
    if part in {"latency", "startup"}:
        say(f"{part}: {measured}")
    return measured


@contextmanager
def _judging(labelled: Path) -> Iterator[Callable[[], list[str]]]:
    """The short form of the quality measurement, in a process of its own.

    Yields:
        What waits for it, and says what it prints; it fails below its floors.
    """
    command = [sys.executable, "-m", "benchmarks.quality", "--short", str(labelled)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:

        def wait() -> list[str]:
            printed, _ = process.communicate()
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, command, printed)
            return printed.rstrip().split("\n")

        try:
            yield wait
        finally:
            with suppress(ProcessLookupError):  # it is over, and so are its workers
                os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
