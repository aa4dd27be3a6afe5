"""``mentions people``: who outside speaks of a topic and is heard, and the index of them."""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from pipeline.cli._shared import emit, json_option, moment, settings, table
from pipeline.cli._staying import every_option, host_option, keep_up, only_with, port_option
from pipeline.errors import ConfigError
from pipeline.kibana.words import PERSON_KINDS

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from pipeline.advice import Language
    from pipeline.people import Person
    from pipeline.settings import Settings

__all__ = ["command"]

_UNKNOWN: Final = {
    "en": (
        "no watchlist topic {topic!r}; did you mean {near!r}?",
        "no watchlist topic {topic!r}; there are: {known}",
    ),
    "de": (
        "kein Thema {topic!r} auf der Watchlist; gemeint war {near!r}?",
        "kein Thema {topic!r} auf der Watchlist; es gibt: {known}",
    ),
}
_INDEXED: Final = 1_000
"""Most people of a topic that are kept in the index."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@click.command(
    epilog="""\b
Examples:
  mentions people --topic Acme                     the best twenty of 90 days, and why
  mentions people --topic Acme --kind helper --since 30d
  mentions people --topic Acme --all               also who is left out, and why
  mentions people --topic Acme --csv > people.csv
  mentions people --topic Acme --lang de           the reasons in German
  mentions people --update                         renew the index that Kibana shows, all topics
  mentions people --update --every 1h              and again each hour, until interrupted

