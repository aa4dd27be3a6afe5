"""1, 2 and 4 agents over 1,000 sources: the share of each, and how long a takeover takes.

    mentions up && python -m benchmarks.sharing [sources]

Starts agents as processes of their own against the Kafka of the settings (with a prefix of its
own), and a loopback platform that has nothing new, so that only who asks for what matters. A source
is taken over when another agent asks for it; the wait includes the group's session timeout (8 s).
"""

import collections
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from agents.testing import Answer, Loopback, Request

EVERY = 10  # seconds between two polls of a source
AGENTS = (1, 2, 4)
KILLS = 3


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
        since = time.monotonic() - 2 * EVERY - 2
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
key = "env:BENCH_AGENT"
api = "{web.url}"
every = {every}
quiet = 1
http = {{ allow_private = true, per_second = 1000 }}
"""


def settled(watch: Watch, sources: int, agents: int, seconds: float = 180) -> dict[str, int]:
    """Wait until every source is being read by somebody, and nothing has moved for a while."""
    deadline = time.monotonic() + seconds
    moves, since = watch.moves, time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        if watch.moves != moves:
            moves, since = watch.moves, time.monotonic()
        shares = watch.shares()
        quiet = time.monotonic() - since > 2 * EVERY + 2
        if quiet and sum(shares.values()) == sources and len(shares) == agents:
            return shares
    sys.exit(f"not settled within {seconds:.0f} s: {watch.shares()}")


def main() -> None:
    """Measure and print."""
    sources = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    load = os.getloadavg()[0]
    print(f"{sources} sources, every {EVERY} s; {os.cpu_count()} cores, load {load:.0f} before")
    with tempfile.TemporaryDirectory() as folder, Loopback() as web:
        watch = Watch(web)
        config = Path(folder) / "mentions.toml"
        tables = "".join(table(web, f"s{number}") for number in range(sources))
        config.write_text(tables, encoding="utf-8")
        env = {**os.environ, "MENTIONS_KAFKA__PREFIX": f"bench-{uuid.uuid4().hex[:6]}."}
        command = [sys.executable, "-m", "pipeline", "-c", str(config)]
        subprocess.run([*command, "topics", "create"], env=env, check=True, capture_output=True)
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for count in AGENTS:
                before = watch.moves
                while len(running) < count:
                    name = f"agent-{len(running) + 1}"
                    running[name] = subprocess.Popen(
                        [*command, "agent"],
                        env={**env, "BENCH_AGENT": name},
                        stdout=(Path(folder) / f"{name}.log").open("wb"),
                        stderr=subprocess.STDOUT,
                    )
                shares = settled(watch, sources, count)
                moved = watch.moves - before
                print(f"{count} agents: shares {sorted(shares.values())}, {moved} sources moved")
            for _ in range(KILLS):
                victim, process = running.popitem()
                had = watch.of(victim)
                process.kill()
                killed = time.monotonic()
                while watch.of(victim):
                    time.sleep(0.05)
                    if time.monotonic() - killed > 60:  # noqa: PLR2004 - long past what is promised
                        sys.exit(f"{watch.of(victim)} sources not taken over within 60 s")
                seconds = time.monotonic() - killed
                print(f"kill -9 of one with {had}: all of them read again after {seconds:.1f} s")
                settled(watch, sources, len(running))
        finally:
            for name, process in running.items():
                process.kill()
                print((Path(folder) / f"{name}.log").read_text(encoding="utf-8")[-2_000:])


if __name__ == "__main__":
    main()
