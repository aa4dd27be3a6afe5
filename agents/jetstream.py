"""Bluesky's Jetstream: every post of the network, of which we take what the searches ask for.

Lexicon ``network.bsky.jetstream.subscribeEvents`` (Jetstream v2, in
github.com/bluesky-social/jetstream, November 2026), frames of ``xrpc.v1.json`` as atproto reads
them, some 50 posts a second. No access needed.

Position: microseconds since 1970 by the server's clock (``witnessedAt``), which is good for every
instance; one that is older than what the server keeps is answered with an ``OutdatedCursor``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from atproto_client import models
from atproto_jetstream.exceptions import JetstreamDecodingError
from atproto_jetstream.models import ErrorFrame, parse_frame

from agents.errors import SourceError
from agents.listed import moment
from agents.mention import milliseconds
from agents.stream import Event, Line
from agents.words import Said, Words

__all__ = ["SUBPROTOCOL", "address", "hear"]

SUBPROTOCOL: Final = "xrpc.v1.json"
"""What the server speaks."""
_METHOD: Final = "network.bsky.jetstream.subscribeEvents"
_POSTS: Final = "app.bsky.feed.post"
_TAG: Final = "app.bsky.richtext.facet#tag"
_LINK: Final = "app.bsky.richtext.facet#link"


def address(server: str, position: int | None) -> str:
    """Where to listen from a position on, or from now on."""
    params = models.NetworkBskyJetstreamSubscribeEvents.Params(
        collections=[_POSTS], kinds=["commit"], cursor=position
    )
    asked = urlencode(params.model_dump(exclude_none=True, by_alias=True), doseq=True)
    return f"{server}/xrpc/{_METHOD}?{asked}"


def hear(
    messages: Iterable[str | bytes], line: Line, searches: Sequence[Words], position: int | None
) -> None:
    """Read messages until they end.

    Raises:
        SourceError: the server ends the stream and says why.
    """
    outdated = False
    for message in messages:
        payload = _payload(message)
        kind = str(payload.get("$type", "")).removeprefix(_METHOD)
        if kind == "#info":
            outdated = payload.get("name") == "OutdatedCursor"
        elif kind == "#commit":
            at = moment(payload.get("witnessedAt") or payload["time"])
            if outdated and position is not None:
                line.gap(position // 1_000, milliseconds(at))
            outdated = False
            events = _events(payload, searches)
            line.put(*events, position=_microseconds(at), at=milliseconds(at))


def _payload(message: str | bytes) -> Mapping[str, Any]:
    try:
        frame = parse_frame(message)
    except JetstreamDecodingError:
        return {}  # of a kind that a newer server sends
    if isinstance(frame, ErrorFrame):
        msg = f"Jetstream ends: {frame.error} {frame.message or ''}".rstrip()
        raise SourceError(msg)
    return frame.payload


def _events(commit: Mapping[str, Any], searches: Sequence[Words]) -> Iterator[Event]:
    key = f"at://{commit['did']}/{commit['collection']}/{commit['rkey']}"
    record = commit.get("record")
    if commit["operation"] == "delete":
        yield Event(key)
    elif isinstance(record, Mapping):
        said = _said(record)
        for search in searches:
            if search.match(said):
                yield Event(key, record, search.search)
                return


def _said(record: Mapping[str, Any]) -> Said:
    """What a search looks at; records are what anybody writes, and may be of any shape."""
    texts, tags, links = [record.get("text")], list(_list(record.get("tags"))), []
    for facet in _list(record.get("facets")):
        for feature in _list(_map(facet).get("features")):
            kind = _map(feature).get("$type")
            if kind == _TAG:
                tags.append(feature.get("tag"))
            elif kind == _LINK:
                links.append(feature.get("uri"))
    embed = _map(record.get("embed"))
    embed = _map(embed.get("media")) or embed
    links.append(_map(embed.get("external")).get("uri"))
    texts += [_map(image).get("alt") for image in _list(embed.get("images"))]
    texts += [_map(embed.get("external")).get(name) for name in ("title", "description")]
    text = "\n".join(part for part in texts if isinstance(part, str))
    return Said.of(
        text,
        (tag for tag in tags if isinstance(tag, str)),
        (link for link in links if isinstance(link, str)),
    )


def _list(value: Any) -> Sequence[Any]:  # noqa: ANN401 - whatever came
    return value if isinstance(value, list) else ()


def _map(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - whatever came
    return value if isinstance(value, Mapping) else {}


def _microseconds(at: datetime) -> int:
    whole = at.replace(microsecond=0).timestamp()
    return int(whole) * 1_000_000 + at.microsecond
