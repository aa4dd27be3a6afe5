"""The demo's live terminal view: what an analyst and an operator would want to see at a glance."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.admin import Lag
from pipeline.search.aggregations import Overview

__all__ = ["Picture", "render"]

_NEXT: Final = (
    ("search 'Brise AND Update' --since 3d", "find mentions"),
    ("search 'sentiment.label:negative channel:review'", "and narrow them"),
    ("tail enriched --follow", "watch a topic"),
    ("status", "servers and lag"),
)
"""What one can type in a second terminal, after the command's name."""

_COLOURS: Final = {"positive": "green", "neutral": "white", "negative": "red"}
_ROWS: Final = 8


class Picture(Struct, frozen=True):
    """What is known at one moment."""

    found: Overview
    lags: Sequence[Lag]
    per_second: float
    """Mentions that became searchable in the last seconds, per second."""
    searchable: int
    """How many of the demo's mentions can be found."""
    expected: int
    """How many there are in all."""


def render(picture: Picture, command: str | None = None) -> RenderableType:
    """Draw one moment.

    Args:
        picture: what is known.
        command: how ``mentions`` is to be called, for hints; None gives none.
    """
    found = picture.found
    return Group(
        _progress(picture),
        Columns(
            [
                _bars("Channels", found.channels),
                _bars("Languages", found.languages),
                _bars("Sentiment", found.sentiment, _COLOURS),
                _bars("Share of voice", found.share_of_voice),
                _lags(picture.lags),
            ],
            padding=(0, 1),
        ),
        _newest(found),
        *([_next(command)] if command else []),
    )


def _progress(picture: Picture) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        Text("Mentions searchable", style="bold"),
        ProgressBar(total=picture.expected, completed=picture.searchable, width=40),
        f"{picture.searchable} of {picture.expected}",
        f"{picture.per_second:.0f} a second",
    )
    return grid


def _bars(
    title: str, counts: Mapping[str, int], colours: Mapping[str, str] | None = None
) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column(justify="right")
    total = sum(counts.values())
    for name, count in list(counts.items())[:_ROWS]:
        style = (colours or {}).get(name, "cyan")
        grid.add_row(Text(name, style=style), str(count), f"{count / total:.0%}")
    return Panel(grid, title=title, title_align="left", border_style="dim")


def _lags(lags: Sequence[Lag]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for row in lags:
        grid.add_row(row.stage, Text(str(row.lag), style="yellow" if row.lag else "green"))
    return Panel(grid, title="Lag", title_align="left", border_style="dim")


def _newest(found: Overview) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for width in (len("31.12. 23:59"), len("microblog"), len("negative")):
        grid.add_column(no_wrap=True, min_width=width)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for mention in found.newest:
        label = mention.sentiment or "-"
        grid.add_row(
            f"{mention.published_at.astimezone():%d.%m. %H:%M}",
            mention.channel,
            Text(label, style=_COLOURS.get(label, "dim")),
            Text(" ".join((mention.title or mention.text).split())),
        )
    return Panel(grid, title="Newest", title_align="left", border_style="dim", expand=True)


def _next(command: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for typed, does in _NEXT:
        grid.add_row(Text(f"{command} {typed}", style="bold"), Text(does, style="dim"))
    title = "In another terminal (Ctrl-C here stops it all)"
    return Panel(grid, title=title, title_align="left", border_style="dim")
