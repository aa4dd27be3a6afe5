"""Messages recorded under each version that was released: they decode for ever."""

from pathlib import Path

import msgspec
import pytest

from schemas import decode_enriched, decode_raw, encode
from schemas.dead import Mark
from schemas.mention import SCHEMA_VERSION, encode_over

RECORDED = Path(__file__).parents[2] / "data" / "messages"
RELEASED = Path(__file__).parents[3] / "schemas" / "released"
FILES = sorted(RECORDED.glob("*/*.json"))


def lines(name: str) -> list[bytes]:
    return [line for path in FILES if path.name == name for line in path.read_bytes().splitlines()]


def test_every_released_version_has_its_messages_recorded() -> None:
    recorded = {path.name for path in RECORDED.iterdir()}
    assert recorded >= {path.name for path in RELEASED.iterdir()}
    for version in recorded:
        names = {path.name for path in (RECORDED / version).iterdir()}
        assert names >= {"RawMention.json", "EnrichedMention.json", "Mark.json"}


@pytest.mark.parametrize("line", lines("RawMention.json"))
def test_a_recorded_raw_mention_decodes_and_loses_nothing(line: bytes) -> None:
    assert msgspec.json.decode(encode(decode_raw(line))) == msgspec.json.decode(line)


@pytest.mark.parametrize("line", lines("EnrichedMention.json"))
def test_a_recorded_enriched_mention_decodes_and_loses_nothing(line: bytes) -> None:
    mention = decode_enriched(line)
    assert msgspec.json.decode(encode(mention)) == msgspec.json.decode(line)
    passed = msgspec.json.decode(encode_over(line, mention))
    assert passed == msgspec.json.decode(line) | {"schema_version": SCHEMA_VERSION}


@pytest.mark.parametrize("line", lines("Mark.json"))
def test_a_recorded_mark_decodes(line: bytes) -> None:
    assert msgspec.json.decode(line, type=Mark).action in {"replayed", "dropped"}
