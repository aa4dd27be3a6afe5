import json
import re
import uuid
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from pipeline.kibana.content import items
from pipeline.kibana.dashboards import ALL
from pipeline.kibana.dashboards.coverage import COVERAGE
from pipeline.kibana.dashboards.operations import OPERATIONS
from pipeline.kibana.dashboards.overview import OVERVIEW
from pipeline.kibana.data_views import (
    ALERTS,
    MENTIONS,
    PEOPLE,
    VIEWS,
    WORK,
    View,
    data_view,
)
from pipeline.kibana.export import files
from pipeline.kibana.install import everything
from pipeline.kibana.names import Place
from pipeline.kibana.parts import Bars, Chart, Share, Text, Trend, Values
from pipeline.kibana.questions import answered, questions
from pipeline.kibana.rules import RULES
from pipeline.kibana.words import Words
from pipeline.search.probe import Capabilities
from pipeline.search.templates import index_body, wanted
from pipeline.settings import Elasticsearch
from tests.support.kibana_api import VALIDATOR, validator

ROOT = Path(__file__).parents[3]
PLACES = [
    Place(),
    Place(space="press", lang="en", alias="acme"),
    Place(space="service", team="service", topics=("Acme", 'of "quotes"')),
]
CONTROLS = {"options_list_control"}


@pytest.mark.skipif(
    not VALIDATOR.exists(), reason="Kibana's API may not be passed on; it lies beside the checkout"
)
def test_kibana_takes_every_request() -> None:
    check = validator().check
    for place in PLACES:
        for item in items(place):
            for request in (item.create, *([item.update] * (item.update is not item.create))):
                answer = check(request.method, request.path, request.body, {"kbn-xsrf": "true"})
                assert answer[0] == 200, (request.path, answer)
    refused = check("PUT", "/api/dashboards/x", {"title": "x", "panels": [{"type": "vis"}]}, {})
    assert refused[0] == 400, "the validator lets everything through"


def words(value: Any) -> Iterator[Words]:
    if isinstance(value, Words):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from words(part)
    elif hasattr(value, "__struct_fields__"):
        for name in value.__struct_fields__:
            yield from words(getattr(value, name))


def test_everything_is_said_in_both_languages() -> None:
    every = list(words(ALL))
    assert len(every) > 100
    for each in every:
        assert bool(each.de) == bool(each.en)
    german, english = (
        json.dumps([r.body for r in everything(Place(lang=lang))]) for lang in ("de", "en")
    )
    assert "Krisenraum" in german
    assert "Crisis room" in english
    assert "Krisenraum" not in english


