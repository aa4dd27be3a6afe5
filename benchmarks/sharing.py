"""``python -m benchmarks.sharing``: agents over 1,000 sources, and what happens when one dies.

Prints the share of each of 1, 2, 3 and 4 agents, how many sources change hands when one more is
started (and how many of them went to it, which is all that must), and of each of three that are
killed with -9 how long it takes until the others have asked for all it had. That wait includes the
group's session timeout (8 s), and up to ``EVERY`` seconds until a source is due.

Agents are processes of their own on a broker of its own, and a loopback platform that has nothing
new, so that only who asks for what matters: each agent has a key of its own in its environment.
"""

import collections
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from agents.testing import Answer, Loopback, Request
from benchmarks import bench, path
from benchmarks.bench import Servers, started

__all__ = ["Watch", "table"]

EVERY: Final = 10  # seconds between two polls of a source
AGENTS: Final = (1, 2, 3, 4)
KILLS: Final = 3
QUIET: Final = 2 * EVERY + 2
"""Seconds without a move after which all is where it belongs."""
WITHIN: Final = 300.0
"""Seconds until then at most."""


class Watch:
    """Who asked for what last: each agent has a key of its own in its environment."""

    def __init__(self, web: Loopback) -> None:
        self.owner: dict[str, str] = {}
        self.asked: dict[str, float] = {}
        self.moves = 0
        self.requests = 0
        self.lock = threading.Lock()
        web.handler = self.answer

    def answer(self, request: Request) -> Answer:
        """Note who asks; there is nothing new."""
        source, who = request.query["tagged"], request.query["key"]
        with self.lock:
            self.requests += 1
            self.moves += self.owner.get(source, who) != who
            self.owner[source] = who
            self.asked[source] = time.monotonic()
        return Answer.json({"items": [], "has_more": False, "quota_remaining": 9_000})

    def shares(self) -> dict[str, int]:
        """How many sources each agent has asked for of late."""
        since = time.monotonic() - QUIET
        with self.lock:
            fresh = [who for source, who in self.owner.items() if self.asked[source] > since]
        return dict(collections.Counter(fresh))

    def of(self, who: str) -> int:
        """How many sources this one was the last to ask for."""
        with self.lock:
            return sum(owner == who for owner in self.owner.values())


def table(web: Loopback, name: str, every: int = EVERY) -> str:
    """The configuration of a source."""
    return f"""
[[sources]]
type = "stackexchange"
name = "{name}"
tags = ["{name}"]
answers = false
key = "env:BENCH_AGENT"
api = "{web.url}"
every = {every}
quiet = 1
http = {{ allow_private = true, per_second = 1000 }}
"""


def settled(watch: Watch, sources: int, agents: int) -> dict[str, int]:
    """Wait until every source is being read by somebody, and nothing has moved for a while."""
    deadline = time.monotonic() + WITHIN
    moves, since = watch.moves, time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        if watch.moves != moves:
            moves, since = watch.moves, time.monotonic()
        shares = watch.shares()
        quiet = time.monotonic() - since > QUIET
        if quiet and sum(shares.values()) == sources and len(shares) == agents:
            return shares
    sys.exit(f"not settled within {WITHIN:.0f} s: {watch.shares()}")


def taken_over(watch: Watch, name: str) -> float:
    """Seconds until the others have asked for all that one had."""
    killed = time.monotonic()
    while left := watch.of(name):
        time.sleep(0.05)
        if time.monotonic() - killed > WITHIN:
            sys.exit(f"{left} sources not taken over within {WITHIN:.0f} s")
    return time.monotonic() - killed


def sharing(to: Servers, sources: int) -> dict[str, Any]:
    """Shares, moves and takeovers."""
    settings = path.installation(to, "sharing")
    config = to.folder / "sharing.toml"
    found: dict[str, Any] = {"sources": sources, "every": EVERY, "agents": [], "killed": []}
    with Loopback() as web, ExitStack() as stack:
        watch = Watch(web)
        tables = "".join(table(web, f"s{number}") for number in range(sources))
        config.write_text(tables, encoding="utf-8")
        command = [sys.executable, "-m", "pipeline", "-c", str(config), "agent"]
        running: dict[str, Any] = {}
        for count in AGENTS:
            before = watch.moves
            name = f"agent-{count}"
            env = to.environment(MENTIONS_KAFKA__PREFIX=settings.kafka.prefix, BENCH_AGENT=name)
            log = to.folder / f"{name}.log"
            running[name] = stack.enter_context(started(command, env, log))
            shares = sorted(settled(watch, sources, count).values(), reverse=True)
            moved, new = watch.moves - before, watch.of(name)
            found["agents"].append({"agents": count, "shares": shares, "moved": moved})
            told = ", ".join(f"{share} ({share / sources:.0%})" for share in shares)
            said = f"{count} agents: {told}"
            if count > 1:
                said += f"; {moved} changed hands, {new} of them to the new one"
                found["agents"][-1]["to_the_new_one"] = new
            click.echo(said)
        for _ in range(KILLS):
            name, process = running.popitem()
            had = watch.of(name)
            process.kill()
            seconds = round(taken_over(watch, name), 1)
            found["killed"].append({"had": had, "seconds": seconds})
            click.echo(f"kill -9 of one with {had}: all asked for by others after {seconds} s")
            settled(watch, sources, len(running))
    return found


@click.command()
@click.option("--sources", default=1_000, show_default=True, help="How many are shared.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the JSON goes.")
def main(*, sources: int, out: Path | None) -> None:
    """Measure how agents share sources."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = out or Path(__file__).parent / "results" / f"{now[:10]}-sharing.json"
    machine = bench.machine()
    cores, load = machine["cores"], machine["load_before"]
    click.echo(f"{sources} sources, every {EVERY} s; {cores} cores, load {load} before")
    with bench.servers() as to:
        found: dict[str, Any] = {"at": now, "machine": machine}
        with bench.noted(found, "sharing"):
            found |= sharing(to, sources)
    bench.write(found, where)


if __name__ == "__main__":
    main()
