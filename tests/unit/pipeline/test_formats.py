import csv
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.contract.describe import example
from pipeline.errors import ConfigError
from pipeline.formats import COLUMNS, flat, writer
from pipeline.where import predicate
from schemas import EnrichedMention

MENTION: dict[str, Any] = example(EnrichedMention)
BARE = {
    "id": "push:1",
    "revision": 1,
    "published_at": "2026-01-02T03:04:05+02:00",
    "text": 'a "b",\n',
}


def written(form: str) -> io.BytesIO:
    out = io.BytesIO()
    rows = writer(form, out)
    for message in (MENTION, BARE):
        rows.write(message)
    rows.close()
    out.seek(0)
    return out


def test_the_flat_table_loses_nothing() -> None:
    row = flat(MENTION)
    assert list(row) == list(COLUMNS)
    assert (row["author"], row["language"], row["topics"]) == ("Erika Mustermann", "en", "Acme")
    assert json.loads(row["message"]) == MENTION
    assert flat(BARE)["topics"] is None
    twice = {"matches": [{"topic": "A"}, {"topic": "B"}, {"topic": "A"}]}
    assert flat(twice)["topics"] == "A; B"


def test_json_lines_are_the_messages() -> None:
    assert [json.loads(line) for line in written("json")] == [MENTION, BARE]


def test_csv_is_read_back_as_it_was_said() -> None:
    rows = list(csv.DictReader(io.TextIOWrapper(written("csv"), encoding="utf-8", newline="")))
    assert [row["id"] for row in rows] == [MENTION["id"], "push:1"]
    assert rows[1]["text"] == BARE["text"]
    assert rows[1]["author"] == ""


def test_parquet_has_types() -> None:
    table = pq.read_table(written("parquet"))
    assert str(table.schema.field("published_at").type) == "timestamp[us, tz=UTC]"
    first, second = table.to_pylist()
    assert first["followers"] == 12
    assert second["published_at"].isoformat() == "2026-01-02T01:04:05+00:00"
    assert pq.read_table(empty := io.BytesIO(_nothing())).num_rows == 0
    assert empty


def _nothing() -> bytes:
    out = io.BytesIO()
    writer("parquet", out).close()
    return out.getvalue()


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("language.code == 'en'", True),
        ("language.code == 'en' && sentiment.label == 'positive'", False),
        ("author.followers > `10`", True),
        ("matches[?topic == 'Acme']", True),
        ("matches[?topic == 'Rival']", False),
        ("contains(text, 'fan') || nothing.at.all", True),
        ("nothing.at.all", False),
        ("engagement.likes == `0`", False),
    ],
)
def test_an_expression_decides(expression: str, fits: bool) -> None:
    assert predicate(expression)(MENTION) is fits


def test_what_is_no_object_fits_no_expression() -> None:
    assert not predicate("text")(None)
    assert not predicate("text")("text")
    assert predicate(None)(None)


@pytest.mark.parametrize("expression", ["text ==", "length(`3`)", "nosuch(text)"])
def test_a_wrong_expression_says_so(expression: str) -> None:
    with pytest.raises(ConfigError, match="--where cannot be"):
        predicate(expression)(MENTION)
