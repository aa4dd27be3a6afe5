"""The parts that dashboards are made of, each a few words long where it is used.

A part is what it shows; Kibana's JSON is made from it for a place (space, language, alias). Filters
are written in Lucene's syntax, the same as in ``mentions search``, so that a filter can be tried
there, and a panel's question put to Elasticsearch as it is (``questions``).
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from pipeline.kibana.data_views import MENTIONS, View
from pipeline.kibana.names import Place
from pipeline.kibana.words import TONE_COLOURS, Words

__all__ = [
    "AUTHOR",
    "COUNT",
    "Bars",
    "Chart",
    "Cloud",
    "Figure",
    "Groups",
    "Json",
    "Listing",
    "Measure",
    "Panel",
    "Share",
    "Split",
    "Text",
    "Trend",
    "Values",
    "tones",
]

Json: TypeAlias = dict[str, Any]

AUTHOR: Final = "author.handle"
_DRILL: Final = Words("Zu den Erwähnungen", "To the mentions")
_LOOK: Final = Words("Einzeln ansehen", "See each")


class Measure(Struct, frozen=True):
    """What is counted or computed."""

    operation: Literal["count", "unique_count", "sum", "average", "median", "max", "min"]
    label: Words
    field: str | None = None
    only: str = ""
    """A filter in Lucene's syntax that this figure alone has."""
    decimals: int = 0
    hours: bool = False
    """Whether the seconds of the field are shown as hours."""
    instant: bool = False
    """Whether it is a moment."""

    def json(self, place: Place) -> Json:
        """Kibana's metric."""
        made: Json = {"operation": self.operation, "label": self.label[place.lang]}
        if not self.instant:
            made["format"] = (
                {"type": "duration", "from": "seconds", "to": "hours"}
                if self.hours
                else {"type": "number", "decimals": self.decimals}
            )
        if self.field:
            made["field"] = self.field
        if self.only:
            made["filter"] = _lucene(self.only)
        return made


COUNT: Final = Measure("count", Words("Erwähnungen", "Mentions"))


class Values(Struct, frozen=True):
    """One group for each of the most frequent values of a field."""

    field: str
    label: Words
    size: int = 10
    ascending: bool = False
    """Rank by the first measure, the smallest first."""
    others: bool = False
    """One more group for all other values: what is shown then adds up to all there is."""
    none: bool = False
    """With ``others``: one more for what lacks the field."""

    def json(self, place: Place) -> Json:
        """Kibana's terms."""
        made: Json = {
            "operation": "terms",
            "fields": [self.field],
            "label": self.label[place.lang],
            "limit": self.size,
            "rank_by": {
                "type": "metric",
                "metric_index": 0,
                "direction": "asc" if self.ascending else "desc",
            },
        }
        if self.others:
            made["other_bucket"] = {"include_documents_without_field": self.none}
        return made


class Split(Struct, frozen=True):
    """One group for each filter, in this order and these colours."""

    label: Words
    filters: tuple[tuple[str, Words], ...]

    def json(self, place: Place) -> Json:
        """Kibana's filters."""
        return {
            "operation": "filters",
            "label": self.label[place.lang],
            "filters": [
                {"filter": _lucene(query), "label": words[place.lang]}
                for query, words in self.filters
            ],
        }


Groups: TypeAlias = Values | Split


class Panel(Protocol):
    """Something on a dashboard."""

    @property
    def title(self) -> Words:
        """What stands above it."""

    def json(self, place: Place) -> Json:
        """Kibana's panel, without its place on the grid."""

    @property
    def view(self) -> View:
        """What it shows."""

    @property
    def query(self) -> str:
        """The filter of the whole panel, in Lucene's syntax; empty for none."""

    @property
    def groups(self) -> Sequence[Groups]:
        """What it groups by, the outermost first."""

    @property
    def measures(self) -> Sequence[Measure]:
        """What it counts."""

    @property
    def time(self) -> str | None:
        """The field of its time axis, if it has one."""


class Chart(Struct, frozen=True, kw_only=True):
    """What all charts have in common."""

    title: Words
    query: str = ""
    view: View = MENTIONS

    @property
    def groups(self) -> Sequence[Groups]:
        """What it groups by."""
        return ()

    @property
    def measures(self) -> Sequence[Measure]:
        """What it counts."""
        return (COUNT,)

    @property
    def time(self) -> str | None:
        """The field of its time axis."""
        return None

    def json(self, place: Place) -> Json:
        """Kibana's panel."""
        config: Json = {"title": self.title[place.lang], **self._config(place)}
        if config["type"] != "xy":
            config |= self._source(place)
        if query := self.view.narrowed(self.query, place):
            config["query"] = _lucene(query)
        config["drilldowns"] = [
            {
                "type": "discover_drilldown",
                "label": self.drill[place.lang],
                "trigger": "on_apply_filter",
                "open_in_new_tab": False,
            }
        ]
        return {"type": "vis", "config": config}

    @property
    def drill(self) -> Words:
        """What leads from a part of it to Discover."""
        return _DRILL if self.view.of_mentions else _LOOK

    def _source(self, place: Place) -> Json:
        made: Json = {"data_source": {"type": "data_view_reference", "ref_id": self.view.id(place)}}
        if not self.view.filtered:
            # A filter for a topic or tone would find nothing where there is no such field.
            made["ignore_global_filters"] = True
        return made

    def _config(self, place: Place) -> Json:
        raise NotImplementedError


