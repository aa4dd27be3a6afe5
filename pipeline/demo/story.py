"""What is said about the invented company, by whom and when, told around a given moment.

The lines in ``data/`` know no dates. ``at`` is one of

* ``2 Mon 06:52``: in the third-last whole week (``0`` is the last) before the crisis, local time;
* ``-1250``: minutes before the moment the story is told around;
* ``+35``: minutes after the post it answers, edits or deletes; ``m036+702``: after that post.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Final, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

__all__ = ["Outlet", "Post", "Story", "tell"]

_DATA: Final = files("pipeline.demo") / "data"
_HERE: Final = ZoneInfo("Europe/Berlin")
_CRISIS: Final = timedelta(hours=35)
"""How long before the moment the crisis begins; whole weeks end before it."""
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKLY: Final = re.compile(r"(\d) (\w{3}) (\d\d):(\d\d)")
_AFTER: Final = re.compile(r"(\w*)\+(\d+)")

Place = Literal["microblog", "forum", "video", "social", "review", "mail", "news", "blog"]
_PLACES: Final[tuple[Place, ...]] = (
    "microblog", "forum", "video", "social", "review", "mail", "news", "blog",
)  # fmt: skip

T = TypeVar("T")


class Outlet(Struct, frozen=True, forbid_unknown_fields=True):
    """A newspaper or blog with a feed."""

    outlet: str
    name: str
    channel: Literal["news", "blog"]
    format: Literal["rss", "atom"]
    lang: str


class Author(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody whose profile is known."""

    by: str
    followers: int
    kind: Literal["person", "organisation", "bot"]
    name: str | None = None
    verified: bool | None = None


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of ``data/``: a post, or the edit or deletion of one."""

    at: str
    id: str = ""
    by: str = ""
    lang: str = ""
    text: str = ""
    title: str | None = None
    kind: Literal["reply", "repost", "quote"] | None = None
    to: str | None = None
    likes: int | None = None
    replies: int | None = None
    reposts: int | None = None
    views: int | None = None
    place: str | None = None
    country: str | None = None
    image: str | None = None
    stars: int | None = None
    product: str | None = None
    outlet: str | None = None
    teaser: str | None = None
    full: bool = False
    via: Literal["push"] | None = None
    copy_of: str | None = None
    tone: Literal["negative", "neutral", "positive"] | None = None
    edit: str | None = None
    delete: str | None = None


class Post(Struct, frozen=True):
    """One post, with what later became of it."""

    line: _Line
    where: Place
    said_at: datetime
    author: Author | None
    edits: tuple[tuple[datetime, str], ...] = ()
    """When its text was changed, and to what."""
    deleted_at: datetime | None = None

    @property
    def pushed(self) -> bool:
        """Whether it comes through the HTTP endpoint, which alone can take edits and deletions."""
        return self.where == "microblog" or self.line.via == "push"

    @property
    def from_feed(self) -> bool:
        """Whether an outlet's feed has it."""
        return self.where in {"news", "blog"}


class Story(Struct, frozen=True):
    """All posts by their id, in the order of the data."""

    posts: Mapping[str, Post]
    outlets: tuple[Outlet, ...]

    def root_of(self, post: Post) -> str | None:
        """The post that opened the conversation; None for one that opens one."""
        root = post.line.to
        while root is not None and (above := self.posts[root].line.to) is not None:
            root = above
        return root


def tell(around: datetime) -> Story:
    """Read the story as it stands at a moment.

    Args:
        around: the moment that ``-10`` is ten minutes before; with an offset.

    Raises:
        ValueError: a time in the data cannot be read or refers to no earlier post.
    """
    authors = {author.by: author for author in _lines("authors", Author)}
    lines = [(where, line) for where in _PLACES for line in _lines(where, _Line)]
    clock = _Clock(around, {line.id: line for _, line in lines})
    posts: dict[str, Post] = {}
    for where, line in lines:
        said_at = clock.read(line)
        if line.delete:
            posts[line.delete] = replace(posts[line.delete], deleted_at=said_at)
        elif line.edit:
            edits = (*posts[line.edit].edits, (said_at, line.text))
            posts[line.edit] = replace(posts[line.edit], edits=edits)
        else:
            posts[line.id] = Post(line, where, said_at, authors.get(line.by))
    return Story(posts, tuple(_lines("outlets", Outlet)))


class _Clock:
    """Reads the times of the data."""

    def __init__(self, around: datetime, lines: Mapping[str, _Line]) -> None:
        self._around = around
        self._lines = lines
        calm = (around - _CRISIS).astimezone(_HERE)
        midnight = calm.replace(hour=0, minute=0, second=0, microsecond=0)
        self._monday = midnight - timedelta(days=midnight.weekday(), weeks=1)

    def read(self, line: _Line) -> datetime:
        """When a line was said.

        Raises:
            ValueError: its time is no time, or after a post that is not there.
        """
        if line.at.startswith("-"):
            return self._around - timedelta(minutes=int(line.at[1:]))
        if found := _WEEKLY.fullmatch(line.at):
            week, day, hour, minute = found.groups()
            days = _DAYS.index(day) - 7 * int(week)
            # By the calendar, so that nine o'clock stays nine o'clock when clocks change.
            date = self._monday + timedelta(days=days)
            return date.replace(hour=int(hour), minute=int(minute))
        found = _AFTER.fullmatch(line.at)
        before = found and self._lines.get(
            found[1] or line.to or line.edit or line.delete or "nothing"
        )
        if not (found and before):
            msg = f"{line.id}: {line.at!r} is no time, or after a post that is not there"
            raise ValueError(msg)
        return self.read(before) + timedelta(minutes=int(found[2]))


def _lines(name: str, kind: type[T]) -> Iterator[T]:
    content = (_DATA / f"{name}.jsonl").read_text(encoding="utf-8")
    for line in content.splitlines():
        yield msgspec.json.decode(line, type=kind)
