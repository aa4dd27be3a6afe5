"""From what a source found to a valid mention: ids, times, the host, and everything within bounds.

The bounds are read from the schema itself. Texts that are too long are cut, links that are too
long are left out (a cut link leads nowhere), and what is still invalid is named by the error.
"""

import hashlib
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import ValidationError, inspect, structs

from agents.source import SourceConfig
from schemas import __version__
from schemas.mention import TEXT_LIMIT, Author, RawMention

__all__ = ["AGENT", "digest", "host", "identify", "make", "milliseconds"]

AGENT: Final = f"{socket.gethostname()}:{os.getpid()}"
"""This process, as mentions name it."""

_TYPE: Final = inspect.type_info(RawMention)
_ID_LIMIT: Final = 512  # code points, as the schema has it
_LINKS: Final = frozenset({"url", "feed"})
_TIMES: Final = ("published_at", "collected_at", "edited_at")


def digest(*parts: str) -> str:
    """A short stable fingerprint of some texts: 32 hexadecimal digits."""
    return hashlib.blake2b(
        "\0".join(parts).encode(errors="surrogatepass"), digest_size=16
    ).hexdigest()


def identify(kind: str, native: str) -> str:
    """The id of a mention: ``<source type>:<native id>``, the latter hashed where too long."""
    native = native.strip()
    whole = f"{kind}:{native}"
    fits = native and len(whole) <= _ID_LIMIT and native.isprintable()
    return whole if fits else f"{kind}:{digest(native)}"


def host(url: str | None) -> str | None:
    """The host of a URL in lower case, without ``www.``; None where there is none."""
    try:
        name = urlsplit(url or "").hostname
    except ValueError:
        return None
    return name.removeprefix("www.") or None if name else None


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970; 0 for what was before."""
    return max(int(moment.timestamp() * 1000), 0)


def make(
    fields: Mapping[str, Any],
    config: SourceConfig,
    *,
    feed: str | None = None,
    estimated: bool = False,
    strict: bool = True,
) -> RawMention:
    """Complete and check a mention.

    Args:
        fields: ``RawMention``'s fields; parts as mappings, times as ``datetime`` or RFC 3339.
            Derived where absent: ``collected_at``, ``published_at``, ``revision``, ``site``.
        config: the source that found it.
        feed: the feed, file or query it was found through.
        estimated: ``published_at`` is a guess.
        strict: False also takes numbers and truth values that are written as text.

    Raises:
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    now = datetime.now(UTC)
    given = {name: value for name, value in fields.items() if value is not None}
    text = given.get("text")
    collector = given.pop("collector", None)
    collector = dict(collector) if isinstance(collector, Mapping) else {}
    collector |= {"source": config.name, "agent": AGENT, "version": __version__}
    if feed:
        collector["feed"] = feed
    if isinstance(text, str) and len(text) > TEXT_LIMIT:
        collector["truncated"] = True
    if estimated or "published_at" not in given:
        collector["published_estimated"] = True
    given = {"collected_at": now, "collector": collector} | given
    given.setdefault("published_at", given["collected_at"])
    if isinstance(url := given.get("url"), str):
        given.setdefault("site", host(url))
    derived = "revision" not in given
    given.setdefault("revision", 0)
    mention = msgspec.convert(_fit(given, _TYPE), RawMention, strict=strict)
    try:
        _to_utc(mention)
    except OverflowError as error:
        msg = "a time is out of range - at `$.published_at`"
        raise ValidationError(msg) from error
    if derived:
        # Never in the future: a deletion, whose revision is the time it was asked for, ends it.
        said = mention.edited_at or mention.published_at
        mention.revision = milliseconds(min(said, mention.collected_at))
    return mention


def _to_utc(mention: RawMention) -> None:
    for name in _TIMES:
        if moment := getattr(mention, name):
            setattr(mention, name, moment.astimezone(UTC))
    author: Author | None = mention.author
    if author and author.created_at:
        mention.author = structs.replace(author, created_at=author.created_at.astimezone(UTC))


def _fit(value: Any, kind: inspect.Type) -> Any:  # noqa: ANN401 - any JSON in, any JSON out
    """The value with over-long parts cut; what is of another type is left for the check."""
    if isinstance(kind, inspect.UnionType):
        kind = next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.StrType) and isinstance(value, str):
        # Half a surrogate pair cannot be written as UTF-8.
        value = value.encode(errors="replace").decode() if not value.isascii() else value
        return value if kind.pattern else value[: kind.max_length]
    if isinstance(kind, inspect.VarTupleType) and isinstance(value, list | tuple):
        items = [_fit(item, kind.item_type) for item in value[: kind.max_length]]
        if isinstance(kind.item_type, inspect.StructType):
            items = [item for item in items if item is not None]
        return items
    if isinstance(kind, inspect.StructType) and isinstance(value, Mapping):
        known = {field.encode_name: field for field in kind.fields}
        fitted = {}
        for name, part in value.items():
            if name not in known or part is None:
                continue
            whole = _fit(part, known[name].type)
            if name in _LINKS and isinstance(part, str) and len(whole) < len(part):
                if known[name].required:
                    return None
                continue
            fitted[name] = whole
        return fitted
    return value
