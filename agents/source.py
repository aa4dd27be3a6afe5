"""What a source is, and the registry of all there are.

A source is one file in this folder: a docstring (what it reads, which API version, what its cursor
holds), a config model, and a class with ``poll``. Add it to ``_BUILT_IN``, or from another package
through the entry point group ``mention_pipeline.sources``.

A source keeps no state: all it needs to go on is in its cursor, which the runner stores in Kafka
after, and only after, the broker has confirmed what was read before it.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from typing import Annotated, Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from agents.errors import SourceConfigError
from schemas.mention import RawMention

__all__ = [
    "Cursor",
    "Deletion",
    "Item",
    "Listener",
    "Page",
    "Publish",
    "Refused",
    "Rewindable",
    "Source",
    "SourceConfig",
    "Streaming",
    "build",
    "config_model",
    "names",
    "source_class",
]

Cursor: TypeAlias = dict[str, Any]
"""How far a source has been read: a small JSON object that only the source understands."""


class Deletion(Struct, frozen=True):
    """The platform says that a mention is gone."""

    id: str
    revision: int
    """Versions up to this one are deleted; milliseconds since 1970."""


class Refused(Struct, frozen=True):
    """Something that was read and cannot become a mention; it goes to the dead letters."""

    key: str
    """Says where it is: a file and line, an entry's link."""
    value: bytes
    """What was read, as it was."""
    error: str
    """The class of the error, to filter by."""
    reason: str


Item: TypeAlias = RawMention | Deletion | Refused


class Page(Struct, frozen=True):
    """Some items, and the cursor that is true once they are safe."""

    items: Sequence[Item]
    cursor: Cursor
    unchanged: int = 0
    """Items that were read, and left out because they are published as they are."""
    gap: tuple[int, int] | None = None
    """From and to, in milliseconds since 1970: something was said there that is not shown to us."""
    filtered: Mapping[str, int] = {}
    """Items that were read and left out, by reason."""
    until: int | None = None
    """Only where the reading goes on: all that is shown until this moment, in milliseconds since
    1970, is on this page or an earlier one."""
    undated: bool = False
    """The reading gave the revisions, and the times that are estimated: a mention that differs in
    them alone from what was published of it says nothing new."""


class SourceConfig(BaseModel):
    """What every source's table in ``mentions.toml`` may say."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    type: str
    """Which kind of source this is."""
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}$")]
    """Names the source in cursors, logs and every mention it collects. Do not reuse a name."""
    every: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """Seconds between two polls."""
    quiet: Annotated[float, Field(ge=1, le=100)] = 4.0
    """How many times longer it may become while nothing new is found."""


@runtime_checkable
class Source(Protocol):
    """Something that is asked for what is new."""

    @property
    def config(self) -> SourceConfig:
        """What its table says."""
        ...

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read what came since ``cursor`` (None: never read), page by page, oldest first.

        A page is asked for only when the one before it is safe in Kafka, so memory stays bounded
        however much there is to read.

        Raises:
            agents.errors.SourceError: the source cannot be read now; it is asked again later.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Rewindable(Protocol):
    """A source that can read again what it has read."""

    def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:
        """A cursor that reads everything since a moment again, and what was still to be read.

        However late the moment is: an outage or an earlier order may have left more to read.
        """
        ...


@runtime_checkable
class Streaming(Protocol):
    """A source whose ``poll`` may listen, and then goes on until it fails or is closed.

    It gives a page, however empty, at least every few seconds, and says with ``Page.until`` how far
    it is.
    """

    @property
    def streams(self) -> bool:
        """Whether it does so as it is configured."""
        ...

    def position(self) -> Cursor:
        """Where to go on after all pages that ``poll`` has given so far.

        Pages of a stream may repeat an older cursor, as a new one for each would cost too much;
        whoever stops reading asks for the newest, between two pages.
        """
        ...


class Publish(Protocol):
    """Publishes items and returns once the broker has confirmed all of them."""

    def __call__(self, items: Sequence[Item], *, within: float | None = None) -> None:
        """Publish and wait, for ever or ``within`` seconds.

        Raises:
            agents.errors.Unconfirmed: the time is over, or the process is stopping.
        """


@runtime_checkable
class Listener(Protocol):
    """Something that is told what is new, and so runs in every agent process."""

    @property
    def config(self) -> SourceConfig:
        """What its table says."""
        ...

    def start(self, publish: Publish) -> None:
        """Begin to listen, in threads of its own.

        Raises:
            agents.errors.SourceError: it cannot listen now; it is started again later.
        """
        ...

    def close(self) -> None:
        """Stop listening, after what was accepted is answered."""
        ...


class _Kind(Struct, frozen=True):
    """A kind of source: where its config model and its class are."""

    module: str
    config: str
    cls: str

    GROUP: ClassVar[str] = "mention_pipeline.sources"

    @classmethod
    def parse(cls, reference: str) -> "_Kind":
        """Read an entry point's value, ``module:Class``; the config model is ``Class.Config``."""
        module, _, name = reference.partition(":")
        return cls(module, f"{name}Config", name)


