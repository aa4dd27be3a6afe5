"""``mentions tail``: the messages of a topic, as they are or as they come."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from pipeline.cli._shared import console, json_option, moment, settings
from pipeline.errors import ConfigError
from pipeline.settings import Settings

__all__ = ["command"]

_SHORT = {"raw": "mentions.raw", "enriched": "mentions.enriched", "dead": "mentions.dead-letter"}


@click.command(
    epilog="""\b
Examples:
  mentions tail raw --limit 5             the newest five
  mentions tail enriched --follow         go on until interrupted
  mentions tail dead --since 2h --json    what was refused in the last two hours, and why
  mentions tail mentions.routed.press -f"""
)
@click.argument("topic")
@click.option("--follow", "-f", is_flag=True, help="Go on until interrupted.")
@click.option("--since", callback=moment, help="From then on: 15m, 2h, 7d or an RFC 3339 time.")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Newest messages to start with; without effect where --since is given.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    topic: str,
    since: datetime | None,
    limit: int,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Show the messages of TOPIC: raw, enriched, dead, or a topic's full name."""
    config = settings(ctx)
    name = config.kafka.prefix + _SHORT.get(topic, topic)
    for record in _records(config, name, since, limit, follow=follow):
        if as_json:
            click.echo(msgspec.json.encode(_as_json(record)))
        else:
            console.print(_as_line(record), soft_wrap=True, highlight=False, markup=False)


def _records(
    config: Settings, name: str, since: datetime | None, limit: int, *, follow: bool
) -> Iterator[Any]:
    """Records in the order of their time; without ``follow`` up to the end as it is now."""
    from kafka import TopicPartition  # noqa: PLC0415 - not needed for --help

    from pipeline.admin import consumer  # noqa: PLC0415

    with consumer(config) as reader:
        partitions = [TopicPartition(name, n) for n in reader.partitions_for_topic(name) or ()]
        if not partitions:
            msg = f"no topic {name}; 'mentions topics describe' lists what there is"
            raise ConfigError(msg)
        first, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
        reader.assign(partitions)
        if since:
            found = reader.offsets_for_times(
                dict.fromkeys(partitions, int(since.timestamp() * 1000))
            )
            starts = {tp: at.offset if at else ends[tp] for tp, at in found.items()}
        else:
            starts = {tp: max(ends[tp] - limit, first[tp]) for tp in partitions}
        for tp, offset in starts.items():
            reader.seek(tp, offset)
        backlog: list[Any] = []
        open_ = {tp for tp in partitions if starts[tp] < ends[tp]}
        while open_:
            for tp, batch in reader.poll(timeout_ms=500).items():
                backlog.extend(batch)
                if reader.position(tp) >= ends[tp]:
                    open_.discard(tp)
            # Compaction and transactions leave offsets without a record at the very end.
            open_ = {tp for tp in open_ if reader.position(tp) < ends[tp]}
        backlog.sort(key=lambda record: record.timestamp)
        yield from backlog if since else backlog[-limit:]
        while follow:
            for batch in reader.poll(timeout_ms=500).values():
                yield from batch


def _as_json(record: Any) -> dict[str, Any]:  # noqa: ANN401 - kafka-python has no types
    value: object = None
    if record.value is not None:
        try:
            value = msgspec.json.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = record.value.decode(errors="backslashreplace")
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": datetime.fromtimestamp(record.timestamp / 1000, UTC),
        "key": record.key.decode(errors="backslashreplace") if record.key else None,
        "headers": {name: text.decode(errors="replace") for name, text in record.headers},
        "value": value,
    }


def _as_line(record: Any) -> str:  # noqa: ANN401
    """Time, key and what it says; for a dead letter why it was refused."""
    row = _as_json(record)
    value, headers = row["value"], row["headers"]
    clock = time.strftime("%H:%M:%S", time.localtime(record.timestamp / 1000))
    if "dlq_error" in headers:
        says = f"{headers['dlq_stage']}: {headers['dlq_error']}: {headers['dlq_reason']}"
    elif value is None:
        says = "(deleted)"
    elif isinstance(value, dict):
        facts = []
        if language := value.get("language"):
            facts.append(language.get("code", "und"))
        if sentiment := value.get("sentiment"):
            facts.append(sentiment["label"])
        facts += [match["topic"] for match in value.get("matches", ())]
        text = " ".join(str(value.get("title") or value.get("text") or "").split())
        says = f"[{', '.join(facts)}] {text}" if facts else text
    else:
        says = str(value)
    return f"{clock}  {row['key']}  {says}"
