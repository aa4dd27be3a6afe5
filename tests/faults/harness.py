"""Runs the load and the faults, round by round, and judges."""

import contextlib
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from elasticsearch import ApiError, TransportError
from msgspec import Struct

from agents.publisher import Publisher
from pipeline import admin
from pipeline.settings import Settings
from schemas import topics
from tests.faults.faults import Fault, World, available, plan
from tests.faults.load import SOURCE, Load
from tests.faults.processes import Processes
from tests.faults.servers import Servers
from tests.faults.verdict import Verdict, compare, outstanding
from tests.support.installation import Installation

__all__ = ["Report", "Row", "run"]

_RECOVER_WITHIN: Final = 180.0  # seconds, after which the run has failed
_PIECES: Final = 20  # in which a round's load is written
_PACE: Final = 0.3  # seconds between two of them


class Row(Struct, frozen=True):
    """One line of the table."""

    fault: str
    injected: int
    sent: int
    """Events in the rounds that had this fault, some of them with others."""
    lost: int
    doubled: int
    stale: int
    recovery: tuple[float, float]
    """Seconds from the end of a round's last fault until all works again: median and worst."""


class Report(Struct, frozen=True):
    """What came of a run."""

    rows: list[Row]
    injected: int
    sent: int
    verdict: Verdict
    ended: dict[str, int]
    """Processes that ended by themselves."""
    seconds: float


class _Round(Struct):
    faults: Sequence[Fault]
    over: float = 0.0
    """When its last fault ended, by ``time.monotonic``."""
    recovery: float = 0.0


def run(
    settings: Settings,
    folder: Path,
    *,
    faults: int,
    mentions: int,
    together: int,
    seed: int,
    only: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Run it all on servers of its own.

    Args:
        settings: free ports and an empty data folder.
        folder: for the load and the logs.
        faults: how many to inject.
        mentions: how many events to publish in all.
        together: how many faults at most at a time.
        seed: repeats faults and load.
        only: faults whose name holds this.
        progress: told after each round.

    Raises:
        TimeoutError: the pipeline did not come back after a fault.
    """
    started = time.monotonic()
    with Servers(settings).running() as servers:
        made = Installation(folder, settings, "faults")
        path = folder / "load.jsonl"
        made.configure(SOURCE.format(path=path))
        made.run("topics", "create")
        made.run("index", "apply")
        env = {
            **made.env,
            "MENTIONS_KAFKA__BOOTSTRAP": f"127.0.0.1:{servers.kafka.port}",
            "MENTIONS_ELASTICSEARCH__URL": f"http://127.0.0.1:{servers.search.port}",
        }
        kafka = made.settings.kafka
        over_the_wire = kafka.kafka_python() | {
            "bootstrap_servers": env["MENTIONS_KAFKA__BOOTSTRAP"]
        }
        publisher = Publisher(over_the_wire)
        load = Load(seed, path, kafka.topic(topics.RAW), publisher.send)
        processes = Processes(env, folder)
        world = World(servers, processes)
        possible = [fault for fault in available(world) if only in fault.name]
        rounds = [_Round(group) for group in plan(possible, faults, together, seed)]
        with processes.running():
            _recovered(load, made, -1)
            for number, each in enumerate(rounds):
                _round(each, number, mentions // len(rounds), load, world, seed)
                _recovered(load, made, number)
                each.recovery = time.monotonic() - each.over
                names = ", ".join(fault.name for fault in each.faults)
                progress(f"{number + 1}/{len(rounds)} {names}: {each.recovery:.0f} s")
            verdict = _settled(load, made)
        publisher.close()
        made.close()
    return Report(
        rows=[_row(fault, rounds, load, verdict) for fault in possible],
        injected=sum(len(each.faults) for each in rounds),
        sent=sum(load.sent.values()),
        verdict=verdict,
        ended=dict(processes.ended),
        seconds=time.monotonic() - started,
    )


def _round(  # noqa: PLR0917 - all of one round
    each: _Round, number: int, mentions: int, load: Load, world: World, seed: int
) -> None:
    """Write a round's load while its faults come and go."""
    failures: list[BaseException] = []

    def noting(work: Callable[[], None]) -> Callable[[], None]:
        def noted() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                failures.append(error)

        return noted

    def write() -> None:
        for piece in range(_PIECES):
            load.write(mentions * (piece + 1) // _PIECES - mentions * piece // _PIECES, number)
            time.sleep(_PACE)

    works = [write]
    for place, fault in enumerate(each.faults):
        chance = random.Random(f"{seed}-{number}-{place}")
        works.append(partial(fault.inject, world, chance))
    threads = [threading.Thread(target=noting(work)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    each.over = time.monotonic()
    threads[0].join()
    if failures:
        raise failures[0]


def _recovered(load: Load, made: Installation, number: int) -> None:
    """Wait until mentions written now have arrived, over every partition."""
    names = load.probe(number)
    deadline = time.monotonic() + _RECOVER_WITHIN
    while names:
        if time.monotonic() > deadline:
            msg = f"round {number}: {len(names)} probes have not arrived, such as {names[0]}"
            raise TimeoutError(msg)
        time.sleep(0.2)
        with contextlib.suppress(ApiError, TransportError):  # it may be coming up
            names = outstanding(made.client, made.alias, names)


def _settled(load: Load, made: Installation) -> Verdict:
    """Judge once nothing is on its way any more; what is wrong is given time to come right."""
    deadline = time.monotonic() + _RECOVER_WITHIN
    while True:
        behind = sum(row.lag for row in admin.lag(made.settings))
        verdict = compare(load, made.settings, made.client) if not behind else Verdict()
        if (not behind and verdict.good) or time.monotonic() > deadline:
            return verdict if not behind else compare(load, made.settings, made.client)
        time.sleep(2)


def _row(fault: Fault, rounds: Sequence[_Round], load: Load, verdict: Verdict) -> Row:
    mine = {number for number, each in enumerate(rounds) if fault in each.faults}
    times = [rounds[number].recovery for number in mine] or [0.0]
    return Row(
        fault=fault.name,
        injected=sum(each.faults.count(fault) for each in rounds),
        sent=sum(load.sent[number] for number in mine),
        lost=sum(number in mine for number in verdict.lost.values()),
        doubled=sum(number in mine for number in verdict.doubled.values()),
        stale=sum(number in mine for number in verdict.stale.values()),
        recovery=(statistics.median(times), max(times)),
    )
