"""Topics and lag, as the brokers report them; what the table of topics says is made so here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
)
from msgspec import Struct
from msgspec.structs import replace
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline.errors import ConfigError
from pipeline.settings import REQUEST_LIMIT, Settings
from schemas import topics
from schemas.topics import Topic

__all__ = [
    "STAGES",
    "Change",
    "Lag",
    "TopicState",
    "apply",
    "brokers",
    "consumer",
    "delete_records",
    "describe",
    "diff",
    "done",
    "lag",
    "patiently",
    "producer",
    "publish",
    "running",
    "wanted",
]

_DAY_MS: Final = 86_400_000

STAGES: Final[Mapping[str, Topic]] = {
    "enrich": topics.RAW,
    "index": topics.ENRICHED,
    "route": topics.ENRICHED,
    "archive": topics.DEAD_LETTER,
    "record": topics.COVERAGE,
    "work": topics.WORK_ORDERS,
    "refine": topics.ENRICHED,
}
"""The stages in the order a mention meets them, and the topic each reads."""


class TopicState(Struct, frozen=True):
    """One topic as it is."""

    name: str
    partitions: int
    replication: int
    messages: int
    """Offsets in use; compaction may have removed some of them."""
    config: dict[str, str]
    """Those settings that the table of topics names."""


class Change(Struct, frozen=True):
    """One difference between the table of topics and the brokers."""

    topic: str
    what: str
    """``missing``, ``partitions`` or the name of a setting."""
    wanted: str
    found: str
    safe: bool = True
    """Whether ``apply`` may make it; nothing safe can lose a message."""


class Lag(Struct, frozen=True):
    """How far one stage is behind."""

    stage: str
    topic: str
    lag: int
    """Messages between what is committed and the end."""
    end: int
    """Messages ever written to the topic's partitions."""


def running(settings: Settings) -> dict[str, Topic]:
    """The stages that an installation runs, and the topic each reads."""
    off = set() if settings.second_pass.on else {"refine"}
    return {stage: topic for stage, topic in STAGES.items() if stage not in off}


def wanted(settings: Settings) -> dict[str, Topic]:
    """Every topic of this installation, by its name on the cluster."""
    kept = settings.retention
    days = {
        topics.RAW.name: kept.raw_days,
        topics.ENRICHED.name: kept.enriched_days,
        topics.DEAD_LETTER.name: kept.dead_letter_days,
        topics.DEAD_LETTER_MARKS.name: kept.dead_letter_days,
        topics.COVERAGE.name: kept.coverage_days,
        topics.FIGURES.name: kept.figures_days,
        topics.ALERTS.name: kept.alert_days,
        topics.NOTIFIED.name: kept.alert_days,
    }
    teams = [topics.routed(route.team) for route in settings.routes]
    days.update((topic.name, kept.routed_days) for topic in teams)
    changed: dict[str, dict[str, int]] = {name: {} for name in days}
    for name, kept_days in days.items():
        changed[name]["retention_ms"] = kept_days * _DAY_MS
    for topic in (topics.RAW, topics.ENRICHED):
        changed[topic.name]["partitions"] = settings.kafka.partitions
    return {
        settings.kafka.topic(topic): replace(topic, **changed.get(topic.name, {}))
        for topic in (*topics.TABLE, *teams)
    }


@contextmanager
def _client(kind: type, settings: Settings, **options: object) -> Iterator[Any]:
    """A Kafka client, closed at the end; an unreachable broker becomes one clear line."""
    try:
        client = kind(**settings.kafka.kafka_python(), **options)
    except KafkaError as error:
        msg = (
            f"Kafka at {settings.kafka.bootstrap} does not answer ({error}); start it with "
            "'mentions up', or set MENTIONS_KAFKA__BOOTSTRAP"
        )
        if settings.kafka.security != "PLAINTEXT":
            # The client only says that it got no further.
            msg += "; or it refuses MENTIONS_KAFKA__USERNAME, __PASSWORD or the certificates"
        raise ConfigError(msg) from error
    try:
        yield client
    finally:
        client.close()


@contextmanager
def consumer(settings: Settings) -> Iterator[Any]:
    """A kafka-python consumer of no group, closed at the end.

    Where retention deletes what it is about to read, it goes on with the oldest that is there.

    Raises:
        ConfigError: no broker answers.
    """
    # By default it would go to the end, and leave out all that is between.
    with _client(KafkaConsumer, settings, auto_offset_reset="earliest") as client:
        yield client


@contextmanager
def producer(settings: Settings) -> Iterator[Any]:
    """A kafka-python producer that confirms and never doubles, closed at the end.

    Raises:
        ConfigError: no broker answers.
    """
    options = {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "lz4",
        # The broker judges what is compressed, the client what is not: let the broker judge.
        "max_request_size": REQUEST_LIMIT,
    }
    with _client(KafkaProducer, settings, **options) as client:
        yield client


def publish(
    settings: Settings, topic: Topic, messages: Iterable[tuple[bytes, bytes | None]]
) -> None:
    """Write keys and values to a topic; returns once the broker confirmed all.

    Raises:
        ConfigError: no broker answers.
        kafka.errors.KafkaError: a message is not confirmed.
    """
    name = settings.kafka.topic(topic)
    with producer(settings) as client:
        sent = [client.send(name, key=key, value=value) for key, value in messages]
        for confirmation in sent:
            confirmation.get()


@contextmanager
def brokers(settings: Settings) -> Iterator[Any]:
    """A kafka-python admin client, closed at the end.

    Raises:
        ConfigError: no broker answers.
    """
    with _client(KafkaAdminClient, settings) as client:
        yield client


