"""Rows of a growing file with the offset of each, in bounded memory.

A row ends with its line, or for CSV with its last quoted line. The last line of a file may still be
written: without a newline it is taken only when the file has rested for a moment.
"""

import csv
import os
import time
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import Struct

__all__ = ["ROW_LIMIT", "BadRow", "Columns", "Row", "csv_rows", "json_rows"]

ROW_LIMIT: Final = 2_097_152
"""Most bytes in a row; a longer one is refused."""

_SETTLED: Final = 2.0  # seconds without a change after which a file counts as written

csv.field_size_limit(ROW_LIMIT)


class Row(Struct, frozen=True):
    """One row that was read."""

    line: int
    """The number of its first line, from 1."""
    end: int
    """Bytes from the beginning of the file to the next row."""
    lines: int
    """How many lines it has."""
    raw: bytes
    values: Any
    """A JSON object, or the cells of a CSV row."""


class BadRow(Struct, frozen=True):
    """One row that cannot be read."""

    line: int
    end: int
    lines: int
    raw: bytes
    reason: str


class Columns(Struct, frozen=True):
    """How the bytes of a file are to be read."""

    encoding: str
    fallback: str | None
    """Used for what is not valid in ``encoding``."""
    delimiter: str = ","

    def decode(self, raw: bytes) -> str:
        """Text of a line.

        Raises:
            UnicodeDecodeError: it is valid in neither encoding.
        """
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError:
            if self.fallback is None:
                raise
            return raw.decode(self.fallback)


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Lines and where they end; an over-long one cut to its beginning, to be refused."""
    while raw := file.readline(ROW_LIMIT + 1):
        if not raw.endswith(b"\n"):
            if len(raw) > ROW_LIMIT:
                while (rest := file.readline(ROW_LIMIT)) and not rest.endswith(b"\n"):
                    pass
            elif _age(file) < _SETTLED:
                time.sleep(max(_SETTLED - _age(file), 0))
                file.seek(-len(raw), os.SEEK_CUR)
                raw = file.readline(ROW_LIMIT + 1)
                if not raw.endswith(b"\n") and _age(file) < _SETTLED:
                    return
        yield raw, file.tell()


def json_rows(file: BinaryIO, line: int, how: Columns) -> Iterator[Row | BadRow]:
    """Rows of JSON Lines, from the file's position on, which is ``line``; empty lines skipped."""
    for number, (raw, end) in enumerate(_lines(file), start=line):
        if len(raw) > ROW_LIMIT:
            yield BadRow(number, end, 1, raw, f"longer than {ROW_LIMIT} bytes")
            continue
        try:
            text = how.decode(raw).strip()
            value = msgspec.json.decode(text) if text else None
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
            yield BadRow(number, end, 1, raw, f"not JSON: {error}")
            continue
        if isinstance(value, dict):
            yield Row(number, end, 1, raw, value)
        elif value is not None or text:
            yield BadRow(number, end, 1, raw, "not a JSON object")


def csv_rows(file: BinaryIO, line: int, how: Columns) -> Iterator[Row | BadRow]:
    """Rows of CSV or TSV from where the file stands on, which is ``line``; empty ones skipped."""
    bad = yield from _csv_run(file, line, how)
    while bad is not None:
        yield bad
        # An open quote must not swallow the rest of the file: go on after its first line.
        file.seek(bad.end)
        bad = yield from _csv_run(file, bad.line + 1, how)


def _csv_run(
    file: BinaryIO, line: int, how: Columns
) -> Generator[Row | BadRow, None, BadRow | None]:
    """Rows up to the first that cannot be read, which is returned."""
    taken: list[tuple[bytes, int]] = []
    ended = False

    def feed() -> Iterator[str]:
        nonlocal ended
        for raw, end in _lines(file):
            taken.append((raw, end))
            if len(raw) > ROW_LIMIT:
                msg = f"longer than {ROW_LIMIT} bytes"
                raise csv.Error(msg)
            yield how.decode(raw)
        ended = True

    reader = csv.reader(feed(), delimiter=how.delimiter, strict=True)
    while True:
        taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return None
        except (csv.Error, UnicodeDecodeError) as error:
            if ended and _age(file) < _SETTLED:
                return None  # a quoted cell whose other lines are still to come
            raw, end = taken[0]
            return BadRow(line, end, 1, raw, str(error))
        raw = b"".join(part for part, _ in taken)
        if any(cell.strip() for cell in cells):
            yield Row(line, taken[-1][1], len(taken), raw, cells)
        line += len(taken)


def _age(file: BinaryIO) -> float:
    """Seconds since the last change."""
    return max(time.time() - os.fstat(file.fileno()).st_mtime, 0)
