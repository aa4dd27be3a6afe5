"""Dashboards as saved objects, for import by hand.

Kibana's public form of a dashboard (``Dashboard.json``) is checked and stays; the form inside an
NDJSON file is its own affair. What is written here is the form that 8.x exports, which every 9.x
reads and brings to its own (``typeMigrationVersion`` says from where).

A list of mentions becomes a Discover session of its own, beside the dashboard that shows it. 8.x
knows no sections: their panels follow one another, and their controls are left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from pipeline.kibana.dashboards import Dashboard
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.names import Place
from pipeline.kibana.parts import (
    Bars,
    Chart,
    Cloud,
    Figure,
    Groups,
    Json,
    Listing,
    Measure,
    Share,
    Split,
    Text,
    Trend,
    tones,
)

__all__ = ["objects"]

_LAYER: Final = "layer"
_SOURCE: Final = f"indexpattern-datasource-layer-{_LAYER}"
_SHAPES: Final = {
    "bar_percentage": "bar_percentage_stacked",
    "bar_horizontal_percentage": "bar_horizontal_percentage_stacked",
}
"""Where Lens has another name than the public form."""


def objects(dashboard: Dashboard, place: Place) -> Iterator[Json]:
    """The dashboard, after the Discover sessions that it shows."""
    body = dashboard.json(place)
    placed = dashboard.placed(place)
    panels: list[Json] = []
    references: list[Json] = []
    lists = 0
    for number, (panel, made) in enumerate(zip(dashboard.panels, placed, strict=True)):
        name = f"p{number}"
        shown: Json = {
            "panelIndex": name,
            "gridData": {**made["grid"], "i": name},
            "title": panel.title[place.lang],
        }
        if isinstance(panel, Mentions):
            lists += 1
            session = replace(panel, name=f"{dashboard.name}-list-{lists}").saved(place)
            yield session
            shown |= {"type": "search", "panelRefName": f"panel_{name}", "embeddableConfig": {}}
            references.append(_reference("search", session["id"], f"{name}:panel_{name}"))
        elif isinstance(panel, Chart):
            view = panel.view.id(place)
            shown |= {"type": "lens", "embeddableConfig": _lens(panel, place)}
            references.append(_reference("index-pattern", view, f"{name}:{_SOURCE}"))
        elif isinstance(panel, Text):
            shown |= {"type": "visualization", "embeddableConfig": _markdown(panel, place)}
        panels.append(shown)
    controls = dict(_controls(body["pinned_panels"]))
    references += [
        _reference("index-pattern", control["config"]["data_view_id"], _control_of(number))
        for number, control in enumerate(body["pinned_panels"])
        if control["type"] == "options_list_control"
    ]
    yield {
        "type": "dashboard",
        "id": place.id(dashboard.name),
        "attributes": {
            "title": body["title"],
            "description": body["description"],
            "panelsJSON": _text(panels),
            "optionsJSON": _text(
                {"useMargins": True, "hidePanelTitles": False, "syncColors": True}
            ),
            "controlGroupInput": {
                "controlStyle": "oneLine",
                "chainingSystem": "HIERARCHICAL",
                "panelsJSON": _text(controls),
                "ignoreParentSettingsJSON": "{}",
            },
            "timeRestore": True,
            "timeFrom": body["time_range"]["from"],
            "timeTo": body["time_range"]["to"],
            "refreshInterval": body["refresh_interval"],
            "version": 1,
            "kibanaSavedObjectMeta": {"searchSourceJSON": _text(_search(""))},
        },
        "references": references,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": "10.2.0",
    }


def _lens(panel: Chart, place: Place) -> Json:
    """A chart by value."""
    columns = _columns(panel, place)
    kind, shown = _shown(panel, place)
    layer: Json = {"columns": columns, "columnOrder": list(columns), "incompleteColumns": {}}
    if not panel.view.filtered:
        layer["ignoreGlobalFilters"] = True
    drilldown = {
        "eventId": place.uuid(panel.title.en),
        "triggers": ["FILTER_TRIGGER"],
        "action": {
            "factoryId": "OPEN_IN_DISCOVER_DRILLDOWN",
            "name": panel.drill[place.lang],
            "config": {"openInNewTab": False},
        },
    }
    return {
        "hidePanelTitles": isinstance(panel, Figure),
        "attributes": {
            "title": panel.title[place.lang],
            "type": "lens",
            "visualizationType": kind,
            "references": [_reference("index-pattern", panel.view.id(place), _SOURCE)],
            "state": {
                "visualization": shown,
                "query": {"query": panel.view.narrowed(panel.query, place), "language": "lucene"},
                "filters": [],
                "datasourceStates": {"formBased": {"layers": {_LAYER: layer}}},
                "internalReferences": [],
                "adHocDataViews": {},
            },
        },
        "enhancements": {"dynamicActions": {"events": [drilldown]}},
    }


def _columns(panel: Chart, place: Place) -> dict[str, Json]:
    """What is asked: groups, then time, then measures, as Lens nests them."""
    groups = {f"group{n}": _group(each, place) for n, each in enumerate(panel.groups)}
    time = {"time": _histogram(panel.time)} if panel.time else {}
    measures = {f"measure{n}": _measure(each, place) for n, each in enumerate(panel.measures)}
    return {**groups, **time, **measures}


def _histogram(field: str) -> Json:
    return {
        "label": field,
        "dataType": "date",
        "operationType": "date_histogram",
        "sourceField": field,
        "isBucketed": True,
        "scale": "interval",
        "params": {"interval": "auto", "includeEmptyRows": True, "dropPartials": False},
    }


def _group(groups: Groups, place: Place) -> Json:
    made: Json = {
        "label": groups.label[place.lang],
        "customLabel": True,
        "dataType": "string",
        "isBucketed": True,
        "scale": "ordinal",
    }
    if isinstance(groups, Split):
        filters = [
            {"input": {"query": query, "language": "lucene"}, "label": words[place.lang]}
            for query, words in groups.filters
        ]
        return {**made, "operationType": "filters", "params": {"filters": filters}}
    return {
        **made,
        "operationType": "terms",
        "sourceField": groups.field,
        "params": {
            "size": groups.size,
            "orderBy": {"type": "column", "columnId": "measure0"},
            "orderDirection": "asc" if groups.ascending else "desc",
            "otherBucket": groups.others,
            "missingBucket": groups.none,
            "parentFormat": {"id": "terms"},
        },
    }


def _measure(measure: Measure, place: Place) -> Json:
    made: Json = {
        "label": measure.label[place.lang],
        "customLabel": True,
        "dataType": "date" if measure.instant else "number",
        "operationType": measure.operation,
        "sourceField": measure.field or "___records___",
        "isBucketed": False,
        "scale": "ratio",
        "params": {} if measure.instant else {"format": _shown_as(measure)},
    }
    if measure.only:
        made["filter"] = {"query": measure.only, "language": "lucene"}
    return made


def _shown_as(measure: Measure) -> Json:
    shown: Json = {"decimals": measure.decimals}
    if not measure.hours:
        return {"id": "number", "params": shown}
    return {"id": "duration", "params": {**shown, "fromUnit": "seconds", "toUnit": "asHours"}}


def _shown(panel: Chart, place: Place) -> tuple[str, Json]:
    """Lens' name of the kind of chart, and which column is what in it."""
    here: Json = {"layerId": _LAYER, "layerType": "data"}
    groups = [f"group{n}" for n, _ in enumerate(panel.groups)]
    measures = [f"measure{n}" for n, _ in enumerate(panel.measures)]
    if isinstance(panel, Trend):
        return "lnsXY", _xy(here, panel.shape, "time", groups[:1], _colours(panel.by, place))
    if isinstance(panel, Bars):
        return "lnsXY", _xy(here, panel.shape, groups[0], groups[1:], _colours(panel.by, place))
    if isinstance(panel, Share):
        pie = {
            **here,
            "primaryGroups": groups,
            "metrics": measures,
            "numberDisplay": "percent",
            "categoryDisplay": "default",
            "legendDisplay": "default",
            "nestedLegend": False,
            **_colours(panel.of, place),
        }
        return "lnsPie", {"shape": "donut", "layers": [pie]}
    if isinstance(panel, Listing):
        columns = [{"columnId": name} for name in (*groups, *measures)]
        return "lnsDatatable", {**here, "columns": columns}
    if isinstance(panel, Cloud):
        sizes = {"minFontSize": 18, "maxFontSize": 72, "orientation": "single", "showLabel": False}
        tags = {"tagAccessor": groups[0], "valueAccessor": measures[0]}
        return "lnsTagcloud", {**here, **tags, **sizes}
    if isinstance(panel, Figure):
        shown = {"metricAccessor": measures[0], "breakdownByAccessor": groups[0], "maxCols": 1}
        return "lnsMetric", {**here, **shown}
    raise TypeError(panel)


