"""One input through decode, enrich and document: what must hold, whatever it is.

The first byte says what the rest is: the whole message, or a text and its title within a good one.
"""

import asyncio
import json
import time
from functools import cache
from typing import Any, Final

import msgspec

from pipeline.outcome import Ok, Reject
from pipeline.search import letters
from pipeline.search.document import document
from pipeline.settings import Enrichment, Settings, WatchTopic
from pipeline.stages.enrich import Enrich
from schemas import decode_enriched
from tests.support.records import Record

__all__ = ["BASE", "BOUND", "check"]

BOUND: Final = 5.0
"""Seconds that no input may cost, on a machine that is busy with other things."""

BASE: Final[dict[str, Any]] = {
    "id": "push:1",
    "revision": 1,
    "channel": "forum",
    "text": "Die Lüftung ist laut.",
    "published_at": "2026-05-01T00:00:00Z",
    "collected_at": "2026-05-01T00:00:00Z",
    "collector": {"source": "test"},
    "schema_version": "1.0",
}
"""A good mention."""

_KEY: Final = b"push:1"
_WRITTEN: Final = 1_780_000_000_000
_MESSAGE: Final = 0x80  # first bytes below it: the rest is a text


@cache
def stage() -> Enrich:
    """The stage with a watchlist that a naive matcher would choke on."""
    terms = ("(a+)+$", "(a|aa)+!", "Lüftung", "a" * 100)
    watchlist = (WatchTopic(topic="bomb", kind="theme", terms=terms),)
    # Without near copies, which are looked for in Kafka.
    return Enrich(Settings(watchlist=watchlist, enrichment=Enrichment(stories_window=0)))


def check(data: bytes) -> Ok | Reject:
    """Put an input through, and insist on what must hold.

    Raises:
        AssertionError: it does not.
    """
    value = data[1:] if data[:1] >= bytes([_MESSAGE]) else _message(data[1:])
    started = time.perf_counter()
    (outcome,) = asyncio.run(stage().handle([Record(_KEY, value)]))
    assert isinstance(outcome, Ok | Reject)
    if isinstance(outcome, Ok):
        (output,) = outcome.outputs
        mention = decode_enriched(output.value or b"")
        json.loads(output.value or b"")  # any other reader takes it too
        length = len(mention.text)
        for entity in mention.entities:
            assert 0 <= entity.span.start <= entity.span.end <= length
        for match in mention.matches:
            limit = length if match.where == "text" else len(mention.title or "")
            assert all(0 <= span.start < span.end <= limit for span in match.spans)
        msgspec.json.decode(document(mention, "mentions").body)
    else:
        msgspec.json.decode(letters.document("0:0", _WRITTEN, _KEY, value, {}))
    assert time.perf_counter() - started < BOUND
    return outcome


def _message(rest: bytes) -> bytes:
    text, _, title = rest.decode(errors="replace").partition("\0")
    return msgspec.json.encode(BASE | {"text": text} | ({"title": title} if title else {}))
