import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cli import mentions
from pipeline.contract import export
from pipeline.contract.diff import Change, compare, contract, judge, problems

NOW = contract(export.files())
Edit = Callable[[dict[str, Any]], None]


def changed(edit: Edit) -> list[Change]:
    new = copy.deepcopy(dict(NOW))
    edit(new)
    return list(compare(NOW, new))


def part(new: dict[str, Any], name: str = "Author") -> Any:
    return new["EnrichedMention"]["$defs"][name]


def channels(new: dict[str, Any]) -> Any:
    return part(new, "EnrichedMention")["properties"]["channel"]["enum"]


def topic(new: dict[str, Any], name: str) -> Any:
    return next(topic for topic in new["topics"] if topic["name"] == name)


def test_the_code_may_go_out_as_it_is() -> None:
    assert judge().problems == ()


def test_nothing_changed_is_no_change() -> None:
    assert changed(lambda _: None) == []


@pytest.mark.parametrize(
    ("edit", "kind", "where", "why"),
    [
        (
            lambda new: part(new)["properties"].update(pronouns={"type": "string"}),
            "compatible", "Author.pronouns", "who does not know it skips it",
        ),
        (
            lambda new: part(new)["properties"]["handle"].update(description="Another word."),
            "compatible", "Author.handle", "nothing is read differently",
        ),
        (
            lambda new: part(new)["properties"]["handle"].update({"x-personal-data": False}),
            "compatible", "Author.handle", "who keeps it has to look again at why",
        ),
        (
            lambda new: part(new)["properties"].pop("handle"),
            "breaking", "Author.handle", "who reads it misses it",
        ),
        (
            lambda new: part(new)["required"].append("handle"),
            "breaking", "Author.handle", "recorded messages may lack it",
        ),
        (
            lambda new: part(new, "Match")["required"].remove("clause"),
            "breaking", "Match.clause", "who relies on it may miss it",
        ),
        (
            lambda new: part(new)["properties"]["verified"].update(anyOf=[{"type": "string"}]),
            "breaking", "Author.verified", "a value of another form",
        ),
        (
            lambda new: channels(new).append("tv"),
            "breaking", "EnrichedMention.channel", "who reads by the old schema refuses",
        ),
        (
            lambda new: channels(new).remove("mail"),
            "breaking", "EnrichedMention.channel", "recorded messages may say mail",
        ),
        (
            lambda new: part(new, "EnrichedMention")["properties"]["text"].update(maxLength=9),
            "breaking", "EnrichedMention.text", "the greatest length is another",
        ),
        (
            lambda new: part(new, "Rating")["properties"]["best"].update(default=10.0),
            "breaking", "Rating.best", "it now means something else",
        ),
        (
            lambda new: part(new, "EnrichedMention")["properties"]["revision"].update(
                {"x-unit": "seconds since 1970"}
            ),
            "breaking", "EnrichedMention.revision", "the unit is another",
        ),
        (
            lambda new: part(new, "Span")["prefixItems"].append({"title": "line"}),
            "breaking", "Span.line", "recorded messages lack it",
        ),
        (
            lambda new: part(new, "Span").update(type="object"),
            "breaking", "Span", "a value of another form",
        ),
        (
            lambda new: new.pop("Mark"),
            "breaking", "Mark", "recorded ones cannot be read",
        ),
        (
            lambda new: new["topics"].append({**new["topics"][0], "name": "mentions.more"}),
            "compatible", "mentions.more", "nobody reads it yet",
        ),
        (
            lambda new: new["topics"].remove(topic(new, "mentions.raw")),
            "breaking", "mentions.raw", "its consumers get nothing",
        ),
        (
            lambda new: topic(new, "mentions.raw").update(partitions=24),
            "breaking", "mentions.raw", "the order of versions is not kept",
        ),
        (
            lambda new: topic(new, "mentions.raw").update(key="author id"),
            "breaking", "mentions.raw", "stores twice",
        ),
        (
            lambda new: topic(new, "mentions.raw")["config"].update({"retention.ms": "1"}),
            "breaking", "mentions.raw", "messages go sooner than promised",
        ),
        (
            lambda new: topic(new, "mentions.raw")["config"].update({"retention.ms": "-1"}),
            "compatible", "mentions.raw", "messages are kept longer",
        ),
        (
            lambda new: topic(new, "mentions.raw")["config"].update({"delete.retention.ms": "1"}),
            "breaking", "mentions.raw", "tombstones go sooner than promised",
        ),
        (
            lambda new: topic(new, "mentions.raw")["config"].pop("delete.retention.ms"),
            "breaking", "mentions.raw", "tombstones go sooner than promised",
        ),
        (
            lambda new: topic(new, "mentions.cursors")["config"].update(
                {"delete.retention.ms": "604800000"}
            ),
            "compatible", "mentions.cursors", "messages are kept longer",
        ),
        (
            lambda new: topic(new, "mentions.raw")["config"].update({"segment.ms": "1"}),
            "compatible", "mentions.raw", "no consumer sees",
        ),
        (
            lambda new: topic(new, "mentions.raw")["config"].update({"cleanup.policy": "delete"}),
            "breaking", "mentions.raw", "other messages remain than promised",
        ),
    ],
)  # fmt: skip
def test_each_change_is_judged_with_its_reason(edit: Edit, kind: str, where: str, why: str) -> None:
    (change,) = changed(edit)
    assert (change.kind, change.where) == (kind, where)
    assert why in change.why


