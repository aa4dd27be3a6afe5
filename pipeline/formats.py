"""Rows for other programs: JSON Lines whole, CSV and Parquet as one flat table.

The flat table has a column for what is counted and filtered most, and the whole message as JSON in
the last one, so that nothing is lost by flattening.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final, Protocol, TypeAlias

import msgspec

from pipeline.errors import ConfigError

__all__ = ["COLUMNS", "FORMATS", "Writer", "flat", "writer"]

Message: TypeAlias = Mapping[str, Any]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "revision": ("revision",),
    "published_at": ("published_at",),
    "collected_at": ("collected_at",),
    "channel": ("channel",),
    "site": ("site",),
    "url": ("url",),
    "title": ("title",),
    "text": ("text",),
    "author": ("author", "name"),
    "handle": ("author", "handle"),
    "followers": ("author", "followers"),
    "language": ("language", "code"),
    "sentiment": ("sentiment", "label"),
    "score": ("sentiment", "score"),
    "topics": ("matches", "topic"),
    "message": (),
}
"""Each column and the fields that lead to it; those of a list are joined with ``; ``."""

_NUMBERS: Final = frozenset({"revision", "followers"})
_TIMES: Final = frozenset({"published_at", "collected_at"})
_ROWS: Final = 10_000  # of one row group


class Writer(Protocol):
    """Writes one message after the other."""

    def write(self, message: Message) -> None:
        """Write a message."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


def flat(message: Message) -> dict[str, Any]:
    """A message as a row of the flat table."""
    row: dict[str, Any] = {name: _at(message, path) for name, path in COLUMNS.items() if path}
    row["message"] = msgspec.json.encode(message).decode()
    return row


def writer(name: str, out: BinaryIO) -> Writer:
    """A writer of one of ``FORMATS``.

    Raises:
        ConfigError: the format needs a package that is not installed.
    """
    return FORMATS[name](out)


def _at(value: Any, path: Iterable[str]) -> Any:  # noqa: ANN401 - any JSON
    for number, name in enumerate(path):
        if isinstance(value, list):
            rest = [*path][number:]
            return "; ".join(dict.fromkeys(str(_at(item, rest)) for item in value))
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


class _Lines:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, message: Message) -> None:
        self._out.write(msgspec.json.encode(message) + b"\n")

    def close(self) -> None:
        self._out.flush()


class _Csv:
    def __init__(self, out: BinaryIO) -> None:
        self._text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
        self._rows = csv.DictWriter(self._text, list(COLUMNS))
        self._rows.writeheader()

    def write(self, message: Message) -> None:
        self._rows.writerow(flat(message))

    def close(self) -> None:
        self._text.detach().flush()  # the stream belongs to who opened it


class _Parquet:
    def __init__(self, out: BinaryIO) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
            import pyarrow.parquet as pq  # noqa: PLC0415 - same
        except ModuleNotFoundError as error:
            msg = f"Parquet needs {error.name}: pip install 'mention-pipeline[export]'"
            raise ConfigError(msg) from error

        def kind(name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
            if name in _TIMES:
                return pa.timestamp("us", tz="UTC")
            if name == "score":
                return pa.float64()
            return pa.int64() if name in _NUMBERS else pa.string()

        self._schema = pa.schema([(name, kind(name)) for name in COLUMNS])
        self._table = pa.Table.from_pylist
        self._file = pq.ParquetWriter(out, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, message: Message) -> None:
        row = flat(message)
        for name in _TIMES:
            moment = row[name]
            row[name] = datetime.fromisoformat(moment).astimezone(UTC) if moment else None
        self._rows.append(row)
        if len(self._rows) == _ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write_table(self._table(self._rows, self._schema))
        self._rows = []


FORMATS: Final[Mapping[str, Callable[[BinaryIO], Writer]]] = {
    "json": _Lines,
    "csv": _Csv,
    "parquet": _Parquet,
}
