"""What several dashboards show alike."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pipeline.kibana.data_views import MENTIONS
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.names import Place
from pipeline.kibana.parts import Json, Measure, Panel, Text, Values
from pipeline.kibana.words import Words

__all__ = [
    "AUTHORS",
    "CHANNEL",
    "LANGUAGE",
    "LATEST",
    "REACH",
    "REACTIONS",
    "TONE",
    "TOPIC",
    "VOICE",
    "Dashboard",
    "Row",
]

_WIDTH: Final = 48

TONE: Final = Values("sentiment.label", Words("Ton", "Tone"), 3)
CHANNEL: Final = Values("channel", Words("Kanal", "Channel"), 9)
LANGUAGE: Final = Values("language.code", Words("Sprache", "Language"), 13)
TOPIC: Final = Values("topics", Words("Thema", "Topic"), 15)
VOICE: Final = Values("voices", Words("Marke", "Brand"), 10)

REACH: Final = Measure("sum", Words("Reichweite", "Reach"), "author.followers")
REACTIONS: Final = Measure("sum", Words("Reaktionen", "Reactions"), "interactions")
AUTHORS: Final = Measure(
    "unique_count", Words("Autorinnen und Autoren", "Authors"), "author.handle"
)
LATEST: Final = Mentions(title=Words("Neueste Erwähnungen", "Latest mentions"))

_CONTROLS: Final = (
    ("topics", Words("Thema", "Topic")),
    ("channel", Words("Kanal", "Channel")),
    ("language.code", Words("Sprache", "Language")),
    ("sentiment.label", Words("Ton", "Tone")),
)


class Row(Struct, frozen=True):
    """Panels side by side."""

    height: int
    """In Kibana's rows, of about 20 pixels."""
    panels: tuple[Panel, ...]
    widths: tuple[int, ...] = ()
    """In Kibana's 48 columns; equal by default."""


class Dashboard(Struct, frozen=True, kw_only=True):
    """One dashboard."""

    name: str
    """Its part of the id."""
    title: Words
    about: Words
    tour: Words
    """What to look at first, in Markdown."""
    since: str = "now-7d"
    refresh: int | None = None
    """Seconds between two looks; None where nobody watches it live."""
    rows: tuple[Row, ...]

    @property
    def panels(self) -> Sequence[Panel]:
        """All panels, as they are read."""
        return [Text(self.tour), *(panel for row in self.rows for panel in row.panels)]

    def json(self, place: Place) -> Json:
        """The body of ``PUT /api/dashboards/{id}``."""
        lang = place.lang
        return {
            "title": self.title[lang],
            "description": self.about[lang],
            "time_range": {"from": self.since, "to": "now"},
            "refresh_interval": {
                "pause": self.refresh is None,
                "value": (self.refresh or 60) * 1000,
            },
            "query": {"expression": "", "language": "lucene"},
            "options": {"use_margins": True, "hide_panel_titles": False, "sync_colors": True},
            "pinned_panels": [
                *self._controls(place),
                {"type": "time_slider_control", "config": {}},
            ],
            "panels": self._placed(place),
        }

    def _controls(self, place: Place) -> list[Json]:
        return [
            {
                "type": "options_list_control",
                "config": {
                    "data_view_id": MENTIONS.id(place),
                    "field_name": field,
                    "title": words[place.lang],
                },
            }
            for field, words in _CONTROLS
        ]

    def _placed(self, place: Place) -> list[Json]:
        tour = Row(2 + len(self.tour.en) // 180, (Text(self.tour),))
        placed: list[Json] = []
        top = 0
        for row in (tour, *self.rows):
            widths = row.widths or (_WIDTH // len(row.panels),) * len(row.panels)
            left = 0
            for panel, width in zip(row.panels, widths, strict=True):
                grid = {"x": left, "y": top, "w": width, "h": row.height}
                placed.append({"grid": grid, **panel.json(place)})
                left += width
            top += row.height
        return placed
