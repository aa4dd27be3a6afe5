"""What several dashboards show alike."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from pipeline.kibana.data_views import MENTIONS, View
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.names import Place
from pipeline.kibana.parts import Json, Listing, Measure, Panel, Text, Values
from pipeline.kibana.words import Words

__all__ = [
    "AUTHORS",
    "CHANNEL",
    "CONTROLS",
    "INTENT",
    "LANGUAGE",
    "LATEST",
    "NO_TONE",
    "REACH",
    "REACTIONS",
    "STORIES",
    "TONE",
    "TOPIC",
    "TOPIC_ALONE",
    "VOICE",
    "Control",
    "Dashboard",
    "Row",
    "Section",
]

_WIDTH: Final = 48
_CONTROL: Final = 12

TONE: Final = Values("sentiment.label", Words("Ton", "Tone"), 3)
CHANNEL: Final = Values("channel", Words("Kanal", "Channel"), 9)
LANGUAGE: Final = Values("language.code", Words("Sprache", "Language"), 13)
TOPIC: Final = Values("topics", Words("Thema", "Topic"), 15)
INTENT: Final = Values("intents.kind", Words("Anliegen", "Intent"), 5)
VOICE: Final = Values("voices", Words("Marke", "Brand"), 20, others=True)
"""With all others, or the shares of these would be too large."""

REACH: Final = Measure("sum", Words("Reichweite", "Reach"), "author.followers")
REACTIONS: Final = Measure("sum", Words("Reaktionen", "Reactions"), "interactions")
AUTHORS: Final = Measure(
    "unique_count", Words("Autorinnen und Autoren", "Authors"), "author.handle"
)
STORIES: Final = Listing(
    title=Words("Was am meisten weitergetragen wurde", "Top stories: most passed on"),
    query="_exists_:duplicate.of",
    rows=(Values("duplicate.of", Words("Geschichte: ihr Anfang", "Story: its beginning"), 10),),
    columns=(
        Measure("count", Words("Abschriften", "Copies")),
        AUTHORS,
        Measure("unique_count", Words("Websites", "Sites"), "site"),
    ),
)
"""A story is a mention and all near copies of it; the id leads to that mention."""
LATEST: Final = Mentions(title=Words("Neueste Erwähnungen", "Latest mentions"))


class Control(Struct, frozen=True):
    """A list to choose from, which filters panels."""

    field: str
    title: Words
    view: View = MENTIONS
    """Whose values there are to choose from."""

    def json(self, place: Place) -> Json:
        """Kibana's control, without its place."""
        config: Json = {
            "data_view_id": self.view.id(place),
            "field_name": self.field,
            "title": self.title[place.lang],
        }
        if self.field == _TOPICS.field and place.topics:
            config["selected_options"] = list(place.topics)
        return {"type": "options_list_control", "config": config}


_TOPICS: Final = Control("topics", Words("Thema", "Topic"))
TOPIC_ALONE: Final = (_TOPICS,)
NO_TONE: Final = (
    _TOPICS,
    Control("channel", Words("Kanal", "Channel")),
    Control("language.code", Words("Sprache", "Language")),
)
CONTROLS: Final = (*NO_TONE, Control("sentiment.label", Words("Ton", "Tone")))


class Row(Struct, frozen=True):
    """Panels side by side."""

    height: int
    """In Kibana's rows, of about 20 pixels."""
    panels: tuple[Panel, ...]
    widths: tuple[int, ...] = ()
    """In Kibana's 48 columns; equal by default."""


class Section(Struct, frozen=True):
    """Rows under a title. Its controls filter these alone, by fields that others lack."""

    title: Words
    controls: tuple[Control, ...]
    rows: tuple[Row, ...]


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
    controls: tuple[Control, ...] = CONTROLS
    """At the top: each panel whose view is filtered has all of these fields."""
    rows: tuple[Row, ...] = ()
    sections: tuple[Section, ...] = ()
    """Below the rows."""
    for_teams: bool = True
    """Whether a team's space has it, too."""

    @property
    def panels(self) -> Sequence[Panel]:
        """All panels, as they are read."""
        rows = [*self.rows, *(row for section in self.sections for row in section.rows)]
        return [Text(self.tour), *(panel for row in rows for panel in row.panels)]

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
                *(control.json(place) for control in self.controls),
                {"type": "time_slider_control", "config": {}},
            ],
            "panels": [*self._top(place), *self._sections(place)],
        }

    def placed(self, place: Place) -> list[Json]:
        """The panels, one below the other, as they stand where there are no sections."""
        placed = self._top(place)
        for section in self.sections:
            placed += _placed(section.rows, place, _bottom(placed))
        return placed

    def _top(self, place: Place) -> list[Json]:
        tour = Row(2 + len(self.tour.en) // 180, (Text(self.tour),))
        return _placed((tour, *self.rows), place)

    def _sections(self, place: Place) -> Iterator[Json]:
        first = _bottom(self._top(place))
        for number, section in enumerate(self.sections):
            controls = [
                {**control.json(place), "grid": {"x": n * _CONTROL, "y": 0, "w": _CONTROL, "h": 2}}
                for n, control in enumerate(section.controls)
            ]
            yield {
                "title": section.title[place.lang],
                "collapsed": False,
                "grid": {"y": first + number},
                "panels": [*controls, *_placed(section.rows, place, _bottom(controls))],
            }


def _placed(rows: Sequence[Row], place: Place, top: int = 0) -> list[Json]:
    placed: list[Json] = []
    for row in rows:
        widths = row.widths or (_WIDTH // len(row.panels),) * len(row.panels)
        left = 0
        for panel, width in zip(row.panels, widths, strict=True):
            grid = {"x": left, "y": top, "w": width, "h": row.height}
            placed.append({"grid": grid, **panel.json(place)})
            left += width
        top += row.height
    return placed


def _bottom(panels: Sequence[Json]) -> int:
    return max((each["grid"]["y"] + each["grid"]["h"] for each in panels), default=0)
