"""The body of a push request as mentions. Pure: bytes in, mentions or the field at fault out."""

import re
from datetime import datetime
from typing import Any, Final

import msgspec

from agents.mention import digest, identify, make, milliseconds
from agents.source import Deletion, SourceConfig
from schemas.mention import Channel, Id, RawMention

__all__ = ["Invalid", "deletion", "read"]

_PATH: Final = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_FIELD: Final = re.compile(r"required field `(\w+)`")
_BAD_REQUEST: Final = 400
_UNPROCESSABLE: Final = 422
_TOO_LARGE: Final = 413


class Invalid(Exception):
    """The request cannot be accepted."""

    def __init__(self, status: int, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field
        """JSON path of the value at fault."""


def read(body: bytes, config: SourceConfig, channel: Channel, limit: int) -> list[RawMention]:
    """Mentions from a body that holds one or an array of them.

    Args:
        body: JSON.
        config: the source that takes them.
        channel: of mentions that do not say.
        limit: most mentions in one body.

    Raises:
        Invalid: with the status to answer, and the path of the field at fault.
    """
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(_BAD_REQUEST, f"not JSON: {error}") from error
    if not isinstance(content, list):
        return [_mention(content, config, channel, "$")]
    if len(content) > limit:
        raise Invalid(_TOO_LARGE, f"more than {limit} mentions")
    return [_mention(item, config, channel, f"$[{index}]") for index, item in enumerate(content)]


def deletion(mention_id: str, at: datetime) -> Deletion:
    """The deletion of a mention.

    Raises:
        Invalid: it is not a mention id.
    """
    try:
        msgspec.convert(mention_id, Id)
    except msgspec.ValidationError as error:
        raise Invalid(_UNPROCESSABLE, f"not a mention id: {error}", "id") from error
    return Deletion(mention_id, milliseconds(at))


def _mention(
    content: Any,  # noqa: ANN401 - any JSON
    config: SourceConfig,
    channel: Channel,
    path: str,
) -> RawMention:
    if not isinstance(content, dict):
        raise Invalid(_UNPROCESSABLE, "a mention is a JSON object", path)
    fields: dict[str, Any] = {"channel": channel} | content
    if fields.get("id") is None:
        about = msgspec.json.encode(content, order="sorted").decode()
        fields["id"] = identify("push", digest(about))
    try:
        return make(fields, config)
    except msgspec.ValidationError as error:
        text = str(error)
        where = _PATH.search(text)
        name = _FIELD.search(text)
        place = path + (where[1] if where else "") + (f".{name[1]}" if name else "")
        raise Invalid(_UNPROCESSABLE, _PATH.sub("", text), place) from error