def _xy(here: Json, shape: str, x: str, split: Sequence[str], colours: Json) -> Json:
    kind = _SHAPES.get(shape, shape)
    layer = {**here, "accessors": ["measure0"], "seriesType": kind, "xAccessor": x, **colours}
    if split:
        layer["splitAccessor"] = split[0]
    return {
        "legend": {"isVisible": True, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "preferredSeriesType": kind,
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
        "layers": [layer],
    }


def _colours(groups: Groups | None, place: Place) -> Json:
    named = tones(groups, place) if groups else {}
    if not named:
        return {}
    assignments = [
        {
            "rule": {"type": "matchExactly", "values": [value]},
            "color": {"type": "colorCode", "colorCode": colour},
            "touched": True,
        }
        for value, colour in named.items()
    ]
    others = {"rule": {"type": "other"}, "color": {"type": "loop"}, "touched": False}
    return {
        "colorMapping": {
            "paletteId": "eui_amsterdam_color_blind",
            "colorMode": {"type": "categorical"},
            "assignments": assignments,
            "specialAssignments": [others],
        }
    }


def _markdown(panel: Text, place: Place) -> Json:
    shown = {"fontSize": 12, "openLinksInNewTab": False, "markdown": panel.content[place.lang]}
    return {
        "hidePanelTitles": True,
        "savedVis": {
            "title": "",
            "type": "markdown",
            "params": shown,
            "uiState": {},
            "data": {"aggs": [], "searchSource": _search("")},
        },
    }


def _controls(pinned: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Json]]:
    for number, control in enumerate(pinned):
        name = f"c{number}"
        where: Json = {"order": number, "width": "medium", "grow": True}
        if control["type"] == "time_slider_control":
            yield name, {**where, "type": "timeSlider", "explicitInput": {"id": name}}
        else:
            config = control["config"]
            asks = {"id": name, "fieldName": config["field_name"], "title": config["title"]}
            asks["selectedOptions"] = config.get("selected_options", [])
            yield name, {**where, "type": "optionsListControl", "explicitInput": asks}


def _control_of(number: int) -> str:
    return f"controlGroup_c{number}:optionsListDataView"


def _search(query: str) -> Json:
    return {"query": {"query": query, "language": "lucene"}, "filter": []}


def _reference(kind: str, name: str, place: str) -> Json:
    return {"type": kind, "id": name, "name": place}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