def panels(body: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """What stands on a dashboard, and within each of its sections."""
    yield [each for each in body["panels"] if "panels" not in each]
    yield from (each["panels"] for each in body["panels"] if "panels" in each)


def test_panels_fill_their_rows_and_cover_none() -> None:
    for dashboard in ALL:
        body = dashboard.json(Place())
        apart = [*panels(body), dashboard.placed(Place())]
        shown = [each for group in panels(body) for each in group if each["type"] not in CONTROLS]
        assert len(shown) == len(dashboard.placed(Place())) == len(dashboard.panels)
        for grids in ([panel["grid"] for panel in group] for group in apart):
            assert all(grid["x"] + grid["w"] <= 48 for grid in grids)
            for one, other in combinations(grids, 2):
                beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
                below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
                assert beside or below, dashboard.name
        top, *_ = panels(body)
        bottom = max(panel["grid"]["y"] + panel["grid"]["h"] for panel in top)
        sections = [each["grid"]["y"] for each in body["panels"] if "panels" in each]
        assert sections == list(range(bottom, bottom + len(sections)))


def test_every_dashboard_has_a_tour_controls_and_a_way_to_the_mentions() -> None:
    for dashboard in ALL:
        body = dashboard.json(Place())
        assert body["panels"][0]["type"] == "markdown"
        pinned = [each["config"].get("field_name") for each in body["pinned_panels"]]
        assert pinned[0] == "topics"
        if any(panel.view.of_mentions for panel in dashboard.panels[1:]):
            assert {"channel", "language.code"} <= set(pinned)
        assert body["pinned_panels"][-1]["type"] == "time_slider_control"
        for panel in (each for group in panels(body) for each in group if each["type"] == "vis"):
            (way,) = panel["config"]["drilldowns"]
            assert way["type"] == "discover_drilldown"
            assert clickable(panel["config"]), panel["config"]["title"]


def clickable(chart: dict[str, Any]) -> bool:
    """Whether Kibana knows what a click on a part of it means, and can show that in Discover."""
    if chart["type"] == "xy":
        clocks = {view.id(Place()): view.time for view in VIEWS}
        return all(
            layer["x"]["operation"] != "date_histogram"
            or layer["x"]["field"] == clocks[layer["data_source"]["ref_id"]]
            for layer in chart["layers"]
        )
    groups = {"metric": "breakdown_by", "pie": "group_by", "data_table": "rows"}
    return bool(chart.get(groups.get(chart["type"], "tag_by")))


def test_a_number_alone_or_by_another_clock_leads_nowhere() -> None:
    number = {"type": "metric", "metrics": [{"type": "primary", "operation": "count"}]}
    assert not clickable(number)
    source = {"type": "data_view_reference", "ref_id": MENTIONS.id(Place())}
    trend = {"x": {"operation": "date_histogram", "field": "collected_at"}, "data_source": source}
    assert not clickable({"type": "xy", "layers": [trend]})


def test_what_a_figure_counts_is_what_a_click_leads_to() -> None:
    (figure,) = (
        panel["config"]
        for panel in OVERVIEW.placed(Place(lang="en"))
        if panel["config"].get("title") == "Negative"
    )
    (shown,) = figure["metrics"]
    assert "filter" not in shown
    (group,) = figure["breakdown_by"]["filters"]
    assert group["filter"]["expression"] == "sentiment.label:negative"
    assert group["label"] == "Negative"
    assert figure["hide_title"]


def test_no_filter_empties_a_panel_that_lacks_its_field() -> None:
    """Kibana puts a control's filter to every panel that does not refuse it."""
    known = {view.name: set(mapped(properties_of(view))) for view in VIEWS}
    for dashboard in ALL:
        pinned = {control.field for control in dashboard.controls}
        for panel in dashboard.panels[1:]:
            if panel.view.filtered:
                assert pinned <= known[panel.view.name], (dashboard.name, panel.title.en)
            else:
                assert isinstance(panel, Chart), "a list of documents takes every filter"
        for section in dashboard.sections:
            own = {control.field for control in section.controls}
            for panel in (panel for row in section.rows for panel in row.panels):
                assert own <= known[panel.view.name], (section.title.en, panel.title.en)
    refusing = [
        layer["ignore_global_filters"]
        for panel in COVERAGE.placed(Place())
        for layer in panel["config"].get("layers", [panel["config"]])
        if "ignore_global_filters" in layer
    ]
    assert refusing
    assert all(refusing)


def test_shares_are_of_everything() -> None:
    """A share of the ten largest is too large with an eleventh."""
    shares = [
        (panel, groups)
        for panel in (panel for dashboard in ALL for panel in dashboard.panels)
        if isinstance(panel, Share) or getattr(panel, "shape", "").endswith("percentage")
        for groups in panel.groups
        if isinstance(groups, Values) and groups.field != "sentiment.label"  # it has three
    ]
    assert all(any(isinstance(panel, kind) for panel, _ in shares) for kind in (Share, Trend, Bars))
    for panel, groups in shares:
        assert groups.json(Place())["other_bucket"], panel.title.en


def test_a_rule_counts_as_many_groups_apart_as_kibana_does() -> None:
    grouped = [body for rule in RULES if (body := rule.json(Place())["params"])["groupBy"] == "top"]
    assert len(grouped) > 3
    assert {body["termSize"] for body in grouped} == {1_000}


def test_ids_of_mentions_lead_to_the_mention() -> None:
    place = Place(space="press")
    for view, field in ((ALERTS, "mentions"), (WORK, "mention"), (PEOPLE, "examples")):
        made = data_view(view, place)["fieldFormats"]
        assert isinstance(made, dict)
        template = made[field]["params"]["urlTemplate"]
        assert template.startswith("../app/discover#/?"), "it stays in its space"
        state = parse_qs(template.partition("?")[2])
        assert "dataViewId:press-mentions-all" in state["_a"][0]
        assert 'id:"{{value}}"' in state["_a"][0]


def mapped(properties: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, definition in properties.items():
        yield f"{path}{name}"
        for below in ("properties", "fields"):
            yield from mapped(definition.get(below, {}), f"{path}{name}.")


def properties_of(view: View) -> dict[str, Any]:
    config, bare = Elasticsearch(), Capabilities(version="9.5.3")
    if view.of_mentions:
        body = index_body(config, bare)
    else:
        body = wanted(config, bare)["index template", view.index(config.alias)]["template"]
    properties: dict[str, Any] = body["mappings"]["properties"]
    return properties


def test_every_field_that_is_named_is_mapped() -> None:
    known = {view.name: set(mapped(properties_of(view))) for view in VIEWS}
    for view in VIEWS:
        assert {view.time, *view.fields, *view.formats} <= known[view.name], view.name
    asked = list(questions())
    assert len(asked) == sum(
        not isinstance(panel, Text) for dashboard in ALL for panel in dashboard.panels
    ) + sum(item.kind in {"session", "rule"} for item in items(Place()))
    assert len({field for question in asked for field in question.fields}) > 25
    for question in asked:
        assert question.fields <= known[question.view.name], question.title
    assert {question.view.name for question in asked} == set(known)


def test_a_panel_is_asked_of_its_dashboard_s_period_by_its_view_s_clock() -> None:
    asked = {(question.where, question.title): question.body for question in questions()}
    for title, where, clock, since in (
        ("Volume by tone", "overview", "published_at", "now-7d"),
        ("Collected last", "coverage", "collected_at", "now-7d"),
        ("Gaps by source", "coverage", "end", "now-7d"),
        ("Agents", "operations", "processed_at", "now-24h"),
        ("When open work is due", "alerts-and-work", "since", "now-90d"),
    ):
        _, period = asked[where, title]["query"]["bool"]["filter"]
        assert period == {"range": {clock: {"gte": since, "lte": "now"}}}, title


def test_coverage_and_operations_look_at_mentions_by_their_own_clock() -> None:
    for dashboard, clock in ((COVERAGE, "collected_at"), (OPERATIONS, "processed_at")):
        shown = [panel.view for panel in dashboard.panels[1:] if panel.view.of_mentions]
        offered = [control.view for control in dashboard.controls]
        assert len(shown) > 3
        assert {view.time for view in (*shown, *offered)} == {clock}


def test_a_gap_without_an_error_is_a_row() -> None:
    (held,) = (
        panel["config"]
        for panel in COVERAGE.placed(Place())
        if panel["config"].get("title", "").startswith("Was Quellen aufhielt")
    )
    _, errors = held["rows"]
    assert errors["other_bucket"] == {"include_documents_without_field": True}


def test_a_source_that_is_dark_stays_so_between_two_failures() -> None:
    """A poll that failed is repeated after 900 s or the source's own interval, and a tenth more."""
    found = 0
    for rule in RULES:
        body = rule.json(Place())["params"]
        size, unit = body["timeWindowSize"], body["timeWindowUnit"]
        window = size * {"m": 60, "h": 3_600}.get(unit, 86_400)
        if asked := re.search(r"dark:true AND expected:(<=|>)(\d+)", rule.query):
            longest = int(asked[2]) if asked[1] == "<=" else 86_400
            assert window > 1.1 * max(longest, 900), rule.name
            found += 1
    assert found == 2


def test_analysts_are_told_of_every_dashboard() -> None:
    told = (ROOT / "docs" / "analyst.md").read_text("utf-8")
    named = [line.split("|")[1].strip() for line in told.splitlines() if line.startswith("| ")]
    assert [name for name in named if name in {board.title.en for board in ALL}] == [
        board.title.en for board in ALL
    ]


def test_zeros_are_no_answer() -> None:
    def shows(**found: Any) -> bool:
        return answered({"hits": {"total": {"value": 3}}, "aggregations": {"measure0": found}})

    assert shows(value=2.5)
    assert not shows(value=0), "no document has the field"
    assert not shows(value=None)
    full, none = ({"doc_count": 3, "measure0": {"value": value}} for value in (7, 0))
    assert shows(buckets=[none, full])
    assert not shows(buckets=[none])
    assert not shows(buckets={})
    other = {"doc_count": 3, "measure0": {"value": 0}, "measure1": {"value": 7}}
    assert not shows(buckets=[none, other]), "one of two figures is of nothing"
    assert shows(buckets=[full, other])
    assert not answered({"hits": {"total": {"value": 0}}})


def test_ids_are_ours_alone_in_every_space() -> None:
    ids = [item.id for place in PLACES for item in items(place)]
    assert len(ids) == len(set(ids))
    for item in items(Place(space="press")):
        if item.kind in {"rule", "connector"}:
            assert uuid.UUID(item.id).version == 4
        elif item.kind != "space":
            assert item.id.startswith("press-mentions-")


def test_the_files_to_import_by_hand_are_current() -> None:
    folder = ROOT / "deploy" / "kibana"
    for name, content in files(Place()).items():
        current = (folder / name).read_text("utf-8") == content
        assert current, "run 'mentions kibana export deploy/kibana'"


def test_the_files_hold_everything() -> None:
    made = files(Place())
    lines = [json.loads(line) for line in made["mentions.ndjson"].splitlines()]
    views = {line["id"] for line in lines if line["type"] == "index-pattern"}
    assert len(views) == len(VIEWS)
    for item in items(Place()):
        assert item.id in "".join(made.values())
    blocks = made["console.txt"].strip().split("\n\n")
    assert all(block.split(" ", 2)[1].startswith("kbn:/api/") for block in blocks)
    assert all(json.loads(block.partition("\n")[2]) for block in blocks)


def test_ids_lead_to_the_page_for_corrections_where_there_is_one() -> None:
    def formats(view: View, place: Place) -> dict[str, Any]:
        found = data_view(view, place)["fieldFormats"]
        assert isinstance(found, dict)
        return found

    there = Place(lang="en", page="https://marks.example.org/")
    link = formats(MENTIONS, there)["id"]["params"]["urlTemplate"]
    assert link == "https://marks.example.org/mention?lang=en&id={{value}}"
    assert "id" not in formats(MENTIONS, Place())
    for view in VIEWS:
        assert ("id" in formats(view, there)) == view.of_mentions
