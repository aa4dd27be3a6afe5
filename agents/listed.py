"""What all platforms have in common that list posts, the newest first.

A source file says how to ask for a page of a listing, how to look posts up again, and what a post's
fields are; this base class does the rest, so that it is right, and tested, once:

* A listing is read from its newest post down to what is known, page by page. The cursor holds where
  that stands, so a process that dies in mid-page goes on there, and a back-fill of any length takes
  the memory of one page.
* ``overlap``: what platforms show late, behind what was read, is found as well.
* Posts are looked up again (``agents.lookups``): an edit becomes a newer revision, and what the
  platform no longer has becomes a deletion.
* A post that cannot become a mention goes to the dead letters once, and holds up nothing.

Cursor: ``queries``: per listing ``known`` (all up to this moment is read), of one that shows only
some days ``read`` (when it was read to its end) and, while it is being read, ``top`` (the newest
found), ``at`` (the platform's position) and ``begun`` (when its first page was asked for);
``seen``: the newest ``remember`` posts as ``[published, revision, fingerprint, looked at, id]``;
``refused``; ``silent``, see ``agents.lookups``.
"""

import heapq
import json
import logging
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from pydantic import Field

from agents.errors import Busy, Denied, Expired, Missing, RateLimited, SourceError, Unreadable
from agents.http import Fetched, Http, HttpConfig
from agents.known import Known, State
from agents.lookups import LookUps, LookUpsConfig
from agents.mention import digest, identify, make, milliseconds
from agents.places import failed
from agents.secret import secrets
from agents.source import Cursor, Deletion, Item, Page, Refused
from schemas.mention import Channel

__all__ = [
    "Listed",
    "ListedConfig",
    "Listing",
    "Post",
    "instant",
    "marked",
    "moment",
    "rows",
    "table",
]

_log = logging.getLogger("agents")

_DAY: Final = 86_400
_SLACK: Final = 1.25  # how far over ``remember`` before the oldest are dropped
_ROOM: Final = 1_500_000  # characters of what is remembered: a cursor is one message on Kafka
_BESIDES: Final = 70  # of them, in one post remembered, beside its key and id
_RECENT: Final = 10_000  # ids of one poll that are kept to tell doubles on later pages
_REFUSED: Final = 500  # refused rows that are known again
_LATE: Final = _DAY  # seconds after which a post that is found counts as back-filled
_READ_KEPT: Final = 3_600_000  # ms: a quiet listing must not write a cursor at every poll
_DENIED: Final = (401, 403)
_MISSING: Final = (404, 410)
_REFUSAL: Final = 400


class ListedConfig(LookUpsConfig):
    """Keys that every platform's table has."""

    history: Annotated[float, Field(ge=0, le=36_500)] = 7.0
    """Days to go back when the source is read for the first time."""
    overlap: Annotated[float, Field(ge=0, le=7 * _DAY)] = 900.0
    """Seconds before the newest known post that are read again: platforms show some posts late."""
    remember: Annotated[int, Field(ge=10, le=20_000)] = 2_000
    """How many posts to know again; fewer, where their ids are so long that a cursor would be too
    large for Kafka. What is forgotten is not looked at again for edits and deletion."""
    http: HttpConfig = HttpConfig()


class Post(Struct, frozen=True, kw_only=True):
    """A post, understood."""

    native: str
    """What the platform calls it; the mention's id is made of it."""
    published: datetime
    listed: datetime | None = None
    """What the listing is ordered by, where that is not ``published``: its last change."""
    fields: dict[str, Any]
    """``RawMention``'s fields; ids of the thread as mention ids."""
    key: str | None = None
    """What it is looked up by, where that is not ``native``."""
    better: Sequence[str] = ()
    """Keys under which other listings may have shown more of it: then this is left out."""
    edited: datetime | None = None
    estimated: bool = False
    """``published`` is a guess."""
    gone: bool = False
    """The platform shows a stump of it: deleted or removed."""


class Listing(Struct, frozen=True):
    """One page of a listing."""

    rows: Sequence[Any]
    """As the platform sends them, the newest first."""
    more: Any = None
    """Where the next page begins, as JSON; None where there is none."""
    cut: bool = False
    """There would be more, which the platform does not show."""
    filtered: Mapping[str, int] = {}
    """Rows that are left out, by reason."""