_BUILT_IN: dict[str, _Kind] = {
    "appstore": _Kind.parse("agents.appstore:AppStore"),
    "bluesky": _Kind.parse("agents.bluesky:Bluesky"),
    "businessprofile": _Kind.parse("agents.businessprofile:BusinessProfile"),
    "discourse": _Kind.parse("agents.discourse:Discourse"),
    "facebook": _Kind.parse("agents.facebook:Facebook"),
    "feeds": _Kind.parse("agents.feeds:Feeds"),
    "files": _Kind.parse("agents.files:Files"),
    "gdelt": _Kind.parse("agents.gdelt:Gdelt"),
    "hackernews": _Kind.parse("agents.hackernews:HackerNews"),
    "instagram": _Kind.parse("agents.instagram:Instagram"),
    "mail": _Kind.parse("agents.mail:Mail"),
    "mastodon": _Kind.parse("agents.mastodon:Mastodon"),
    "playstore": _Kind.parse("agents.playstore:PlayStore"),
    "push": _Kind.parse("agents.push:Push"),
    "reddit": _Kind.parse("agents.reddit:Reddit"),
    "reviews": _Kind.parse("agents.reviews:Reviews"),
    "sitemaps": _Kind.parse("agents.sitemaps:Sitemaps"),
    "stackexchange": _Kind.parse("agents.stackexchange:StackExchange"),
    "telegram": _Kind.parse("agents.telegram:Telegram"),
    "x": _Kind.parse("agents.x:X"),
    "youtube": _Kind.parse("agents.youtube:YouTube"),
}


def _kinds() -> dict[str, _Kind]:
    plugins = {point.name: _Kind.parse(point.value) for point in entry_points(group=_Kind.GROUP)}
    return plugins | _BUILT_IN


def names() -> list[str]:
    """The kinds of source there are."""
    return sorted(_kinds())


def _load(table: Mapping[str, Any]) -> tuple[type[SourceConfig], Callable[[Any], Any]]:
    kind = _kinds().get(str(table.get("type")))
    if kind is None:
        msg = f"unknown source type {table.get('type')!r}; there are: {', '.join(names())}"
        raise SourceConfigError(msg)
    try:
        module = importlib.import_module(kind.module)
    except ImportError as error:
        msg = f"source type {table['type']!r} needs more: pip install 'mention-pipeline[agents]'"
        raise SourceConfigError(msg) from error
    return getattr(module, kind.config), getattr(module, kind.cls)


def config_model(table: Mapping[str, Any]) -> type[SourceConfig]:
    """The model that a ``[[sources]]`` table has to fit.

    Raises:
        SourceConfigError: the kind is unknown, or its extra is not installed.
    """
    return _load(table)[0]


def source_class(table: Mapping[str, Any]) -> type:
    """The class of the source that a ``[[sources]]`` table describes.

    Raises:
        SourceConfigError: the kind is unknown, or its extra is not installed.
    """
    cls: Any = _load(table)[1]
    return cls if isinstance(cls, type) else type(cls)


def build(table: Mapping[str, Any]) -> Source | Listener:
    """Make the source that a ``[[sources]]`` table describes.

    Raises:
        SourceConfigError: the kind is unknown, or its extra is not installed.
        pydantic.ValidationError: a key is unknown, missing or wrong.
    """
    model, cls = _load(table)
    source: Source | Listener = cls(model.model_validate(dict(table)))
    return source