def test_a_part_of_two_messages_is_told_once_and_names_their_topics() -> None:
    def edit(new: dict[str, Any]) -> None:
        for message in ("RawMention", "EnrichedMention"):
            new[message]["$defs"]["Author"]["properties"].pop("name")

    (change,) = changed(edit)
    assert set(change.topics) == {"mentions.raw", "mentions.enriched", "mentions.routed.{team}"}


def test_what_may_go_out_under_which_version() -> None:
    added = [Change("compatible", "Author.pronouns", "added, optional", "…")]
    broken = [Change("breaking", "Author.name", "removed", "…", ("mentions.enriched",))]
    names = {"mentions.enriched"}
    parallel = {*names, "mentions.enriched.v2"}
    assert list(problems((1, 0), (1, 0), [], names)) == []
    assert list(problems((1, 0), (1, 1), added, names)) == []
    assert "raise SCHEMA_VERSION" in next(problems((1, 0), (1, 0), added, names))
    assert "is below" in next(problems((1, 1), (1, 0), added, names))
    assert "needs major version 2" in next(problems((1, 0), (1, 1), broken, parallel))
    assert "parallel topic mentions.enriched.v2" in next(problems((1, 0), (2, 0), broken, names))
    assert list(problems((1, 0), (2, 0), broken, parallel)) == []


def test_the_command_names_what_breaks_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = tmp_path / "1.0"
    released.mkdir()
    for name, schema in NOW.items():
        old = copy.deepcopy(schema)
        if name == "EnrichedMention":
            old["$defs"]["Author"]["properties"]["shoe_size"] = {"type": "integer"}
        (released / f"{name}.json").write_text(json.dumps(old))
    monkeypatch.setattr(export, "RELEASED", tmp_path)
    export.released.cache_clear()
    try:
        answer = CliRunner().invoke(mentions, ["schema", "diff", "--json"])
    finally:
        export.released.cache_clear()
    assert answer.exit_code == 1
    assert "Author.shoe_size: breaking needs major version 2" in answer.stderr
    assert {"where": "Author.shoe_size", "kind": "breaking"}.items() <= json.loads(
        answer.stdout.splitlines()[0]
    ).items()


def test_the_commands_say_that_all_is_well() -> None:
    run = CliRunner().invoke
    assert run(mentions, ["schema", "export", "--check"]).exit_code == 0
    assert run(mentions, ["schema", "diff"]).exit_code == 0
