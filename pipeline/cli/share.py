"""``mentions share``: share of voice three ways, with the coverage of the period beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click
from msgspec import Struct

from pipeline.cli._shared import console, emit, json_option, moment, settings, table

if TYPE_CHECKING:
    from pipeline.search.coverage import Row
    from pipeline.search.share import Counts, Voice

__all__ = ["command"]

_PARTS: Final = 96
_GOOD: Final = frozenset({"complete", "late"})
_JUDGED: Final = frozenset({"complete", "late", "partly", "dark", "unknown"})


class _Read(Struct):
    """How much of a period was read of one source."""

    source: str
    complete: float | None
    """The part of the period, 0 … 1; None where the source keeps no ledger."""
    dark: bool
    gaps: int


class _Answer(Struct):
    since: datetime
    until: datetime
    voices: "list[_Voice]"
    coverage: list[_Read]
    """The worst first."""


class _Voice(Struct):
    topic: str
    mentions: "Counts"
    stories: "Counts"
    people: "Counts"
    coverage: float | None
    """How much of the period was read of its sources, each by its part of the mentions."""


def _names(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (value or "").split(",") if name.strip()))


@click.command(
    epilog="""\b
Examples:
  mentions share --since 30d                        all brands and competitors of the watchlist
  mentions share --topics Acme,Nordluft --since 7d
  mentions share --since 2026-01-01 --until 2026-02-01 --json

\b
stories counts near copies once, people leaves out what looks like a bot or spam; read says how much
of the period was collected of the sources that speak of the topic."""
)
@click.option("--topics", callback=_names, help="Comma-separated; by default all voices.")
@click.option("--since", callback=moment, default="30d", show_default=True, help="7d, or a time.")
@click.option("--until", callback=moment, help="The period's end; now by default.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    topics: list[str],
    since: datetime,
    until: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Show share of voice: raw, by story, without bots."""
    from pipeline.errors import ConfigError  # noqa: PLC0415 - not needed for --help
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.coverage import Period, chart, read  # noqa: PLC0415
    from pipeline.search.share import voices  # noqa: PLC0415

    config = settings(ctx)
    chosen = topics or [
        topic.topic for topic in config.watchlist if topic.kind in {"brand", "competitor"}
    ]
    if not chosen:
        msg = "no brand or competitor is on the watchlist: name topics with --topics"
        raise ConfigError(msg)
    where = config.elasticsearch
    now = datetime.now(UTC)
    end = until or now
    with explained(where), connect_sync(where) as client:
        found = voices(client, where.alias, chosen, since, until)
        messages = list(read(client, where.alias, since))
    expected = {str(one.get("name")): str(one.get("type")) for one in config.sources}
    rows = chart(messages, Period(since, end, now, _PARTS), expected)
    coverage = sorted(map(_read, rows), key=lambda one: (one.complete or 0.0, one.source))
    answer = _Answer(since, end, [_voice(voice, coverage) for voice in found], coverage)
    if as_json:
        emit([answer])
    else:
        _show(answer)


def _read(row: "Row") -> _Read:
    judged = [cell for cell in row.cells if cell in _JUDGED]
    # What was not listened to yet was not read either.
    good = sum(cell in _GOOD for cell in judged) + 0.5 * judged.count("partly")
    kept = row.polls or row.complete_until
    return _Read(
        row.source, good / len(judged) if judged and kept else None, row.dark, len(row.gaps)
    )


def _voice(voice: "Voice", coverage: Sequence[_Read]) -> _Voice:
    known = {one.source: one.complete for one in coverage if one.complete is not None}
    counts = {name: count for name, count in voice.by_source.items() if name in known}
    total = sum(counts.values())
    read = sum(known[name] * count for name, count in counts.items()) / total if total else None
    return _Voice(voice.topic, voice.mentions, voice.stories, voice.people, read)


def _show(answer: _Answer) -> None:
    def cell(counts: "Counts") -> str:
        return f"{counts.count} ({counts.share:.0%})"

    span = (
        f"{answer.since.astimezone():%Y-%m-%d %H:%M} to {answer.until.astimezone():%Y-%m-%d %H:%M}"
    )
    table(
        f"Share of voice, {span}",
        ["topic", "mentions", "stories", "people", "read"],
        [
            (
                voice.topic,
                cell(voice.mentions),
                cell(voice.stories),
                cell(voice.people),
                "?" if voice.coverage is None else f"{voice.coverage:.0%}",
            )
            for voice in answer.voices
        ],
    )
    console.print("stories: near copies once; people: without what looks like bots or spam")
    poor = [one for one in answer.coverage if one.complete is None or one.complete < 1 or one.gaps]
    if not poor:
        console.print("All sources were read completely." if answer.coverage else "No ledger yet.")
    for one in poor:
        part = "keeps no ledger" if one.complete is None else f"{one.complete:.0%} read"
        gaps = f", {one.gaps} open gaps" if one.gaps else ""
        console.print(f"  {one.source}: {part}{gaps}{', dark now' if one.dark else ''}")
