"""The faults, and the order in which a seed brings them."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from tests.faults.processes import Processes
from tests.faults.servers import Servers

__all__ = ["Fault", "World", "available", "plan"]

_WORKERS: Final = ("enrich", "index", "route", "archive", "record", "work")
_AGENTS: Final = ("agent",)


class World(Struct, frozen=True):
    """What can be hurt."""

    servers: Servers
    processes: Processes


class Fault(Struct, frozen=True):
    """A way to hurt it. ``inject`` returns when the fault is over."""

    name: str
    target: str
    """Faults of different targets may come together."""
    share: int
    """How often it comes, compared with others."""
    inject: Callable[[World, random.Random], None]


def _kill(roles: tuple[str, ...]) -> Callable[[World, random.Random], None]:
    def inject(world: World, chance: random.Random) -> None:
        time.sleep(chance.uniform(0, 2))  # at any moment of the work
        world.processes.kill(world.processes.pick(roles, chance.random()))

    return inject


def _terminate(world: World, chance: random.Random) -> None:
    time.sleep(chance.uniform(0, 2))
    world.processes.terminate(world.processes.pick(_WORKERS + _AGENTS, chance.random()))


def _suspend(roles: tuple[str, ...]) -> Callable[[World, random.Random], None]:
    def inject(world: World, chance: random.Random) -> None:
        name = world.processes.pick(roles, chance.random())
        world.processes.suspend(name, chance.uniform(11, 15))  # a session ends after 10

    return inject


def _wire(
    which: str, what: str, least: float, most: float
) -> Callable[[World, random.Random], None]:
    def inject(world: World, chance: random.Random) -> None:
        wire = world.servers.kafka if which == "Kafka" else world.servers.search
        if what == "slow":
            wire.slow(chance.uniform(0.1, 0.4))
        else:
            getattr(wire, what)()
        time.sleep(chance.uniform(least, most))
        wire.restore()

    return inject


def _jump(world: World, chance: random.Random) -> None:
    hours = chance.choice([-25, -1, 1, 25])
    world.processes.jump(hours * 3_600, chance.uniform(3, 6))


def available(world: World) -> list[Fault]:
    """All faults that this machine lets us make."""
    faults = [
        Fault("kill -9 a worker", "workers", 8, _kill(_WORKERS)),
        Fault("kill -9 an agent", "agents", 6, _kill(_AGENTS)),
        Fault("SIGTERM a process", "workers", 3, _terminate),
        Fault("SIGSTOP a worker 11-15 s", "workers", 4, _suspend(_WORKERS)),
        Fault("SIGSTOP an agent 11-15 s", "agents", 3, _suspend(_AGENTS)),
        Fault(
            "kill -9 Kafka",
            "Kafka",
            4,
            lambda world, chance: world.servers.kill_kafka(chance.uniform(0, 4)),
        ),
        Fault(
            "kill -9 Elasticsearch",
            "Elasticsearch",
            3,
            lambda world, chance: world.servers.kill_search(chance.uniform(0, 3)),
        ),
        Fault("Kafka: connections cut", "Kafka", 4, _wire("Kafka", "cut", 0.5, 8)),
        Fault("Kafka: silence", "Kafka", 3, _wire("Kafka", "silence", 2, 14)),
        Fault("Kafka: 0.1-0.4 s latency", "Kafka", 2, _wire("Kafka", "slow", 4, 8)),
        Fault("Kafka: answers lost", "Kafka", 4, _wire("Kafka", "lose_answers", 0.5, 3)),
        Fault("Elasticsearch: cut", "Elasticsearch", 3, _wire("search", "cut", 0.5, 8)),
        Fault("Elasticsearch: silence", "Elasticsearch", 2, _wire("search", "silence", 2, 8)),
        Fault("Elasticsearch: latency", "Elasticsearch", 2, _wire("search", "slow", 4, 8)),
        Fault("Elasticsearch: answers lost", "Elasticsearch", 4,
              _wire("search", "lose_answers", 0.5, 3)),
    ]  # fmt: skip
    if world.servers.small_disk:
        faults.append(
            Fault(
                "Elasticsearch: disk full",
                "Elasticsearch",
                1,
                lambda world, chance: world.servers.fill_disk(chance.uniform(14, 18)),
            )
        )
    if world.processes.has_clock:
        faults.append(Fault("clock jump of hours", "clock", 3, _jump))
    return faults


def plan(faults: Sequence[Fault], count: int, together: int, seed: int) -> list[list[Fault]]:
    """Rounds of at most ``together`` faults, ``count`` in all; each kind once before any twice."""
    chance = random.Random(seed)
    first = list(faults)
    chance.shuffle(first)
    more = chance.choices(faults, [fault.share for fault in faults], k=max(count - len(first), 0))
    waiting = [*first, *more][:count]
    rounds: list[list[Fault]] = []
    while waiting:
        chosen: list[Fault] = []
        for fault in list(waiting):
            if len(chosen) == together:
                break
            if fault.target not in {other.target for other in chosen}:
                chosen.append(fault)
                waiting.remove(fault)
        rounds.append(chosen)
    return rounds