class _Found(Struct):
    """What a page of a listing has."""

    filtered: Counter[str]
    items: list[Item] = []
    unchanged: int = 0
    last: int | None = None  # published, milliseconds since 1970
    newest: int = 0

    def add(self, what: Item | str | None) -> None:
        """Something to publish, why it is left out, or None where it is published already."""
        if what is None:
            self.unchanged += 1
        elif isinstance(what, str):
            self.filtered[what] += 1
        else:
            self.items.append(what)


class Listed(ABC):
    """A platform that lists posts; one thread polls it."""

    kind: ClassVar[str]
    """The source type, which ids begin with."""
    channel: ClassVar[Channel]
    batch: ClassVar[int] = 50
    """Most posts that one look-up takes, two or more; 0 where the platform has none."""
    config: ListedConfig

    def __init__(self, config: ListedConfig) -> None:
        self.config = config
        self._lookups = LookUps(self)
        self.http = Http(config.http, secrets(config), self.endpoint)
        self._warned = False
        self._busy: set[str] = set()  # listings whose host was busy when they were last asked for

    def close(self) -> None:
        """Let go of connections."""
        self.http.close()

    @abstractmethod
    def queries(self) -> Sequence[str]:
        """The listings to read, each named so that an analyst understands it."""

    @abstractmethod
    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401 - any JSON
        """Ask for a page.

        Args:
            query: one of ``queries``.
            at: where it begins, as an earlier page said; None at the newest post.
            since: older posts are not wanted.

        Raises:
            Expired: ``at`` is no longer known; reading begins anew.
            SourceError: no page, or one that cannot be understood.
        """

    @abstractmethod
    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401 - as the platform sends it
        """Understand a row.

        Raises:
            ValueError, LookupError, TypeError, AttributeError: it is not as documented.
        """

    def ordered(self, query: str) -> bool:  # noqa: ARG002 - for those that are not
        """Whether the listing has the newest first; else it is read to its end every time."""
        return True

    def poorer(self, query: str) -> bool:  # noqa: ARG002 - for those that have some
        """Whether the listing shows less of posts than others do; it is read after them."""
        return False

    def reach(self, query: str) -> float | None:  # noqa: ARG002 - for those that forget
        """Days of the past that the listing shows, however it is asked; None: all of it.

        What was said before, after the last reading, is a gap in the ledger.
        """
        return None

    def endpoint(self, path: str) -> str:  # noqa: ARG002 - for those that tell them apart
        """What a path of the API is limited with; "" where one limit is for all an account asks."""
        return ""

    def can_be_asked_for(self, key: str) -> bool:  # noqa: ARG002 - for those that do not show all
        """Whether ``lookup`` knows such a key; other posts are left as they were found."""
        return True

    def place(self, key: str) -> str:  # noqa: ARG002 - for those that have several
        """Where, or by which question, a post is looked up.

        What fails, has to wait or shows nothing there holds up no other place, and says nothing of
        it.
        """
        return ""

    def landmark(self, place: str) -> str | None:  # noqa: ARG002 - for those that have one
        """The key of what can be looked up at a place for ever; it is not published."""
        return None

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """The rows of these posts of one place as they are now.

        What is left out is gone, if the answer shows anything else; ``GONE`` in place of a row
        needs nothing else (``agents.lookups``, which has ``each`` for platforms that take a request
        for each post). None: the platform did not say; the post is left as it is till it is due
        again. What has come to them since, as replies, may be there as well, under keys of its own.

        Raises:
            Halfway: it broke off; what it had found counts.
            SourceError: no answer.
        """
        raise NotImplementedError

    def more(self, post: Post) -> dict[str, Any]:  # noqa: ARG002 - for those that have more
        """Fields that cost a request and are asked for once, when a post is new or changed.

        Raises:
            SourceError: there is no answer; with the next poll the listing goes on at this page.
        """
        return {}

    def ask(
        self,
        url: str,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        refusals: Sequence[int] = (),
    ) -> Fetched:
        """Ask a JSON API.

        Args:
            url: the address without parameters; it is shown in messages.
            params: parameters.
            headers: further headers.
            refusals: statuses whose answer the caller wants to read itself.

        Raises:
            Denied: 401 or 403.
            SourceError: no answer, or one that says no; ``Missing`` where it is 404 or 410.
        """
        address = f"{url}?{urlencode(params, doseq=True)}" if params else url
        accept = {"Accept": "application/json", **(headers or {})}
        fetched = self.http.exchange("GET", address, headers=accept)
        if fetched.status in _DENIED:
            msg = (
                f"{url}: {fetched.status}: refused: wrong or missing credentials, or not for these"
            )
            raise Denied(msg)
        if fetched.status in _MISSING:
            msg = f"{url}: {fetched.status}"
            raise Missing(msg)
        if fetched.status >= _REFUSAL and fetched.status not in refusals:
            msg = f"{url}: {fetched.status} {fetched.body[:200].decode(errors='replace')}"
            raise SourceError(msg)
        return fetched

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read what is new, then what has changed.

        Raises:
            SourceError: at the end, when some listings could not be read.
        """
        yield from self.round(self.state(cursor))

    @staticmethod
    def state(cursor: Cursor | None) -> State:
        """A cursor, to be read and written."""
        return msgspec.convert(cursor or {}, State)

    def round(self, state: State) -> Iterator[Page]:
        """Read all listings once, and look at the posts that are due; raises as ``poll``."""
        queries = list(self.queries())
        # What is no longer configured is forgotten.
        state.queries = {query: state.queries.get(query, {}) for query in queries}
        recent: dict[str, None] = {}
        failures: list[SourceError] = []
        # In any order, so that a platform's budget does not always end before the same one; but
        # there is room where it was busy now, and it would be gone after the others.
        busy, self._busy = self._busy, set()
        order = random.sample(queries, len(queries))
        for query in sorted(order, key=lambda query: (self.poorer(query), query not in busy)):
            try:
                yield from self._sweep(query, state, recent)
            except SourceError as error:
                # A wait is kept by ``agents.http``; it may be one of this listing's host alone.
                failures.append(error)
                if isinstance(error, Busy):
                    self._busy.add(query)
        refused = [failure for failure in failures if not isinstance(failure, RateLimited)]
        if len(refused) < len(queries) or not queries:
            # Else what it is not shown, a key being refused, would pass for deleted.
            yield from self._lookups.again(state, whole=not failures)
        if failures:
            raise failed(failures, len(queries), "queries", self.config.every)

    def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:
        """A cursor that reads everything since a moment again, and what was still to be read."""
        state, at = self.state(cursor), milliseconds(since)
        before = {query: state.queries.get(query, {}) for query in self.queries()}
        # A round under way begins anew at the newest post, and ends no earlier than it would have.
        state.queries = {
            query: {"known": min(at, about.get("known", self._beginning()))}
            | ({"read": min(at, about["read"])} if "read" in about else {})
            for query, about in before.items()
        }
        return state.cursor()

    def _beginning(self) -> int:
        """Where the first reading of a listing ends, in ms since 1970."""
        return max(int((time.time() - self.config.history * _DAY) * 1000), 0)

    def _sweep(self, query: str, state: State, recent: dict[str, None]) -> Iterator[Page]:
        about = state.queries[query]
        now = int(time.time() * 1000)
        first = self._beginning()
        known: int = about.get("known", first)
        top: int = max(about.get("top", known), known)
        at, anew = about.get("at"), False
        # What came to a page that was read already, while the reading rested, is not known.
        begun: int = now if at is None else about.get("begun", now)
        ordered = self.ordered(query)
        # Without an order all that is shown is looked at, in a back-fill from further back.
        since = max(known - int(self.config.overlap * 1000), 0) if ordered else min(first, known)
        gap = self._unshown(query, about.get("read", known), now)
        while True:
            try:
                listing = self.listing(query, at, datetime.fromtimestamp(since / 1000, UTC))
            except Expired:
                if at is None or anew:
                    raise
                at, anew = None, True  # What is read twice is told by its id.
                begun = int(time.time() * 1000)
                continue
            found = _Found(filtered=Counter(listing.filtered))
            broken = self._take(listing.rows, query, state, recent, since, found)
            last, items = found.last, found.items
            if broken is not None:
                # What was read is published; the position stays, for the posts that were not.
                self.trim(state)
                yield Page(items[::-1], state.cursor(), found.unchanged)
                raise broken
            # A clock that is ahead must not make us miss what comes until then.
            top = max(top, min(found.newest, begun))
            reached = ordered and last is not None and last < since
            over = reached or listing.more is None
            if over:
                read = self._read(query, about.get("read", 0), begun)
                state.queries[query] = {"known": top, **read}
            elif items or found.newest > known:
                # Known posts as well, where a back-fill lies below: it must come past them.
                going_on = {"known": known, "top": top, "at": listing.more, "begun": begun}
                state.queries[query] = {**about, **going_on}
            self.trim(state)
            if listing.cut and not reached and last is not None:
                gap = (last if listing.more is not None else since, last)
            items.reverse()
            yield Page(items, state.cursor(), found.unchanged, gap, dict(found.filtered))
            if over:
                return
            at, gap = listing.more, None

    def _read(self, query: str, before: int, begun: int) -> dict[str, int]:
        """When a listing that forgets was read to its end, or up to an hour before."""
        if self.reach(query) is None:
            return {}
        return {"read": before if before <= begun < before + _READ_KEPT else begun}

    def _unshown(self, query: str, read: int, now: int) -> tuple[int, int] | None:
        """From and to, in ms since 1970: what is to be read and is no longer shown.

        Since the last reading, not since its newest post: a quiet query has missed nothing.
        """
        days = self.reach(query)
        if days is None:
            return None
        shown = now - int(days * _DAY * 1000)
        return (read, shown) if read < shown else None

    def _take(  # noqa: PLR0917 - the state of a reading
        self,
        rows: Sequence[Any],
        query: str,
        state: State,
        recent: dict[str, None],
        since: int,
        found: "_Found",
    ) -> SourceError | None:
        """Add what the rows of a page become; why some are not read, which stay unknown."""
        broken: SourceError | None = None
        for row in rows:
            try:
                self._row(row, query, state, recent, since, found)
            except SourceError as error:
                broken = error
                if not isinstance(error, Busy):
                    break
        return broken

    def _row(  # noqa: PLR0917 - the state of a reading
        self,
        row: Any,  # noqa: ANN401 - as the platform sends it
        query: str,
        state: State,
        recent: dict[str, None],
        since: int,
        found: "_Found",
    ) -> None:
        """Add what a row of a listing becomes, or that and why it is left out."""
        try:
            post = self.post(row, query)
            listed = milliseconds(post.listed or post.published)
            found.last, found.newest = listed, max(found.newest, listed)
            key = post.key or post.native
            reason = self._left_out(key, post, state, since)
            if not post.gone:
                self._lookups.shown(key, state)
            if reason is not None or listed < since or key in recent:
                found.add(reason)
                return
            item = self._item(post, query, state)
            self._lookups.shown(key, state)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            found.add(self._refused(row, query, error, state))
            return
        found.add(item)
        recent[key] = None
        if len(recent) > _RECENT:
            del recent[next(iter(recent))]

    def _left_out(self, key: str, post: Post, state: State, since: int) -> str | None:
        """Why a post is of no interest; None where it is, or was."""
        if any(other in state.seen for other in post.better):
            return "shown elsewhere"
        if key in state.seen:
            return None
        listed = post.listed or post.published
        age = time.time() - listed.timestamp()
        if milliseconds(listed) < since and age > self.config.history * _DAY:
            return "too old"
        return "not shown" if post.gone else None

    def _item(self, post: Post, query: str, state: State) -> Item | None:
        """The mention of a post, or its deletion; None where it is known and as it was."""
        key = post.key or post.native
        id_ = identify(self.kind, post.native)
        before = state.seen.get(key)
        now = datetime.now(UTC)
        if post.gone:
            return self.deletion(key, state)
        print_ = _fingerprint(post.fields)
        if before is not None and before.fingerprint == print_:
            return None
        edited = post.edited
        revision = milliseconds(edited or post.published)
        if before is not None and revision <= before.revision:
            # Changed without saying when.
            revision, edited = max(milliseconds(now), before.revision + 1), now
        age = (now - post.published).total_seconds()
        # Some platforms know the time of the last change only; the cursor knows milliseconds.
        said = before.published if before else milliseconds(post.published)
        published = datetime.fromtimestamp(said / 1000, UTC)
        mention = make(
            {
                "channel": self.channel,
                **post.fields,
                **self.more(post),
                "id": id_,
                "published_at": published,
                "edited_at": edited,
                "revision": revision,
                "collector": {"backfill": before is None and age > _LATE},
            },
            self.config,
            feed=query,
            estimated=post.estimated,
        )
        looked = before.looked if before else int(now.timestamp())
        state.seen[key] = Known(
            milliseconds(mention.published_at), revision, print_, looked, mention.id
        )
        return mention

    @staticmethod
    def deletion(key: str, state: State) -> Deletion | None:
        """The deletion of a post; None where it is not known."""
        before = state.seen.pop(key, None)
        if before is None:
            return None
        return Deletion(before.id, max(int(time.time() * 1000), before.revision + 1))

    def _refused(
        self,
        row: Any,  # noqa: ANN401
        query: str,
        error: Exception,
        state: State,
    ) -> Refused | None:
        """A dead letter, once for as long as the row stays as it is."""
        value = json.dumps(row, default=str).encode()
        mark = digest(value.decode())[:16]
        if mark in state.refused:
            return None
        state.refused[mark] = ""
        while len(state.refused) > _REFUSED:
            del state.refused[next(iter(state.refused))]
        name = type(error).__name__
        return Refused(f"{self.kind}:{mark}", value, name, f"{query}: {name}: {error}")

    def changed(self, row: Any, query: str, state: State) -> Item | None:  # noqa: ANN401
        """What a row becomes that belongs to no listing; None where it is known and as it was."""
        try:
            post = self.post(row, query)
            item = self._item(post, query, state)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            return self._refused(row, query, error, state)
        self._lookups.shown(post.key or post.native, state)
        return item

    def trim(self, state: State) -> None:
        """Forget the oldest posts, by when they were published."""
        many, room = len(state.seen), self.config.remember
        size = sum(len(key) + len(known.id) for key, known in state.seen.items()) + many * _BESIDES
        if size > _ROOM:
            room = min(room, int(many * _ROOM / size / _SLACK))
        elif many <= room * _SLACK:
            return
        kept = heapq.nlargest(room + 1, state.seen.items(), key=lambda pair: pair[1].published)
        (_, first), *kept = reversed(kept)
        state.seen = dict(kept)
        self._forgotten(first.published / 1000)

    def _forgotten(self, until: float) -> None:
        """Say once that posts are no longer looked at again which should be."""
        if not self.batch or self._warned or until < time.time() - self.config.recheck_for * _DAY:
            return
        self._warned = True
        _log.warning(
            "%s: posts until %s are looked at no more, though recheck_for is %g days: "
            "there is room for no more than remember = %d",
            *(self.config.name, datetime.fromtimestamp(until, UTC).isoformat(timespec="minutes")),
            *(self.config.recheck_for, self.config.remember),
        )


def table(fetched: Fetched) -> dict[str, Any]:
    """An answer that is a JSON object.

    Raises:
        Unreadable: it is something else.
    """
    try:
        return msgspec.json.decode(fetched.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{fetched.url.partition('?')[0]}: not the JSON that is documented: {error}"
        raise Unreadable(msg) from error


def rows(content: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name in an answer.

    Raises:
        Unreadable: there is none.
    """
    found = content.get(name)
    if not isinstance(found, list):
        msg = f"no list {name!r} in the answer, but {', '.join(sorted(content))[:200]}"
        raise Unreadable(msg)
    return found


def marked(row: Any, **marks: Any) -> Any:  # noqa: ANN401 - as a platform sends it
    """A row with marks of our own; what is no object goes on as it is: ``post`` refuses it."""
    return {**row, **marks} if isinstance(row, Mapping) else row


def moment(value: Any) -> datetime:  # noqa: ANN401 - as a platform sends it
    """A moment that must be there.

    Raises:
        ValueError, TypeError, OverflowError: it is not.
    """
    found = instant(value)
    if found is None:
        msg = "no time"
        raise ValueError(msg)
    return found


def instant(value: Any) -> datetime | None:  # noqa: ANN401 - as a platform sends it
    """A moment from ISO 8601 or seconds since 1970; None from nothing.

    Raises:
        ValueError, TypeError, OverflowError: it is something else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _fingerprint(fields: Mapping[str, Any]) -> str:
    """Of what was said; counts change all the time without anything having been said."""
    said = [fields.get(name) for name in ("title", "text", "url", "rating", "media")]
    return digest(msgspec.json.encode(said, order="deterministic").decode())[:12]
