"""What each panel asks of Elasticsearch, so that it can be asked without Kibana.

``mentions kibana check`` puts all of them, and shows which panels would stay empty.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from elasticsearch import Elasticsearch
from msgspec import Struct

from pipeline.kibana.dashboards import ALL
from pipeline.kibana.data_views import View
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import Groups, Json, Measure, Panel, Split, Text
from pipeline.kibana.rules import RULES, Rule
from pipeline.kibana.sessions import SESSIONS

__all__ = ["Question", "answered", "ask", "fields_of", "questions"]

_FUNCTIONS: Final = {
    "unique_count": "cardinality",
    "sum": "sum",
    "average": "avg",
    "median": "percentiles",
    "max": "max",
    "min": "min",
}
_QUOTED: Final = re.compile(r"_source\.([\w.]+)")
_IN_QUERY: Final = re.compile(r"_exists_:([\w.]+)|(?<![\w.:])([a-z][\w.]*):")


class Question(Struct, frozen=True):
    """One search that Kibana would make."""

    where: str
    """The dashboard, session or rule."""
    title: str
    """In English."""
    view: View
    fields: frozenset[str]
    body: Json


def questions() -> Iterator[Question]:
    """Of every panel, Discover session and rule."""
    for dashboard in ALL:
        for panel in dashboard.panels:
            if not isinstance(panel, Text):
                fields = frozenset(fields_of(panel))
                body = _body(panel, dashboard.since)
                yield Question(dashboard.name, panel.title.en, panel.view, fields, body)
    for session in SESSIONS:
        fields = frozenset(fields_of(session))
        yield Question("Discover", session.title.en, session.view, fields, _body(session))
    for rule in RULES:
        yield _of_rule(rule)


def _of_rule(rule: Rule) -> Question:
    """What a rule asks, of any time."""
    named = {rule.clock or rule.view.time, *_in_query(rule.query), *_QUOTED.findall(rule.says.en)}
    aggregations: Json = {}
    if rule.compare:
        how, field = rule.compare
        named.add(field)
        aggregations = {"measure0": {how: {"field": field}}}
    if rule.by:
        named.add(rule.by)
        aggregations = {"groups0": {"terms": {"field": rule.by}, "aggs": aggregations}}
    body = {"query": _matching(rule.query), "size": 0, "aggs": aggregations}
    return Question("rule", rule.title.en, rule.view, frozenset(named), body)


def ask(client: Elasticsearch, alias: str, question: Question) -> Mapping[str, Any]:
    """Put one question.

    Raises:
        elasticsearch.ApiError: the question can't be answered.
        elasticsearch.TransportError: no answer.
    """
    return client.search(index=question.view.index(alias), **question.body).body


def answered(answer: Mapping[str, Any]) -> bool:
    """Whether a panel would show something: mentions, and of each figure more than zeros."""
    if not answer["hits"]["total"]["value"]:
        return False
    return all(_filled(value) for value in answer.get("aggregations", {}).values())


def fields_of(panel: Panel) -> Iterator[str]:
    """Every field that a panel names."""
    if panel.time:
        yield panel.time
    for groups in panel.groups:
        if isinstance(groups, Split):
            for query, _ in groups.filters:
                yield from _in_query(query)
        else:
            yield groups.field
    for measure in panel.measures:
        if measure.field:
            yield measure.field
        yield from _in_query(measure.only)
    yield from _in_query(panel.query)
    if isinstance(panel, Mentions):
        yield from panel.columns
        yield from (name for name, _ in panel.sort)


def _in_query(query: str) -> Iterator[str]:
    for found in _IN_QUERY.finditer(query):
        yield found[1] or found[2]


def _body(panel: Panel, since: str = "") -> Json:
    """What a panel asks; since when, by the time of its data view, as Kibana does."""
    query = _matching(panel.query)
    if since:
        period = {"range": {panel.view.time: {"gte": since, "lte": "now"}}}
        query = {"bool": {"filter": [query, period]}}
    body: Json = {
        "query": query,
        "size": 0,
        "track_total_hits": True,
        "aggs": _grouped(panel),
    }
    if isinstance(panel, Mentions):
        body |= {"size": 1, "sort": [{name: way} for name, way in panel.sort]}
    return {key: value for key, value in body.items() if value or key == "size"}


def _grouped(panel: Panel) -> Json:
    """Measures within groups within the time axis."""
    measures: Json = {f"measure{n}": _measured(each) for n, each in enumerate(panel.measures)}
    inner = measures
    for number, groups in reversed(list(enumerate(panel.groups))):
        inner = {f"groups{number}": {**_group(groups, panel.measures), "aggs": inner}}
        if number:
            inner |= measures  # the groups around these are ordered by them, too
    if panel.time:
        # Kibana chooses the interval by the period that is looked at.
        histogram = {"field": panel.time, "calendar_interval": "day", "min_doc_count": 1}
        inner = {"time": {"date_histogram": histogram, "aggs": inner}}
    return inner


def _group(groups: Groups, measures: Sequence[Measure]) -> Json:
    if isinstance(groups, Split):
        named = {words.en: _matching(query) for query, words in groups.filters}
        return {"filters": {"filters": named}}
    # Of all other values Kibana asks once it knows these.
    terms: Json = {"field": groups.field, "size": groups.size}
    if groups.none:
        terms["missing"] = "__missing__"
    if measures and measures[0].operation not in {"count", "median"} and not measures[0].only:
        terms["order"] = {"measure0": "asc" if groups.ascending else "desc"}
    elif groups.ascending:
        terms["order"] = {"_count": "asc"}
    return {"terms": terms}


def _measured(measure: Measure) -> Json:
    if measure.operation == "count":
        return {"filter": _matching(measure.only)}
    function = {_FUNCTIONS[measure.operation]: {"field": measure.field}}
    if not measure.only:
        return function
    return {"filter": _matching(measure.only), "aggs": {"value": function}}


def _matching(query: str) -> Json:
    if not query:
        return {"match_all": {}}
    return {"query_string": {"query": query, "analyze_wildcard": True}}


def _filled(found: Mapping[str, Any]) -> bool:
    """Whether an aggregation has found anything."""
    if "buckets" in found:
        buckets = found["buckets"]
        return _any_filled(buckets.values() if isinstance(buckets, Mapping) else buckets)
    if "values" in found:
        return any(value is not None for value in found["values"].values())
    if "value" in found:
        # Of a field that no document has, there are 0 values, and their sum is 0.
        return bool(found["value"])
    return _any_filled([found])


def _any_filled(buckets: Iterable[Mapping[str, Any]]) -> bool:
    """Whether there is something in a group, and of each figure in some group."""
    full = [bucket for bucket in buckets if bucket["doc_count"]]
    figures: dict[str, list[bool]] = {}
    for bucket in full:
        for name, inner in bucket.items():
            if isinstance(inner, Mapping):
                figures.setdefault(name, []).append(_filled(inner))
    return bool(full) and all(map(any, figures.values()))
