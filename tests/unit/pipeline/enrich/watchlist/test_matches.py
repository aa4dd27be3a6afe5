"""What a match says: the clause that held, its places, the version; and who is looked at."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from schemas.mention import Collector, EnrichedMention

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def watch(query: str, **queries: str) -> Watchlist:
    return Watchlist([WatchTopic(topic="t", kind="brand", query=query)], queries)


def clauses(query: str, text: str, **queries: str) -> dict[str, list[str]]:
    found = watch(query, **queries).find(view(text))
    return {m.clause: [text[s.start : s.end] for s in m.spans] for m in found.matches}


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("a OR b", "b a", {"a": ["a"], "b": ["b"]}),
        ("(a OR b OR c) AND x", "c x a", {"(a OR c) AND x": ["c", "x", "a"]}),
        ("a AND NOT b", "a", {"a": ["a"]}),
        ("a AND (b OR NOT c)", "a", {"a": ["a"]}),
        ("a NEAR/1 (b OR c)", "b . . a x c a b", {"a NEAR/1 (b OR c)": ["b", "a", "c", "a", "b"]}),
        ("a BEFORE/1 b", "b a . a c d b", {}),
        ("a NEAR/0 b", "a b x x a", {"a NEAR/0 b": ["a", "b"]}),
        ("$x AND c", "b c", {"b AND c": ["b", "c"]}),
        ("Anlage[forms] OR b", "zwei Anlagen", {"Anlage[forms]": ["Anlagen"]}),
    ],
)
def test_says_which_part_held(query: str, text: str, expected: dict[str, list[str]]) -> None:
    assert clauses(query, text, x="a OR b") == expected


def test_only_the_first_part_stands_for_the_topic() -> None:
    text = "Bahn: Streik, Streik"
    found = watch("Bahn AND Streik").find(view(text))
    assert [text[hit.start : hit.end] for hit in found.hits] == ["Bahn"]
    found = watch("(Bahn OR DB) NEAR/2 Streik").find(view(text))
    assert [text[hit.start : hit.end] for hit in found.hits] == ["Bahn"]


def mention(**fields: Any) -> EnrichedMention:
    given: dict[str, Any] = {
        "text": "",
        "channel": "review",
        "published_at": NOW,
        "collected_at": NOW,
    }
    return EnrichedMention(
        id="t:1", revision=1, collector=Collector(source="s"), **(given | fields)
    )


def test_a_query_may_hold_across_title_and_text() -> None:
    text, title = view("Der Streik geht weiter"), view("Bahn")
    found = watch("Bahn AND Streik").search(mention(), text, title)
    assert [(m.where, m.clause, m.spans[0].start) for f in found for m in f.matches] == [
        ("text", "Bahn AND Streik", 4),
        ("title", "Bahn AND Streik", 0),
    ]
    (in_text, in_title) = watch("Bahn NEAR/9 Streik").search(mention(), text, title)
    assert in_text.matches == in_title.matches == []


def test_a_query_may_ask_for_fields_alone() -> None:
    found = watch("channel:review AND rating:<3 OR channel:news").search(mention(), view("x"))
    assert found[0].matches == []
    (field,) = watch("channel:review AND NOT rating:<3").search(mention(), view("x"))
    assert [(m.clause, m.spans) for m in field.matches] == [("channel:review", ())]
    assert field.hits == []


def test_the_version_is_number_and_content() -> None:
    topics = [WatchTopic(topic="t", kind="brand", query="$x")]
    one, same = (Watchlist(topics, {"x": "a"}, number=3) for _ in range(2))
    other = Watchlist(topics, {"x": "b"}, number=3)
    assert one.by == same.by
    assert one.by.version.startswith("3-")
    assert one.by != other.by


def test_a_topic_is_looked_at_only_where_its_rarest_part_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many topics that share a word cost a mention with that word nothing."""
    topics = [
        WatchTopic(topic=str(n), kind="brand", query=f"gemeinsam AND eigen{n} AND lang:de")
        for n in range(300)
    ]
    watchlist = Watchlist(topics)
    looked_at: list[object] = []
    module = "pipeline.enrich.watchlist.reason"
    monkeypatch.setattr(module, lambda program, _context: looked_at.append(program))
    watchlist.find(view("gemeinsam"))
    assert len(looked_at) < 20  # the first topics could not know that others share the word
    looked_at.clear()
    watchlist.find(view("gemeinsam und eigen77"))
    assert 1 <= len(looked_at) < 20
