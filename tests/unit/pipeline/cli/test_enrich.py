"""``mentions enrich``: one line out for each in, in order, and a word about what is wrong."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import mentions
from schemas.mention import EnrichedMention, decode_enriched, encode


def run(lines: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(mentions, ["enrich", *arguments], input=lines)


def answers(result: Result) -> list[EnrichedMention]:
    return [decode_enriched(line) for line in result.stdout_bytes.splitlines()]


def line(**fields: Any) -> str:
    return msgspec.json.encode(fields).decode() + "\n"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MENTIONS_CONFIG", raising=False)


def test_any_object_with_a_text() -> None:
    result = run(line(text="Das ist wirklich gut", label="x", sentiment="positive", language="de"))
    assert result.exit_code == 0
    (made,) = answers(result)
    assert made.id.startswith("stdin:")
    assert (made.channel, made.collector.source) == ("other", "stdin")
    assert made.collector.published_estimated
    assert made.language_hint == "de"
    assert made.sentiment is not None
    assert made.processed_at is not None


def test_same_order_same_ids() -> None:
    text = "".join(line(text=f"Text {number}") for number in range(1_500))
    first, second = answers(run(text)), answers(run(text))
    assert [made.text for made in first] == [f"Text {number}" for number in range(1_500)]
    assert [made.id for made in first] == [made.id for made in second]
    assert len({made.id for made in first}) == 1_500


@pytest.mark.parametrize(
    ("own", "id_"), [("mastodon:5", "mastodon:5"), ("abc", "stdin:abc"), (7, "stdin:7")]
)
def test_the_lines_own_id(own: object, id_: str) -> None:
    assert [made.id for made in answers(run(line(id=own, text="x")))] == [id_]


def test_a_mention_keeps_its_fields() -> None:
    (made,) = answers(run(line(text="Gut", id="feeds:1", revision=3, channel="news", title="T")))
    (again,) = answers(run(encode(made)))
    made.processed_at = again.processed_at
    assert again == made
    assert (made.revision, made.channel, made.title) == (3, "news", "T")


def test_bad_lines_are_named_and_cost_nothing_else() -> None:
    result = run(b'{"text": "a"}\nno\n\n{"x": 1}\n[1]\n{"text": "\xff"}\n{"text": "b"}')
    assert result.exit_code == 1
    assert [made.text for made in answers(result)] == ["a", "b"]
    reported = [text.partition(":")[0] for text in result.stderr.splitlines()]
    assert reported == ["line 2", "line 4", "line 5", "line 6", "mentions"]


def test_what_does_not_fit_is_left_out_and_named() -> None:
    result = run(line(text="x", author="bob", published_at="gestern", url=None))
    assert result.exit_code == 0
    assert [made.author for made in answers(result)] == [None]
    assert "author" in result.stderr
    assert "published_at" in result.stderr


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(line(text="a") + line(text="b"))
    assert [made.text for made in answers(run("", str(file)))] == ["a", "b"]


def test_answers_before_the_input_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "enrich"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text in ("eins", "zwei"):
            process.stdin.write(line(text=text).encode())
            process.stdin.flush()
            assert decode_enriched(process.stdout.readline()).text == text
        process.stdin.close()
        assert process.wait(10) == 0
