"""What a tombstone takes with it."""

from datetime import UTC, datetime

import msgspec

from pipeline.settings import Settings
from pipeline.stages.enrich import Enrich
from schemas.correction import Correction, key
from tests.support.records import Record

AT = datetime(2026, 1, 1, tzinfo=UTC)


def marked(mention: str, topic: str) -> tuple[bytes, bytes]:
    said = Correction(mention=mention, topic=topic, relevant=True, by="ada", at=AT)
    return key(mention, topic), msgspec.json.encode(said)


async def test_marks_go_with_their_mention() -> None:
    stage = Enrich(Settings())
    tombstone = Record(b"test:1", None)

    def gone() -> list[bytes | None]:
        _, *others = stage._deleted(tombstone).outputs
        return [out.key for out in others]

    assert gone() == []
    await stage.adopt_marks([marked("test:1", "a"), marked("test:2", "a"), marked("test:1", "b")])
    assert gone() == [key("test:1", "a"), key("test:1", "b")]
    await stage.adopt_marks([(key("test:1", "a"), None)])
    assert gone() == [key("test:1", "b")]
