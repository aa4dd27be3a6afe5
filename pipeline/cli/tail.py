"""``mentions tail``: the messages of a topic, as they are or as they come."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

import click
import msgspec

from pipeline.cli._shared import console, json_option, moment, settings
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
    """What is there now, in the order of time across partitions; then what comes, as it comes."""
    from pipeline.reader import records  # noqa: PLC0415 - not needed for --help

    source = records(config, name, since=since, newest=limit, follow=follow)
    backlog = sorted(takewhile(bool, source), key=lambda record: record.timestamp)
    yield from backlog if since else backlog[-limit:]
    yield from source


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
