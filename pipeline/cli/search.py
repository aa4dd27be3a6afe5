"""``mentions search``: find mentions by a query."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click
from rich import box
from rich.table import Table
from rich.text import Text

from pipeline.cli._shared import console, emit, json_option, moment, settings

if TYPE_CHECKING:
    from pipeline.search.query import Found, Hit

__all__ = ["command"]

_SORTS: Final = ("newest", "oldest", "relevance", "resonance", "audience")
_TONES: Final = {"negative": "red", "positive": "green"}

# Texts are a stranger's: neither terminal commands nor a change of writing direction get through.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")


@click.command(
    epilog="""\b
The query is in Lucene's syntax; all words must occur:
  Störung App                                 both words, in text or title
  "kommt zu spät"                             the phrase
  (Bus OR Bahn) AND NOT pünktlich             combined
  Verspät*  /[Bb]us+/  Bahm~                  beginnings, patterns, misspellings
  #bahn @info                                 a hashtag, a handle
  sentiment.label:negative channel:review     fields: language.code, topics, author.handle,
  author.followers:>1000 stars:[1 TO 2]       topic_sentiment:"Acme|negative", site, tags …
  \\( \\: \\"                                    a backslash takes a sign's meaning away

\b
Examples:
  mentions search 'Störung' --since 7d
  mentions search 'topics:Acme sentiment.label:negative' --sort audience
  mentions search '*' --json --size 1000 > mentions.jsonl"""
)
@click.argument("query")
@click.option("--size", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--since", callback=moment, help="Said since: 15m, 2h, 7d or an RFC 3339 time.")
@click.option("--sort", type=click.Choice(_SORTS), default="newest", show_default=True)
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    query: str,
    size: int,
    since: datetime | None,
    sort: str,
    *,
    only_count: bool,
    as_json: bool,
) -> None:
    """Search the indexed mentions."""
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415 - not for --help
    from pipeline.search.query import count, search  # noqa: PLC0415

    config = settings(ctx).elasticsearch
    with explained(config), connect_sync(config) as client:
        if only_count:
            number = count(client, config.alias, query, since)
            emit([{"count": number}]) if as_json else click.echo(number)
            return
        found = search(client, config.alias, query, size=size, since=since, sort=sort)
    if not found.hits:
        click.echo("Nothing found.", err=True)
    elif as_json:
        emit(hit.source for hit in found.hits)
    else:
        console.print(_table(found))


def _table(found: "Found") -> Table:
    grid = Table(
        title=f"{len(found.hits)} of {found.total} mentions",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
    )
    for name in ("said", "channel", "language", "tone"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("author", max_width=18, overflow="ellipsis", no_wrap=True)
    grid.add_column("text", ratio=1)
    for hit in found.hits:
        grid.add_row(*_cells(hit))
    return grid


def _cells(hit: "Hit") -> tuple[str | Text, ...]:
    source = hit.source
    author = source.get("author") or {}
    label = (source.get("sentiment") or {}).get("label", "")
    said = datetime.fromisoformat(source["published_at"]).astimezone()
    return (
        f"{said:%Y-%m-%d %H:%M}",
        source["channel"],
        (source.get("language") or {}).get("code", "und"),
        Text(label, style=_TONES.get(label, "")),
        Text(_clean(author.get("name") or author.get("handle") or "")),
        _snippet(source.get("title"), hit.snippet or source["text"]),
    )


def _snippet(title: str | None, snippet: str) -> Text:
    """The title in bold, then the text with the matching words marked."""
    from pipeline.search.query import END, START  # noqa: PLC0415 - not needed for --help

    text = Text()
    if title:
        text.append(_clean(title) + "  ", style="bold")
    marked = False
    for part in re.split(f"([{START}{END}])", _clean(snippet)):
        if part in (START, END):
            marked = part == START
        else:
            text.append(part, style="black on yellow" if marked else "")
    return text


def _clean(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())