\b
How the score is made: docs/people.en.md, docs/people.de.md"""
)
@click.option("--topic", "topics", multiple=True, help="A watchlist topic; may be repeated.")
@click.option("--since", callback=moment, default="90d", show_default=True, help="7d, or a time.")
@click.option("--kind", type=click.Choice(tuple(PERSON_KINDS)), help="Only people of this kind.")
@click.option("--number", "-n", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--all", "everybody", is_flag=True, help="Also bots, own staff and copyists.")
@click.option("--csv", "as_csv", is_flag=True, help="A table for other programs.")
@click.option(
    "--lang",
    type=click.Choice(["de", "en"]),
    help="Of the reasons; by default that of the settings, else of LANG.",
)
@click.option("--update", is_flag=True, help="Write the index of people instead of showing them.")
@every_option("--update")
@port_option
@host_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    topics: tuple[str, ...],
    since: datetime,
    kind: str | None,
    number: int,
    everybody: bool,
    as_csv: bool,
    lang: "Language | None",
    update: bool,
    every: float | None,
    port: int,
    host: str,
    as_json: bool,
) -> None:
    """Show who outside speaks of a topic and is heard."""
    from pipeline.advice import language  # noqa: PLC0415 - not for --help
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    config = settings(ctx)
    lang = language(lang or config.language)
    only_with("--update", given=update, every=every, port=port)
    if update:
        renew = partial(_renew, config, topics, datetime.now(UTC) - since, lang)
        if every is None:
            list(renew())
        else:
            keep_up(config, renew, every, host, port)
        return
    if not topics:
        msg = "which topic? --topic NAME; the watchlist names them"
        raise click.UsageError(msg)
    where = config.elasticsearch
    with explained(where), connect_sync(where) as client:
        spoke = {topic: _find(client, config, topic, since, lang) for topic in topics}
    for topic, found in spoke.items():
        if not found:
            _insist(config, topic, lang)
    found = [
        person
        for some in spoke.values()
        for person in some
        if (everybody or person.left_out is None) and (kind is None or kind in person.kinds)
    ][: number if len(topics) == 1 else None]
    if as_json:
        emit(found)
    elif as_csv:
        _write_csv(found)
    else:
        _show(found, lang)


def _watched(config: "Settings") -> list[str]:
    """The topics in force but for confidential ones."""
    from pipeline.versions import in_force  # noqa: PLC0415

    return [topic.topic for topic in in_force(config) if topic.kind != "confidential"]


def _insist(config: "Settings", topic: str, lang: "Language") -> None:
    """Refuse a topic of which nothing was said and that nobody watches: it is misspelt.

    Raises:
        ConfigError: which topics there are, the nearest first.
    """
    from pipeline.advice import nearest  # noqa: PLC0415
    from pipeline.versions import in_force  # noqa: PLC0415

    known = sorted(watched.topic for watched in in_force(config))
    if topic in known:
        return
    near = nearest(topic, known)
    said = _UNKNOWN[lang][0 if near else 1]
    raise ConfigError(said.format(topic=topic, near=near, known=", ".join(map(repr, known))))


def _find(
    client: "Elasticsearch", config: "Settings", topic: str, since: datetime, lang: "Language"
) -> "list[Person]":
    from msgspec.structs import replace  # noqa: PLC0415

    from pipeline.people import people  # noqa: PLC0415
    from pipeline.search.people import posts, replies  # noqa: PLC0415

    alias = config.elasticsearch.alias
    said = list(posts(client, alias, topic, since))
    found = people(topic, said, replies(client, alias, said, since), datetime.now(UTC), lang)
    return [replace(person, rank=place) for place, person in enumerate(found, start=1)]


def _renew(
    config: "Settings", topics: Sequence[str], back: timedelta, lang: "Language"
) -> Iterator[str]:
    """Renew topics one by one, by default all that are watched; yields each that is done."""
    for topic in topics or _watched(config):
        count = _update(config, topic, datetime.now(UTC) - back, lang)
        click.echo(f"{topic}: {count} people", err=True)
        yield topic


def _update(config: "Settings", topic: str, since: datetime, lang: "Language") -> int:
    """Write the people of a topic; returns how many.

    Who is forgotten meanwhile is looked for before and after: what was read may be older.
    """
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.people import index_name, write  # noqa: PLC0415
    from pipeline.search.removal import remove  # noqa: PLC0415

    where = config.elasticsearch
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1_000 * 1_000)  # all that the index keeps
    with explained(where), connect_sync(where) as client:
        found = [one for one in _find(client, config, topic, since, lang) if one.left_out is None]
        hidden = _forgotten(config)
        kept = [person for person in found[:_INDEXED] if not hidden(person)]
        write(client, where.alias, topic, kept, since=since, now=now)
        hidden = _forgotten(config)
        late = [person.id for person in kept if hidden(person)]
        remove(client, index_name(where.alias), late)
    return len(kept) - len(late)


def _forgotten(config: "Settings") -> "Callable[[Person], bool]":
    """Says whether somebody is to be forgotten."""
    from pipeline.reader import records  # noqa: PLC0415
    from schemas import forgotten, topics  # noqa: PLC0415

    keys: set[str] = set()
    for record in records(config, config.kafka.topic(topics.FORGOTTEN)):
        key = record.key.decode(errors="replace")
        keys.discard(key) if record.value is None else keys.add(key)
    salt = config.privacy.key()

    def hidden(person: "Person") -> bool:
        names = forgotten.names(person.author)
        return any(forgotten.of_author(name, salt) in keys for name in names)

    return hidden


def _name(person: "Person") -> str:
    author = person.author
    handle = f"@{author.handle}" if author.handle else author.id or ""
    return f"{author.name} ({handle})" if author.name and handle else author.name or handle


def _show(found: "Sequence[Person]", lang: "Language") -> None:
    titles = {
        "de": ("Menschen", "nicht dabei, weil", ["wer", "Punkte", "Art", "warum", "wo"]),
        "en": ("people", "left out", ["who", "score", "kind", "why", "where"]),
    }
    title, left_out, columns = titles[lang]
    several = len({person.topic for person in found}) > 1
    rows = [
        (
            _name(person),
            person.score,
            ", ".join(PERSON_KINDS[kind][lang] for kind in person.kinds),
            "; ".join(person.reasons)
            + (f"; {left_out}: {person.left_out}" if person.left_out else "")
            + (f" [{person.topic}]" if several else ""),
            person.author.url or (person.examples[0] if person.examples else ""),
        )
        for person in found
    ]
    table(f"{len(rows)} {title}", columns, rows)


def _write_csv(found: "Sequence[Person]") -> None:
    rows = csv.writer(sys.stdout)
    rows.writerow(
        ["topic", "rank", "score", "kinds", "name", "handle", "profile", "followers", "mentions",
         "stories", "answers", "last", "sites", "reasons", "left_out", "examples"]
    )  # fmt: skip
    for person in found:
        author = person.author
        cells = [
            person.topic, person.rank, person.score, "; ".join(person.kinds), author.name,
            author.handle, author.url, person.followers, person.mentions, person.stories,
            person.answers, person.last.isoformat(), "; ".join(person.sites),
            "; ".join(person.reasons), person.left_out, "; ".join(person.examples),
        ]  # fmt: skip
        rows.writerow([_safe(cell) for cell in cells])


def _safe(cell: object) -> object:
    """A spreadsheet takes some texts for formulas; authors choose their own names."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
