"""Files keep the contract, in each format and whatever their writer does meanwhile."""

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from agents import files, rows
from agents.errors import Unreadable
from agents.files import Files, FilesConfig
from agents.repeats import Repeats
from agents.source import Cursor, Page, Refused, Source
from agents.testing import (
    EditContract,
    KillContract,
    Outside,
    VolumeContract,
    drain,
    drain_until_failure,
    items,
    mentions,
)
from schemas.mention import RawMention

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
NOBODY = 65_534


class Watched(Files):
    """Files that something happens to while they are read."""

    def __init__(self, config: FilesConfig, table: "Table") -> None:
        super().__init__(config)
        self.table = table

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        for number, page in enumerate(super().poll(cursor), start=1):
            yield page
            if self.table.then and self.table.then[0] == number:
                self.table.then[1]()


class Table(Outside):
    """A file that grows, and is written anew when something in it changes."""

    kind = "files"

    def __init__(self, folder: Path, suffix: str) -> None:
        self.path = folder / f"table{suffix}"
        self.suffix = suffix
        self.texts: list[str] = []
        self.options: dict[str, object] = {}
        self.then: tuple[int, Callable[[], None]] | None = None
        """After how many pages what happens to the file."""

    def described(self) -> dict[str, object]:
        return {
            "type": "files",
            "name": "it",
            "paths": [str(self.path)],
            "columns": {"id": "Nr", "text": "Bewertung", "published_at": "Datum"},
            "defaults": {"channel": "review"},
            **self.options,
        }

    def source(self) -> Source:
        return Watched(FilesConfig.model_validate(self.described()), self)

    def row(self, number: int, text: str) -> str:
        when = (START + timedelta(minutes=number)).isoformat()
        if self.suffix == ".jsonl":
            return json.dumps({"Nr": number, "Bewertung": text, "Datum": when}) + "\n"
        out = io.StringIO()
        delimiter = "\t" if self.suffix == ".tsv" else ","
        csv.writer(out, delimiter=delimiter).writerow([number, text, when])
        return out.getvalue()

    @property
    def header(self) -> str:
        delimiter = "\t" if self.suffix == ".tsv" else ","
        return "" if self.suffix == ".jsonl" else delimiter.join(["Nr", "Bewertung", "Datum\n"])

    def add(self, texts: Sequence[str]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            if not self.texts:
                file.write(self.header)
            for text in texts:
                file.write(self.row(len(self.texts), text))
                self.texts.append(text)

    def edit(self, before: str, after: str) -> None:
        self.texts = [after if text == before else text for text in self.texts]
        rows = "".join(self.row(number, text) for number, text in enumerate(self.texts))
        self.path.write_text(self.header + rows, encoding="utf-8")

    def empty(self) -> None:
        self.path.touch()

    def trouble(self, how: str, *, after: int) -> None:
        change = {"closed": self.close, "replaced": self.replace, "rewritten": self.rewrite}[how]
        if after:
            self.then = after, change
        else:
            change()

    def mend(self) -> None:
        self.then = None
        os.seteuid(os.getuid())
        self.path.chmod(0o600)

    def close(self) -> None:
        """To whoever reads it."""
        self.path.chmod(0)
        if os.getuid() == 0:
            os.seteuid(NOBODY)

    def replace(self) -> None:
        """By a file with the same rows in another order."""
        other = self.path.with_suffix(".new")
        other.write_text(self.reversed(), encoding="utf-8")
        other.replace(self.path)

    def rewrite(self) -> None:
        """The same file."""
        self.path.write_text(self.reversed(), encoding="utf-8")

    def reversed(self) -> str:
        rows = [self.row(number, text) for number, text in enumerate(self.texts)]
        return self.header + "".join(reversed(rows))

    def spoil(self) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write('{"Nr": 9, "Bewertung"\n' if self.suffix == ".jsonl" else self.row(9, ""))


@pytest.fixture(params=[".jsonl", ".csv", ".tsv"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    yield Table(tmp_path, request.param)
    os.seteuid(os.getuid())


class TestKilledWhileItReads(KillContract):
    number = 8_000

    @pytest.fixture
    def described(self, tmp_path: Path) -> dict[str, object]:
        table = Table(tmp_path, ".csv")
        table.add([f"Nummer {number}" for number in range(self.number)])
        return table.described()


class TestManyRows(VolumeContract):
    @pytest.fixture
    def described(self, tmp_path: Path) -> dict[str, object]:
        table = Table(tmp_path, ".csv")
        table.add([f"Nummer {number}" for number in range(self.number)])
        return table.described()


class TestFiles(EditContract):
    troubles = ("closed", "replaced", "rewritten")

    @pytest.fixture
    def outside(self, table: Table) -> Outside:
        return table


def test_cells_with_line_breaks_and_quotes_survive_any_resumption(tmp_path: Path) -> None:
    table = Table(tmp_path, ".csv")
    texts = [f'Zeile eins\nZeile "zwei"\r\n, Nummer {number}' for number in range(1_100)]
    table.add(texts)
    pages = drain(table)
    assert [mention.text for mention in mentions(pages)] == texts
    rest = drain(table, pages[0].cursor)
    assert [mention.text for mention in mentions([pages[0], *rest])] == texts


def test_a_row_is_taken_when_it_is_whole(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_SETTLED", 0.2)
    table.add(["eins"])
    whole = table.row(1, "zwei").encode()
    with table.path.open("ab") as file:
        file.write(whole[:-9])
        file.flush()
        # A file that is being written is never quite at rest.
        os.utime(table.path, (time.time() + 9, time.time() + 9))
        pages = drain(table)
        assert [mention.text for mention in mentions(pages)] == ["eins"]
        file.write(whole[-9:])
    again = drain(table, pages[-1].cursor)
    assert [mention.text for mention in mentions(again)] == ["zwei"]
    assert len(items(again)) == 1


def test_a_last_line_without_its_end_is_taken_once_the_file_rests(table: Table) -> None:
    table.add(["eins", "zwei"])
    table.path.write_bytes(table.path.read_bytes().rstrip(b"\r\n"))
    os.utime(table.path, (1e9, 1e9))
    pages = drain(table)
    assert [mention.text for mention in mentions(pages)] == ["eins", "zwei"]
    assert items(drain(table, pages[-1].cursor)) == []


def test_a_file_that_is_written_anew_just_after_it_was_known_again_is_read_anew(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.add(["eins", "zwei"])
    cursor = drain(table)[-1].cursor
    table.add(["drei"])
    fingerprint = files._fingerprint
    looks: list[int] = []

    def changed_after_the_first(file: BinaryIO, end: int) -> str:
        found = fingerprint(file, end)
        looks.append(end)
        if len(looks) == 1:
            table.edit("eins", "acht")
        return found

    monkeypatch.setattr(files, "_fingerprint", changed_after_the_first)
    pages, error = drain_until_failure(table, cursor)
    assert "written anew" in str(error)
    assert mentions(pages) == []
    assert [mention.text for mention in mentions(drain(table, cursor))] == ["acht", "zwei", "drei"]


def test_a_shorter_file_and_another_file_are_read_anew(table: Table) -> None:
    table.add(["eins", "zwei"])
    cursor = drain(table)[-1].cursor
    table.path.unlink()
    table.texts = []
    table.add(["neu"])
    pages = drain(table, cursor)
    assert [mention.text for mention in mentions(pages)] == ["neu"]
    table.path.unlink()
    table.texts = []
    table.add(["anders, und viel länger als zuvor", "noch eins", "und noch eins"])
    assert len(mentions(drain(table, pages[-1].cursor))) == 3


def test_an_open_quote_costs_one_row(tmp_path: Path) -> None:
    table = Table(tmp_path, ".csv")
    table.add(["eins"])
    with table.path.open("a", encoding="utf-8") as file:
        file.write('7,"nie geschlossen,2026-01-05\n')
    table.add(["zwei", "drei"])
    os.utime(table.path, (1e9, 1e9))
    found = items(drain(table))
    assert [item.reason for item in found if isinstance(item, Refused)] == [
        f"{table.path}:3: unexpected end of data"
    ]
    assert [mention.text for mention in mentions(drain(table))] == ["eins", "zwei", "drei"]


def test_a_line_without_end_is_refused_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROW_LIMIT", 1_000)
    table = Table(tmp_path, ".jsonl")
    table.add(["eins", "x" * 5_000, "drei"])
    found = items(drain(table))
    (refused,) = [item for item in found if isinstance(item, Refused)]
    assert "longer than 1000 bytes" in refused.reason
    assert len(refused.value) <= 1_001
    assert [mention.text for mention in mentions(drain(table))] == ["eins", "drei"]


def test_a_file_of_another_encoding_and_one_with_a_mark(tmp_path: Path) -> None:
    table = Table(tmp_path, ".csv")
    table.path.write_bytes("\ufeffNr,Bewertung,Datum\n1,schön,2026-01-05\n".encode())
    assert [mention.text for mention in mentions(drain(table))] == ["schön"]
    table.path.write_bytes('Nr,Bewertung,Datum\n1,"schön, „groß“",05.01.2026\n'.encode("cp1252"))
    assert [mention.text for mention in mentions(drain(table))] == ["schön, „groß“"]
    table.options["fallback_encoding"] = None
    (refused,) = items(drain(table))
    assert isinstance(refused, Refused)
    assert "schön".encode("cp1252") in refused.value


def test_what_a_replaced_file_repeats_costs_nothing(tmp_path: Path) -> None:
    """Its rows get the file's time of change, so that corrected ones win."""
    table = Table(tmp_path, ".jsonl")
    table.add(["eins", "zwei"])
    source, repeats = table.source(), Repeats()

    def fresh(cursor: Cursor | None) -> tuple[dict[str, RawMention], Cursor | None]:
        """What would be published, and the cursor after it."""
        found: dict[str, RawMention] = {}
        for page in source.poll(cursor):
            for one in mentions([page]):
                made = repeats.fingerprint(one, undated=page.undated)
                if not repeats.known(one.id, made):
                    found[one.id] = one
                    repeats.remember([(one.id, made)], "it")
            cursor = page.cursor
        return found, cursor

    first, cursor = fresh(None)
    assert list(first) == ["files:0", "files:1"]
    assert fresh(cursor) == ({}, cursor)
    table.path.write_text(table.row(1, "zwei") + table.row(0, "anders"), encoding="utf-8")
    corrected, cursor = fresh(cursor)
    assert list(corrected) == ["files:0"]
    assert corrected["files:0"].revision > first["files:0"].revision
    # Back to what was said before is a correction, too.
    table.path.write_text(table.row(0, "eins") + table.row(1, "zwei"), encoding="utf-8")
    back, cursor = fresh(cursor)
    assert [one.text for one in back.values()] == ["eins"]
    # Where the source knows no time, the file's own is no news either.
    table.options["columns"] = {"id": "Nr", "text": "Bewertung"}
    source, repeats = table.source(), Repeats()
    assert len(fresh(None)[0]) == 2
    os.utime(table.path, (1_800_000_000, 1_800_000_000))
    assert fresh(None)[0] == {}


def test_a_missing_column_is_said_with_those_there_are(tmp_path: Path) -> None:
    table = Table(tmp_path, ".csv")
    table.path.write_text("Nr,Text\n1,a\n", encoding="utf-8")
    with pytest.raises(Unreadable, match="no column 'Bewertung'; there are: Nr, Text"):
        drain(table)


def test_a_date_that_cannot_be_read_is_refused_with_its_line(table: Table) -> None:
    table.add(["eins"])
    table.path.write_text(table.path.read_text().replace("2026-01-05T08", "2026-02-30T08"))
    (refused,) = items(drain(table))
    assert isinstance(refused, Refused)
    line = 1 if table.suffix == ".jsonl" else 2
    assert refused.reason.startswith(f"{table.path}:{line}: published_at: ")


def test_without_a_date_the_file_says_when(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "url": "https://m.twitter.com/1"}\n', encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    table = {
        "type": "files",
        "name": "it",
        "paths": [str(tmp_path / "*.jsonl")],
        "defaults": {"channel": "news"},
        "channels": {"twitter.com": "microblog"},
    }
    (page,) = Files(FilesConfig.model_validate(table)).poll(None)
    (mention,) = mentions([page])
    assert mention.published_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert mention.revision == 1_700_000_000_000
    assert mention.collector.published_estimated
    assert mention.channel == "microblog"
    assert mention.site == "m.twitter.com"
