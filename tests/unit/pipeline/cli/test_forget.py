import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from pipeline import forget
from pipeline.cli import mentions


def receipt(**left: int) -> forget.Receipt:
    return forget.Receipt(
        mentions=3,
        messages={"mentions.raw": 3},
        documents=2,
        letters=1,
        people=1,
        alerts=1,
        letters_moved=4,
        left=left,
        keys=["author:0"],
        at=datetime(2026, 5, 1, tzinfo=UTC),
    )


def run(monkeypatch: pytest.MonkeyPatch, made: forget.Receipt, *more: str) -> tuple[int, str, str]:
    monkeypatch.setattr(forget, "find", lambda *_: forget.Found())
    monkeypatch.setattr(forget, "forget", lambda *_: made)
    done = CliRunner().invoke(mentions, ["forget", "--author", "x", "--yes", *more])
    return done.exit_code, done.stdout, done.stderr


def test_what_is_left_is_said_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown, said = run(monkeypatch, receipt(Elasticsearch=2))
    assert code == 1
    assert "2 left" in next(line for line in shown.splitlines() if "Elasticsearch" in line)
    assert "4 others moved" in shown
    assert "are all workers running" in said
    code, shown, _ = run(monkeypatch, receipt(Elasticsearch=2), "--json")
    assert code == 1
    assert json.loads(shown)["left"] == {"Elasticsearch": 2}


def test_nothing_left_is_success(monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown, said = run(monkeypatch, receipt())
    assert (code, said) == (0, "")
    assert "left" not in shown
