"""A word on relevance takes no other word back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pipeline import corrections, marking, reader
from pipeline.enrich.chain import Chain
from pipeline.search.history import Stored
from pipeline.settings import Settings
from pipeline.verdicts import Word
from schemas import decode_enriched, encode, topics
from schemas.amendment import Amendment
from schemas.correction import Correction
from tests.support.messages import mention

SETTINGS = Settings.model_validate(
    {"watchlist": [{"topic": "Bahn", "kind": "brand", "terms": ["Bahn"]}]}
)


class Record:
    """A message of a topic."""

    def __init__(self, made: Correction | Amendment) -> None:
        place = (
            [made.mention, made.topic]
            if isinstance(made, Correction)
            else [made.mention, made.part, made.name]
        )
        self.key = msgspec.json.encode(place)
        self.value = msgspec.json.encode(made)


@pytest.mark.parametrize("verdict", ["irrelevant", "withdrawn"])
def test_what_the_index_does_not_show_yet_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, verdict: str
) -> None:
    indexed = decode_enriched(encode(mention(1, text="Die Bahn kommt, und Fön & Co. auch")))
    Chain.build(SETTINGS).enrich([indexed])
    said = Amendment(
        mention="push:1",
        part="entity",
        name="Fön & Co.",
        value="organisation",
        by="bob",
        at=datetime.now(UTC),
    )
    mark = corrections.mark(indexed, "Bahn", relevant=False, by="ada")
    written: dict[str, list[Any]] = {topics.AMENDMENTS.name: [said]}
    if verdict == "withdrawn":
        written[topics.CORRECTIONS.name] = [mark]

    def records(_: Settings, name: str, **__: object) -> Iterator[Record]:
        return map(Record, written.get(name, []))

    def publish(_: Settings, made: Any = (), withdrawn: Any = ()) -> None:
        written[topics.CORRECTIONS.name] = list(made)
        assert bool(made) != bool(withdrawn)

    monkeypatch.setattr(reader, "records", records)
    monkeypatch.setattr(corrections, "publish", publish)
    word = Word(mention="push:1", verdict=verdict, by="ada", topic="Bahn")
    found = Stored.read(msgspec.to_builtins(indexed))
    marking._marked(SETTINGS, word, found)
    assert ("Fön & Co.", "organisation") in [(e.text, e.kind) for e in found.mention.entities]
    (match,) = found.mention.matches
    score = None if match.relevance is None else match.relevance.score
    assert score == (0 if verdict == "irrelevant" else None)