def describe(settings: Settings) -> dict[str, TopicState]:
    """The wanted topics that exist.

    Raises:
        ConfigError: no broker answers.
    """
    table = wanted(settings)
    with _client(KafkaAdminClient, settings) as client:
        names = sorted(set(client.list_topics()) & set(table))
        if not names:
            return {}
        found = {entry["name"]: entry["partitions"] for entry in client.describe_topics(names)}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        configs = client.describe_configs(resources, config_filter="all")["topic"]
    ends = _ends(settings, {name: len(found[name]) for name in names})
    return {
        name: TopicState(
            name=name,
            partitions=len(found[name]),
            replication=min(len(partition["replica_nodes"]) for partition in found[name]),
            messages=sum(end - start for start, end in ends[name]),
            config={key: str(configs[name][key]["value"]) for key in table[name].config},
        )
        for name in names
    }


def diff(settings: Settings) -> list[Change]:
    """What ``apply`` would change, and what it would not dare to."""
    found = describe(settings)
    changes = []
    for name, topic in wanted(settings).items():
        state = found.get(name)
        if state is None:
            changes.append(Change(name, "missing", f"{topic.partitions} partitions", "-"))
            continue
        if state.partitions != topic.partitions:
            # More partitions move keys, fewer are impossible: both are somebody's decision.
            want, have = str(topic.partitions), str(state.partitions)
            changes.append(Change(name, "partitions", want, have, safe=False))
        changes.extend(
            Change(name, key, value, state.config[key])
            for key, value in topic.config.items()
            if state.config[key] != value
        )
    return changes


def apply(settings: Settings) -> list[Change]:
    """Create what is missing and set what differs; returns what was changed.

    Raises:
        ConfigError: no broker answers.
    """
    table = wanted(settings)
    changes = [change for change in diff(settings) if change.safe]
    missing = {change.topic for change in changes if change.what == "missing"}
    differing = {change.topic for change in changes} - missing
    with _client(KafkaAdminClient, settings) as client:
        if missing:
            client.create_topics(
                {
                    name: {
                        "num_partitions": table[name].partitions,
                        "replication_factor": settings.kafka.replication,
                        "configs": table[name].config,
                    }
                    for name in sorted(missing)
                },
                wait_for_metadata=True,
            )
        if differing:
            client.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, name, table[name].config)
                    for name in sorted(differing)
                ]
            )
    return changes


def delete_records(settings: Settings, before: Mapping[TopicPartition, int]) -> None:
    """Delete the records of partitions before an offset.

    Raises:
        ConfigError: no broker answers.
    """
    if before:
        with _client(KafkaAdminClient, settings) as client:
            client.delete_records(dict(before))


def lag(settings: Settings) -> list[Lag]:
    """How far each stage is behind, in the order of the stages.

    Raises:
        ConfigError: no broker answers, or a topic is missing.
    """
    states = describe(settings)
    rows = []
    stages = running(settings)
    groups = {stage: settings.kafka.group(stage) for stage in stages}
    with _client(KafkaAdminClient, settings) as client:
        committed = patiently(client.list_group_offsets, list(groups.values()))
    for stage, topic in stages.items():
        name = settings.kafka.topic(topic)
        if name not in states:
            msg = f"topic {name} is missing; create it with 'mentions topics create'"
            raise ConfigError(msg)
        ends = _ends(settings, {name: states[name].partitions})[name]
        offsets = committed.get(groups[stage], {})
        behind = 0
        for partition, (start, end) in enumerate(ends):
            at = offsets.get(TopicPartition(name, partition))
            behind += end - (at.offset if at is not None and at.offset >= 0 else start)
        rows.append(Lag(stage, name, behind, sum(end for _, end in ends)))
    return rows


def done(settings: Settings, stage: str) -> dict[TopicPartition, int]:
    """Up to which offset of each partition of its topic a stage has done its work.

    Raises:
        ConfigError: no broker answers, or the topic is missing.
    """
    name, group = settings.kafka.topic(STAGES[stage]), settings.kafka.group(stage)
    with consumer(settings) as reader:
        partitions = [TopicPartition(name, n) for n in reader.partitions_for_topic(name) or ()]
        if not partitions:
            msg = f"topic {name} is missing; create it with 'mentions topics create'"
            raise ConfigError(msg)
        first = reader.beginning_offsets(partitions)
    with brokers(settings) as client:
        committed = patiently(client.list_group_offsets, [group]).get(group, {})
    # Never committed is -1; what is kept may begin later than what was committed last.
    return {
        each: max(start, committed[each].offset if each in committed else start)
        for each, start in first.items()
    }


# The first question about any consumer group makes the broker create its offsets topic, and one
# that was elected just now has to read it first.
patiently = Retrying(
    retry=retry_if_exception_type(
        (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)
    ),
    wait=wait_fixed(0.2),
    stop=stop_after_delay(15),
    reraise=True,
)


def _ends(
    settings: Settings, partitions: Mapping[str, int]
) -> dict[str, Sequence[tuple[int, int]]]:
    """First and next offset of every partition, by topic."""
    pairs = {
        name: [TopicPartition(name, number) for number in range(count)]
        for name, count in partitions.items()
    }
    every = [pair for group in pairs.values() for pair in group]
    with consumer(settings) as reader:
        first, last = reader.beginning_offsets(every), reader.end_offsets(every)
    return {name: [(first[pair], last[pair]) for pair in group] for name, group in pairs.items()}
