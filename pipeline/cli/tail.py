"""``mentions tail``: the messages of a topic, as they are or as they come."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final

import click
import msgspec

from pipeline.cli._shared import console, moment, settings
from pipeline.settings import Settings

__all__ = ["command", "full_name"]

_SHORT = {
    "raw": "mentions.raw",
    "enriched": "mentions.enriched",
    "dead": "mentions.dead-letter",
    "coverage": "mentions.coverage",
}
_FORMATS: Final = ("table", "json", "csv", "parquet")


@click.command(
    epilog="""\b
Examples:
  mentions tail raw --limit 5             the newest five
  mentions tail enriched --follow         go on until interrupted
  mentions tail dead --since 2h --json    what was refused in the last two hours, and why
  mentions tail mentions.routed.press -f
  mentions tail enriched --where "language.code == 'de' && sentiment.label == 'negative'"
  mentions tail enriched --where "matches[?topic == 'Acme']" --since 7d --format csv > acme.csv
  mentions tail enriched --where "author.followers > \\`1000\\` && contains(text, 'App')" -f

Expressions are JMESPath (jmespath.org) over the message's value; text stands in '…', numbers in
`…`. A field that is left out is null."""
)
@click.argument("topic")
@click.option("--follow", "-f", is_flag=True, help="Go on until interrupted.")
@click.option("--since", callback=moment, help="From then on: 15m, 2h, 7d or an RFC 3339 time.")
@click.option("--where", metavar="EXPR", help="Only messages whose value this is true of.")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Newest messages to start with; without effect where --since is given.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="table",
    show_default=True,
    help="csv and parquet are one flat table of mentions; json has keys and headers too.",
)
@click.option("--json", "form", flag_value="json", help="Short for --format json.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    topic: str,
    since: datetime | None,
    where: str | None,
    limit: int,
    form: str,
    follow: bool,
) -> None:
    """Show the messages of TOPIC: raw, enriched, dead, coverage, or a topic's full name."""
    if form == "parquet" and follow:
        msg = "a Parquet file is whole when it ends: leave out --follow"
        raise click.UsageError(msg)
    out = click.get_binary_stream("stdout")
    if form == "parquet" and out.isatty():
        msg = "Parquet is nothing to look at: write it to a file, … > mentions.parquet"
        raise click.UsageError(msg)
    config = settings(ctx)
    found = _records(config, full_name(config, topic), since, where, limit, follow=follow)
    if form in {"csv", "parquet"}:
        from pipeline.formats import writer  # noqa: PLC0415 - not needed for --help

        rows = writer(form, out)
        for record in found:
            if isinstance(value := _as_json(record)["value"], dict):
                rows.write(value)
                if follow:
                    out.flush()
        rows.close()
        return
    for record in found:
        if form == "json":
            click.echo(msgspec.json.encode(_as_json(record)))
        else:
            console.print(_as_line(record), soft_wrap=True, highlight=False, markup=False)


def full_name(config: Settings, topic: str) -> str:
    """The name on the cluster of a topic, or of its short form."""
    return config.kafka.prefix + _SHORT.get(topic, topic)


def _records(
    config: Settings,
    name: str,
    since: datetime | None,
    where: str | None,
    limit: int,
    *,
    follow: bool,
) -> Iterator[Any]:
    """What is there now, in the order of time across partitions; then what comes, as it comes."""
    from pipeline.reader import records  # noqa: PLC0415 - not needed for --help
    from pipeline.where import predicate  # noqa: PLC0415

    fits = predicate(where)
    # The newest that fit may be far from the end.
    newest = limit if where is None else None
    source = records(config, name, since=since, newest=newest, follow=follow)
    backlog = [
        record
        for record in takewhile(bool, source)
        if where is None or fits(_as_json(record)["value"])
    ]
    backlog.sort(key=lambda record: record.timestamp)
    yield from backlog if since else backlog[-limit:]
    yield from (record for record in source if where is None or fits(_as_json(record)["value"]))


def _as_json(record: Any) -> dict[str, Any]:  # noqa: ANN401 - kafka-python has no types
    from pipeline.reader import decoded  # noqa: PLC0415 - not needed for --help

    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": datetime.fromtimestamp(record.timestamp / 1000, UTC),
        "key": record.key.decode(errors="backslashreplace") if record.key else None,
        "headers": {name: text.decode(errors="replace") for name, text in record.headers},
        "value": decoded(record.value),
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
