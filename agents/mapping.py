"""From a row to the fields of a mention: columns, constants, and the ways people write dates.

Pure: no file, no network.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import dateparser
from msgspec import Struct

from agents.mention import host, identify

__all__ = ["RowReader", "moment"]

_TIMES: Final = ("published_at", "collected_at", "edited_at", "author.created_at")
_THREAD_IDS: Final = ("thread.root_id", "thread.parent_id")
_LISTS: Final = ("tags", "media")
_EPOCH: Final = re.compile(r"^\d{9,13}(\.\d+)?$")
_YEAR_FIRST: Final = re.compile(r"\d{4}\D")
_DECIMAL_COMMA: Final = re.compile(r"^\s*(-?\d+),(\d+)\s*$")
_SEPARATOR: Final = re.compile(r"\s*[,;]\s*")
_MILLISECONDS: Final = 100_000_000_000  # as seconds this would be in the year 5138

DateOrder = Literal["DMY", "MDY", "YMD"]


class RowReader(Struct, frozen=True):
    """How rows become fields."""

    columns: Mapping[str, str]
    """Field, nested with dots -> column, or path of keys in JSON; empty: fields by their names."""
    defaults: Mapping[str, Any]
    """Field -> value where the row has none."""
    channels: Mapping[str, str]
    """Host -> channel; a host stands for its sub-domains too, the longest one wins."""
    kind: str
    """The source type, which ids begin with."""
    namespace: str
    """Goes before the native id, to keep apart tables that count from 1."""
    timezone: ZoneInfo
    """Where times without an offset were written."""
    date_order: DateOrder
    languages: tuple[str, ...]
    """Languages that months and days are written in."""

    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that a row gives; parts as dictionaries.

        Raises:
            ValueError: a date cannot be read.
        """
        flat = dict(row) if not self.columns else self._mapped(row)
        found: dict[str, Any] = {}
        for field, value in self.defaults.items():
            _put(found, field, value)
        for field, value in flat.items():
            if value is not None and value != "":
                _put(found, field, value)
        for field in _TIMES:
            if (text := _get(found, field)) is not None:
                _put(found, field, self._moment(field, text))
        for field in _THREAD_IDS:
            if (native := _get(found, field)) is not None:
                _put(found, field, self.identify(str(native)))
        self._reshape(found)
        if channel := self._channel(host(found.get("url"))):
            found["channel"] = channel
        return found

    def identify(self, native: str) -> str:
        """The id of the mention that the table calls so."""
        return identify(self.kind, f"{self.namespace}/{native}" if self.namespace else native)

    def _mapped(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {field: _get(row, column) for field, column in self.columns.items()}

    def _moment(self, field: str, value: Any) -> datetime:  # noqa: ANN401 - whatever stands there
        found = moment(value, self.timezone, self.date_order, self.languages)
        if found is None:
            msg = f"{field}: {value!r} is not a date"
            raise ValueError(msg)
        return found

    def _reshape(self, found: dict[str, Any]) -> None:
        """Give texts the shape of the part that they stand for."""
        rating = found.get("rating")
        if rating is not None and not isinstance(rating, Mapping):
            rating = found["rating"] = {"value": rating}
        if isinstance(rating, dict):
            for name, value in rating.items():
                if isinstance(value, str):
                    rating[name] = _DECIMAL_COMMA.sub(r"\1.\2", value)
        if isinstance(author := found.get("author"), str):
            found["author"] = {"name": author}
        for name in _LISTS:
            if isinstance(text := found.get(name), str):
                found[name] = [part for part in _SEPARATOR.split(text.strip()) if part]
        if isinstance(media := found.get("media"), list):
            found["media"] = [{"url": m} if isinstance(m, str) else m for m in media]

    def _channel(self, name: str | None) -> str | None:
        while name:
            if name in self.channels:
                return self.channels[name]
            name = name.partition(".")[2]
        return None


def moment(
    value: Any,  # noqa: ANN401 - whatever stands in a table
    timezone: ZoneInfo,
    order: DateOrder,
    languages: tuple[str, ...],
) -> datetime | None:
    """Read a date: ISO 8601, seconds or milliseconds since 1970, or as people write it.

    Returns:
        The moment with its offset; None when it is no full date.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone)
    text = str(value).strip()
    try:
        if _EPOCH.match(text):
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        # Without relative dates: "yesterday" in a table says nothing certain.
        settings = {
            # Whoever puts the year first means it all the way.
            "DATE_ORDER": "YMD" if _YEAR_FIRST.match(text) else order,
            "PREFER_LOCALE_DATE_ORDER": False,
            "PARSERS": ["absolute-time"],
            "REQUIRE_PARTS": ["day", "month", "year"],
        }
        parsed = dateparser.parse(text, languages=list(languages), settings=settings)
        if parsed is None:
            return None
        found = parsed
    return found if found.tzinfo else found.replace(tzinfo=timezone)


def _get(row: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - any JSON
    """The value under a key, or under a path of keys."""
    if path in row:
        return row[path]
    value: Any = row
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _put(fields: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    *way, last = path.split(".")
    for key in way:
        part = fields.get(key)
        # A copy, as the part may belong to the row or to the defaults.
        fields[key] = dict(part) if isinstance(part, Mapping) else {}
        fields = fields[key]
    fields[last] = value
