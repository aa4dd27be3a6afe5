"""Tables in files: ``type = "files"``.

Reads JSON Lines, CSV and TSV, files that grow included: appended rows are read, and a file that was
cut or replaced is read anew. A row that cannot become a mention goes to the dead letters with its
file, line and reason.

Id: ``files:<id column>``, else a hash of the row. Revision: ``edited_at``, else ``published_at``;
in a file that replaced another, its time of change, so that corrected rows win. Where no
``published_at`` is mapped, it is the file's time of change, marked as estimated. Rows that such a
file repeats unchanged are not published again while the agent remembers them (``repeats``).

Cursor: per file the offset and line of the next row, and a fingerprint of the bytes at both ends of
what was read, by which a replaced file is known.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from glob import glob
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import structs
from pydantic import Field, field_validator

from agents.errors import SourceError, Unreadable
from agents.mapping import RowReader
from agents.mention import digest, make, milliseconds
from agents.places import failed
from agents.rows import BadRow, Columns, Row, csv_rows, json_rows
from agents.source import Cursor, Item, Page, Refused, SourceConfig
from schemas.mention import Channel, RawMention

__all__ = ["Files", "FilesConfig"]

_PAGE: Final = 500  # rows
_WINDOW: Final = 1_024  # bytes at each end of what was read that make its fingerprint
_REMEMBERED: Final = 1_000  # files that are gone for now
_FORMATS: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}


class FilesConfig(SourceConfig):
    """Keys of a ``[[sources]]`` table with ``type = "files"``."""

    type: Literal["files"]
    paths: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files, or patterns with ``*``, ``?`` and ``**``."""
    format: Literal["jsonl", "csv", "tsv"] | None = None
    """By default what the suffix says."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Between the cells of CSV; a comma by default."""
    encoding: str = "utf-8-sig"
    fallback_encoding: str | None = "cp1252"
    """For lines that are not valid in ``encoding``."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Field of a mention (``author.name`` for a part of a part) -> column, or JSON path with dots.
    Empty: the columns are called as the fields."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Field -> value, where a row has none."""
    channels: dict[str, Channel] = Field(default_factory=dict)
    """Host of the row's ``url`` -> channel; goes before ``defaults``."""
    namespace: Annotated[str, Field(pattern="^[A-Za-z0-9_.-]*$")] = ""
    """Goes before ids that are not unique over all files sources: ``files:<this>/<id>``."""
    timezone: str = "UTC"
    """Where times without an offset were written, such as ``Europe/Berlin``."""
    date_order: Literal["DMY", "MDY", "YMD"] = "DMY"
    date_languages: tuple[str, ...] = ("de", "en")
    """Languages that months are written in."""

    @field_validator("columns", "defaults")
    @classmethod
    def _known(cls, fields: dict[str, Any]) -> dict[str, Any]:
        names = set(RawMention.__struct_fields__)
        for field in fields:
            if field.partition(".")[0] not in names:
                msg = f"a mention has no field {field!r}; there are: {', '.join(sorted(names))}"
                raise ValueError(msg)
        return fields

    @field_validator("encoding", "fallback_encoding")
    @classmethod
    def _of_lines(cls, name: str | None) -> str | None:
        try:
            if name is not None and not "a\n".encode(name).endswith(b"a\n"):
                msg = f"{name} does not end lines with the byte 10; convert the file first"
                raise ValueError(msg)
        except LookupError as error:
            raise ValueError(str(error)) from error
        return name

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (OSError, ValueError, KeyError) as error:
            msg = f"no time zone {name!r}"
            raise ValueError(msg) from error
        return name


