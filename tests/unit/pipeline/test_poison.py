"""Hostile and broken input: each has a fate, stated here and in docs/reliability.md, and a bound.

The input is handed to the stage ``enrich``, and what comes out of it to ``index`` as far as it goes
without a server.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outcome import Ok, Reject
from pipeline.search.document import document
from schemas import decode_enriched
from schemas.mention import TEXT_LIMIT, EnrichedMention
from tests.fuzz.target import BASE, BOUND, check, stage
from tests.support.records import Record


def made(**fields: Any) -> bytes:
    return json.dumps(BASE | fields).encode()


PASSES = "enriched"

CASES: dict[str, tuple[bytes, str]] = {
    "no bytes at all": (b"", "DecodeError"),
    "invalid UTF-8": (made().replace(b"laut", b"l\xff\xfet"), "UnicodeDecodeError|DecodeError"),
    "invalid JSON": (made()[:-2], "DecodeError"),
    "another JSON type": (b"[1, 2]", "ValidationError"),
    "wrong types": (made(revision="one", text=7), "ValidationError"),
    "a text over the limit": (made(text="x" * (TEXT_LIMIT + 1)), "ValidationError"),
    "a text of 10 MB": (made(text="x" * 10_000_000), "ValidationError"),
    "nesting 100,000 deep": (
        made()[:-1] + b', "new": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "RecursionError|DecodeError",
    ),
    "NUL": (made(text="Die\0Lüftung\0ist laut"), PASSES),
    "a lone surrogate": (made(text="laut \ud800"), "DecodeError"),
    "bidi and zero-width characters": (
        made(text="Die L\u200bü\u202eftung\u202c ist \u2066laut\u2069\ufeff"),
        PASSES,
    ),
    "the year 0": (made(published_at="0000-01-01T00:00:00Z"), "ValidationError"),
    "the year 9999": (made(published_at="9999-12-31T23:59:59Z"), PASSES),
    "the year 1": (made(published_at="0001-01-01T00:00:00Z"), PASSES),
    "the first moment, east of Greenwich": (made(published_at="0001-01-01T00:00:00+14:00"), PASSES),
    "a date without offset": (made(published_at="2026-05-01T00:00:00"), "ValidationError"),
    "a date to come": (made(published_at="2031-01-01T00:00:00Z"), PASSES),
    "100,000 hashtags": (made(text="#ab " * 100_000), "ValidationError"),
    "50,000 hashtags": (made(text="#a" * (TEXT_LIMIT // 2)), PASSES),
    "25,000 separate hashtags": (made(text=" ".join(["#ab"] * (TEXT_LIMIT // 4))), PASSES),
    "100,000 signs": (made(text="!?" * (TEXT_LIMIT // 2)), PASSES),
    "100,000 combining marks": (made(text="a" + "\u0301" * (TEXT_LIMIT - 1)), PASSES),
    "50,000 nested brackets": (made(text="(" * 50_000 + ")" * 50_000), PASSES),
    "100,000 emoji": (made(text="\U0001f600" * TEXT_LIMIT), PASSES),
    "a link of 90,000 characters": (made(text="https://x.de/" + "a" * 90_000), PASSES),
    "a letter that lower case lengthens": (made(text="\u0130" * TEXT_LIMIT), PASSES),
    "the watchlist's worst word": (made(text="a" * (TEXT_LIMIT - 1) + "!"), PASSES),
    "an id of 513 characters": (made(id="push:" + "x" * 508), "ValidationError"),
    "an id that is none": (made(id="push"), "ValidationError"),
    "a revision below 0": (made(revision=-1), "ValidationError"),
    "a revision over 2^53": (made(revision=1 << 60), "ValidationError"),
    "101 tags": (made(tags=["x"] * 101), "ValidationError"),
    "a field of a newer minor version": (made(schema_version="1.99", mood="calm"), PASSES),
    "a new field that is no UTF-8": (made()[:-1] + b', "x": "\xff"}', "UnicodeDecodeError"),
    "a new field whose name is none": (made()[:-1] + b', "x\xff": 1}', "UnicodeDecodeError"),
    "another major version": (made(schema_version="2.0"), "UnknownSchemaVersion"),
    "not a number": (made(rating={"value": "@"}).replace(b'"@"', b"NaN"), "DecodeError"),
    "a number of 100,000 digits": (made().replace(b": 1,", b": " + b"9" * 100_000 + b",", 1),
                                   "ValidationError|DecodeError"),
    "the same key twice": (made()[:-1] + b', "text": "Die Heizung"}', PASSES),
}  # fmt: skip


async def fate(record: Record) -> tuple[str, EnrichedMention | None, float]:
    enrich = stage()
    started = time.perf_counter()
    (outcome,) = await enrich.handle([record])
    mention = None
    if isinstance(outcome, Ok):
        value = outcome.outputs[0].value
        assert value is not None
        mention = decode_enriched(value)
        document(mention, "mentions").body.decode()
    seconds = time.perf_counter() - started
    return outcome.error if isinstance(outcome, Reject) else PASSES, mention, seconds


@pytest.mark.parametrize("name", CASES)
async def test_every_input_has_its_fate_within_a_bound(name: str) -> None:
    value, expected = CASES[name]
    key = b"push:" + b"x" * 508 if "513" in name else b"push:1"
    found, mention, seconds = await fate(Record(key, value))
    assert found in expected.split("|")
    assert seconds < BOUND
    if mention is not None:
        assert len(mention.entities) <= 500
        assert sum(len(match.spans) for match in mention.matches) <= 100 * len(mention.matches)


@pytest.mark.parametrize("name", CASES)
def test_the_manual_states_the_fate(name: str) -> None:
    rows = {
        cells[1].strip(): cells[2]
        for line in Path("docs/reliability.md").read_text(encoding="utf-8").splitlines()
        if len(cells := line.split("|")) > 3
    }
    says = rows[name]
    assert ("dead letter" in says) == (CASES[name][1] != PASSES), says


async def test_a_key_that_differs_from_the_id() -> None:
    for key in (b"push:2", b"\xff", b"", None):
        found, _, _ = await fate(Record(key, made()))
        assert found == "KeyMismatch"


async def test_a_flood_of_headers_is_passed_on_whole() -> None:
    flood = [(f"h{n}", b"x" * 100) for n in range(10_000)]
    started = time.perf_counter()
    (outcome,) = await stage().handle([Record(b"push:1", made(), flood)])
    assert time.perf_counter() - started < BOUND
    assert isinstance(outcome, Ok)
    assert set(flood) <= set(outcome.outputs[0].headers)


async def test_a_date_to_come_goes_where_it_was_collected() -> None:
    for year in ("2031", "9999"):
        _, mention, _ = await fate(Record(b"push:1", made(published_at=f"{year}-01-01T00:00:00Z")))
        assert mention is not None
        assert document(mention, "m").index == "m-2026.05"
    _, mention, _ = await fate(Record(b"push:1", made(published_at="0001-01-01T00:00:00Z")))
    assert mention is not None
    assert document(mention, "m").index == "m-2000.01"


CORPUS = sorted(Path("tests/fuzz/corpus").iterdir())


def test_whatever_the_fuzzer_found_before_holds() -> None:
    assert CORPUS
    for path in CORPUS:
        check(path.read_bytes())


TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=10,
)


@given(st.binary(max_size=500) | TEXTS.map(lambda text: b"\0" + text.encode()))
def test_any_bytes_and_any_text_are_enriched_or_refused(data: bytes) -> None:
    check(data)


@given(st.dictionaries(st.sampled_from([*BASE, "title", "author", "rating", "tags"]), JSON))
def test_any_json_is_enriched_or_refused(fields: dict[str, Any]) -> None:
    check(b"\xff" + json.dumps(BASE | fields).encode())
