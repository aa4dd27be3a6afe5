"""Nobody checks an NDJSON file before Kibana does, so its inner references are checked here."""

import json
from typing import Any

import pytest

from pipeline.kibana.dashboards import ALL, Dashboard
from pipeline.kibana.data_views import VIEWS
from pipeline.kibana.export import files
from pipeline.kibana.names import Place
from pipeline.kibana.parts import Chart
from pipeline.kibana.questions import fields_of

PLACES = [
    Place(),
    Place(space="press", lang="en", alias="acme"),
    Place(space="service", team="service", topics=("Acme",)),
]
ACCESSORS = {
    "metricAccessor",
    "breakdownByAccessor",
    "xAccessor",
    "splitAccessor",
    "tagAccessor",
    "valueAccessor",
}
LISTS = {"accessors", "primaryGroups", "metrics"}


@pytest.fixture(scope="module", params=PLACES, ids=["de", "en", "a team's"])
def place(request: pytest.FixtureRequest) -> Place:
    return request.param


@pytest.fixture(scope="module")
def lines(place: Place) -> dict[tuple[str, str], dict[str, Any]]:
    made = [json.loads(line) for line in files(place)["mentions.ndjson"].splitlines()]
    by_id = {(line["type"], line["id"]): line for line in made}
    assert len(by_id) == len(made)
    return by_id


def used(visualization: dict[str, Any]) -> set[str]:
    """The columns that a chart shows."""
    found = set()
    for layer in (visualization, *visualization.get("layers", ())):
        found |= {layer[name] for name in ACCESSORS & layer.keys()}
        found |= {each for name in LISTS & layer.keys() for each in layer[name]}
        found |= {each["columnId"] for each in layer.get("columns", ())}
    return found


def boards(place: Place) -> list[Dashboard]:
    """Those that the place has."""
    return [board for board in ALL if board.for_teams or not place.team]


def test_the_bundle_is_whole(place: Place, lines: dict[tuple[str, str], dict[str, Any]]) -> None:
    for line in lines.values():
        for reference in line["references"]:
            assert (reference["type"], reference["id"]) in lines, line["id"]
    kinds = [kind for kind, _ in lines]
    assert kinds.count("dashboard") == len(boards(place))
    assert kinds.count("index-pattern") == len(VIEWS)


def test_every_panel_is_where_it_is_and_asks_what_it_asks(
    place: Place, lines: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for dashboard in boards(place):
        line = lines["dashboard", place.id(dashboard.name)]
        references = {each["name"]: each["id"] for each in line["references"]}
        wanted = dashboard.placed(place)
        shown = json.loads(line["attributes"]["panelsJSON"])
        assert len(shown) == len(wanted) == len(dashboard.panels)
        for panel, public, saved in zip(dashboard.panels, wanted, shown, strict=True):
            grid = dict(saved["gridData"])
            assert grid.pop("i") == saved["panelIndex"]
            assert grid == public["grid"]
            assert saved["title"] == panel.title[place.lang]
            if isinstance(panel, Chart):
                checked(panel, place, saved, references)
            elif saved["type"] == "search":
                assert f"{saved['panelIndex']}:{saved['panelRefName']}" in references
            else:
                assert saved["embeddableConfig"]["savedVis"]["params"]["markdown"]


def checked(panel: Chart, place: Place, saved: dict[str, Any], references: dict[str, str]) -> None:
    attributes = saved["embeddableConfig"]["attributes"]
    (inner,) = attributes["references"]
    assert inner["id"] == panel.view.id(place)
    assert references[f"{saved['panelIndex']}:{inner['name']}"] == inner["id"]
    state = attributes["state"]
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    columns = layer["columns"]
    assert layer["columnOrder"] == list(columns)
    buckets = [column["isBucketed"] for column in columns.values()]
    assert buckets == sorted(buckets, reverse=True), "Lens wants groups before figures"
    assert used(state["visualization"]) == set(columns), panel.title.en
    named = {column.get("sourceField") for column in columns.values()} - {None, "___records___"}
    assert named <= set(fields_of(panel))
    assert len(named) == len(
        {*(g.field for g in panel.groups if hasattr(g, "field"))}
        | {m.field for m in panel.measures if m.field}
        | ({panel.time} if panel.time else set())
    )
    assert state["query"]["query"] == panel.view.narrowed(panel.query, place)


def test_controls_are_those_of_the_public_form(
    place: Place, lines: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for dashboard in boards(place):
        line = lines["dashboard", place.id(dashboard.name)]
        attributes = line["attributes"]
        controls = json.loads(attributes["controlGroupInput"]["panelsJSON"])
        fields = {each["explicitInput"].get("fieldName") for each in controls.values()}
        public = dashboard.json(place)["pinned_panels"]
        assert fields == {each["config"].get("field_name") for each in public}
        chosen = [each["explicitInput"].get("selectedOptions") for each in controls.values()]
        assert chosen[0] == list(place.topics)
        assert not any(chosen[1:])
        for name, control in controls.items():
            if control["type"] == "optionsListControl":
                reference = f"controlGroup_{name}:optionsListDataView"
                assert reference in {each["name"] for each in line["references"]}