class Files:
    """All files that match, in the order of their names."""

    def __init__(self, config: FilesConfig) -> None:
        self.config = config
        self._reader = RowReader(
            columns=config.columns,
            defaults=config.defaults,
            channels=config.channels,
            kind="files",
            namespace=config.namespace,
            timezone=ZoneInfo(config.timezone),
            date_order=config.date_order,
            languages=config.date_languages,
        )

    def close(self) -> None:
        """Nothing is held open."""

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read rows that are new.

        Raises:
            SourceError: at the end, when some files could not be read, or none matches.
        """
        state: dict[str, Any] = dict((cursor or {}).get("files", {}))
        paths = sorted({path for pattern in self.config.paths for path in _match(pattern)})
        if not paths:
            msg = f"no file matches {', '.join(self.config.paths)}"
            raise SourceError(msg)
        for path in [gone for gone in state if gone not in paths][:-_REMEMBERED]:
            del state[path]
        failures: list[SourceError] = []
        for path in paths:
            try:
                yield from self._file(path, state)
            except OSError as error:
                failures.append(SourceError(f"{path}: {error.strerror}"))
            except SourceError as error:
                failures.append(error)
        if failures:
            raise failed(failures, len(paths), "files", self.config.every)

    def _file(self, path: str, state: dict[str, Any]) -> Iterator[Page]:
        with Path(path).open("rb") as file:
            at = state.get(path) or {"offset": 0, "line": 1, "copy": 0}
            if at["offset"] and _fingerprint(file, at["offset"]) != at["mark"]:
                at = {"offset": 0, "line": 1, "copy": at["copy"] + 1}
            if os.fstat(file.fileno()).st_size == at["offset"]:
                return
            changed = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
            known = at["offset"] or min(_WINDOW, os.fstat(file.fileno()).st_size)
            # Its own, not one taken now: what was written anew since the look above must be seen.
            mark = at["mark"] if at["offset"] else _fingerprint(file, known)
            rows = self._rows(file, path, at)
            for batch in iter(lambda: list(islice(rows, _PAGE)), []):
                items = [self._item(row, path, changed, replaced=at["copy"] > 0) for row in batch]
                last = batch[-1]
                after = _fingerprint(file, last.end)
                if _fingerprint(file, known) != mark:
                    # What was read is of two files; the next poll finds that and begins anew.
                    msg = f"{path}: was written anew while it was read"
                    raise SourceError(msg)
                known, mark = last.end, after
                state[path] = {
                    "offset": known,
                    "line": last.line + last.lines,
                    "copy": at["copy"],
                    "mark": mark,
                }
                yield Page(items, {"files": dict(state)}, undated=True)

    def _rows(self, file: BinaryIO, path: str, at: Mapping[str, Any]) -> Iterator[Row | BadRow]:
        """Rows from the cursor on, each with its values by column."""
        config = self.config
        kind = config.format or _FORMATS.get(Path(path).suffix.lower())
        if kind is None:
            msg = f"{path}: what is it? Set format to jsonl, csv or tsv"
            raise SourceError(msg)
        delimiter = config.delimiter or ("\t" if kind == "tsv" else ",")
        how = Columns(config.encoding, config.fallback_encoding, delimiter)
        if kind == "jsonl":
            file.seek(at["offset"])
            yield from json_rows(file, at["line"], how)
            return
        header = next(csv_rows(file, 1, how), None)
        if not isinstance(header, Row):
            msg = f"{path}: no row of column names"
            raise Unreadable(msg)
        names = [name.strip() for name in header.values]
        if missing := sorted(set(config.columns.values()) - set(names)):
            msg = f"{path}: no column {missing[0]!r}; there are: {', '.join(names)}"
            raise Unreadable(msg)
        line = at["line"] if at["offset"] else header.line + header.lines
        file.seek(at["offset"] or header.end)
        for row in csv_rows(file, line, how):
            if isinstance(row, BadRow):
                yield row
            elif len(row.values) > len(names):
                reason = f"{len(row.values)} cells, but {len(names)} columns"
                yield BadRow(row.line, row.end, row.lines, row.raw, reason)
            else:
                yield structs.replace(row, values=dict(zip(names, row.values, strict=False)))

    def _item(self, row: Row | BadRow, path: str, changed: datetime, *, replaced: bool) -> Item:
        where = f"{path}:{row.line}"
        if isinstance(row, BadRow):
            return Refused(f"files:{where}", row.raw, "BadRow", f"{where}: {row.reason}")
        try:
            fields = self._reader.fields(row.values)
            native = fields.get("id")
            named = str(native) if native is not None else digest(row.raw.decode("latin-1"))
            fields["id"] = self._reader.identify(named)
            estimated = "published_at" not in fields
            fields.setdefault("published_at", changed)
            if replaced and "edited_at" not in fields:
                fields.setdefault("revision", milliseconds(changed))
            return make(fields, self.config, feed=path, estimated=estimated, strict=False)
        except (ValueError, msgspec.ValidationError) as error:
            reason = f"{where}: {error}"
            return Refused(f"files:{where}", row.raw, type(error).__name__, reason)


def _match(pattern: str) -> Iterator[str]:
    """Files that a pattern stands for; a plain path stands for itself."""
    if os.path.isfile(pattern):  # noqa: PTH113 - Path.is_file raises where a folder is closed
        yield pattern
    else:
        found = glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        yield from (path for path in found if os.path.isfile(path))  # noqa: PTH113 - as above


def _fingerprint(file: BinaryIO, end: int) -> str:
    """Of the first and the last bytes before ``end``; differs where the file was cut."""
    first = os.pread(file.fileno(), min(_WINDOW, end), 0)
    start = max(end - _WINDOW, 0)
    last = os.pread(file.fileno(), end - start, start)
    return hashlib.blake2b(first + b"\0" + last, digest_size=12).hexdigest()