class Figure(Chart, frozen=True, kw_only=True):
    """One number, of one group: of a number alone Kibana does not know what a click on it means."""

    measure: Measure = COUNT

    @property
    def groups(self) -> Sequence[Groups]:
        """All that is counted, under the title."""
        return (Split(self.title, ((self.measure.only or "*:*", self.title),)),)

    @property
    def measures(self) -> Sequence[Measure]:
        """The number; its filter is the group's, so that a click leads to what was counted."""
        return (replace(self.measure, only=""),)

    def _config(self, place: Place) -> Json:
        (group,), (measure,) = self.groups, self.measures
        return {
            "type": "metric",
            "hide_title": True,  # the group's name says the same
            "metrics": [{"type": "primary", **measure.json(place)}],
            "breakdown_by": {**group.json(place), "columns": 1},
        }


class Trend(Chart, frozen=True, kw_only=True):
    """A measure over time, by group."""

    measure: Measure = COUNT
    by: Groups | None = None
    shape: Literal["bar_stacked", "line", "area_stacked", "bar_percentage"] = "bar_stacked"

    @property
    def groups(self) -> Sequence[Groups]:
        """What the colours stand for."""
        return (self.by,) if self.by else ()

    @property
    def measures(self) -> Sequence[Measure]:
        """What the height stands for."""
        return (self.measure,)

    @property
    def time(self) -> str | None:
        """The view's, which the period is of: by another there is no way to Discover."""
        return self.view.time

    def _config(self, place: Place) -> Json:
        layer: Json = {
            "type": self.shape,
            **self._source(place),
            "x": {"operation": "date_histogram", "field": self.time},
            "y": [self.measure.json(place)],
        }
        if self.by:
            layer["breakdown_by"] = _coloured(self.by, place)
        return _xy(layer)


class Bars(Chart, frozen=True, kw_only=True):
    """A measure by group, and within it by colour."""

    of: Groups
    measure: Measure = COUNT
    by: Groups | None = None
    shape: Literal["bar_horizontal", "bar_horizontal_stacked", "bar_horizontal_percentage"] = (
        "bar_horizontal_stacked"
    )

    @property
    def groups(self) -> Sequence[Groups]:
        """Bars and colours."""
        return (self.of, self.by) if self.by else (self.of,)

    @property
    def measures(self) -> Sequence[Measure]:
        """What the length stands for."""
        return (self.measure,)

    def _config(self, place: Place) -> Json:
        layer: Json = {
            "type": self.shape,
            **self._source(place),
            "x": self.of.json(place),
            "y": [self.measure.json(place)],
        }
        if self.by:
            layer["breakdown_by"] = _coloured(self.by, place)
        return _xy(layer)


class Share(Chart, frozen=True, kw_only=True):
    """Parts of a whole."""

    of: Groups
    measure: Measure = COUNT

    @property
    def groups(self) -> Sequence[Groups]:
        """The parts."""
        return (self.of,)

    @property
    def measures(self) -> Sequence[Measure]:
        """Their size."""
        return (self.measure,)

    def _config(self, place: Place) -> Json:
        return {
            "type": "pie",
            "metrics": [self.measure.json(place)],
            "group_by": [_coloured(self.of, place)],
            "styling": {"donut_hole": "m", "values": {"visible": True, "mode": "percentage"}},
        }


class Listing(Chart, frozen=True, kw_only=True):
    """A table: one line a group."""

    rows: tuple[Groups, ...]
    columns: tuple[Measure, ...] = (COUNT,)

    @property
    def groups(self) -> Sequence[Groups]:
        """What a line stands for."""
        return self.rows

    @property
    def measures(self) -> Sequence[Measure]:
        """The columns."""
        return self.columns

    def _config(self, place: Place) -> Json:
        return {
            "type": "data_table",
            "rows": [row.json(place) for row in self.rows],
            "metrics": [column.json(place) for column in self.columns],
        }


class Cloud(Chart, frozen=True, kw_only=True):
    """Words, the frequent ones large."""

    of: Values

    @property
    def groups(self) -> Sequence[Groups]:
        """The words."""
        return (self.of,)

    def _config(self, place: Place) -> Json:
        return {
            "type": "tag_cloud",
            "metric": COUNT.json(place),
            "tag_by": self.of.json(place),
        }


class Text(Struct, frozen=True):
    """Something to read: Markdown."""

    content: Words
    title: Words = Words("Rundgang", "Tour")
    view: View = MENTIONS
    query: str = ""
    groups: tuple[Groups, ...] = ()
    measures: tuple[Measure, ...] = ()
    time: None = None

    def json(self, place: Place) -> Json:
        """Kibana's panel."""
        content = self.content[place.lang]
        return {"type": "markdown", "config": {"content": content, "hide_title": True}}


def _xy(layer: Json) -> Json:
    hidden = {"title": {"visible": False}}
    return {
        "type": "xy",
        "layers": [layer],
        # Kibana wants the domain said; from zero, or bars would lie.
        "axis": {"x": hidden, "y": {**hidden, "domain": {"type": "full"}}},
        "legend": {"placement": "outside", "position": "right", "visibility": "auto"},
    }


def tones(groups: Groups, place: Place) -> dict[str, str]:
    """The colour of each group, where the groups are tones."""
    if isinstance(groups, Values):
        return dict(TONE_COLOURS) if groups.field == "sentiment.label" else {}
    found = {
        words[place.lang]: next((tone for tone in TONE_COLOURS if query.endswith(tone)), "")
        for query, words in groups.filters
    }
    if not all(found.values()):
        return {}
    return {words: TONE_COLOURS[tone] for words, tone in found.items()}


def _coloured(groups: Groups, place: Place) -> Json:
    made = groups.json(place)
    if named := tones(groups, place):
        made["color"] = {
            "mode": "categorical",
            "palette": "default",
            "mapping": [
                {"values": [value], "color": {"type": "color_code", "value": colour}}
                for value, colour in named.items()
            ],
        }
    return made


def _lucene(query: str) -> Json:
    return {"language": "lucene", "expression": query}
