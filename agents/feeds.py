"""RSS and Atom feeds: ``type = "feeds"``.

Reads RSS 0.9 to 2.0, Atom 0.3 and 1.0 and RDF, as feedparser 6 understands them. Asks for changed
feeds only (``ETag``, ``Last-Modified``). Where a feed has a teaser, the article is fetched, if
robots.txt lets us, and its text extracted; a page that a site does not show leaves the teaser, one
that cannot be read now is tried again and becomes a newer revision of the same mention, and one
whose host is busy waits for its turn. Of a site whose address is all that is known, the feed it
names is read.

When nothing in a feed is known that was read before, entries may have come and gone unseen: the
ledger shows a gap.

Id: ``feeds:<guid>``, else the link. Revision: when the entry says it was updated, else published;
for an entry that changed without saying so, when that was seen. ``published_at`` never changes.

Cursor: per feed what to ask with next time, and for the last ``remember`` entries of the source
``[fingerprint, revision, published_at]``, and where its article is still to be had, how often that
was tried: an unchanged entry costs nothing, and an edited one is a new revision of the same
mention. An entry forgotten and seen again is published again with the id it had.
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import feedparser
import msgspec
from msgspec import structs
from pydantic import Field, model_validator

from agents.articles import TRIES, article
from agents.discovery import feeds_of
from agents.entries import Entry, read
from agents.errors import Busy, RateLimited, SourceError, Unreadable
from agents.http import Fetched, Http, HttpConfig
from agents.mention import digest, identify, make, milliseconds
from agents.places import failed
from agents.source import Cursor, Item, Page, Refused, SourceConfig
from schemas.mention import Channel, RawMention

__all__ = ["Feeds", "FeedsConfig"]

_log = logging.getLogger("agents")

_END: Final = re.compile(rb"</\s*([\w.-]+:)?(rss|feed|rdf)\s*>", re.IGNORECASE)
_LOOK_UP_EVERY: Final = 86_400  # seconds between two looks at which feeds a site has
_PAGE: Final = 20  # entries per page: each may need an article to be fetched first


_URL = Annotated[str, Field(pattern="^https?://")]


class FeedsConfig(SourceConfig):
    """Keys of a ``[[sources]]`` table with ``type = "feeds"``."""

    type: Literal["feeds"]
    urls: tuple[_URL, ...] = ()
    """The feeds."""
    sites: tuple[_URL, ...] = ()
    """Addresses of sites, whose feeds are looked up once a day."""
    channel: Channel = "news"
    language_hint: str | None = None
    """The language of feeds that do not say (BCP 47)."""
    full_text: Literal["auto", "always", "never"] = "auto"
    """Fetch the article: where the feed has a teaser, always, never."""
    remember: Annotated[int, Field(ge=100, le=10_000)] = 4_000
    """How many entries to know again; should exceed what all feeds hold at a time."""
    http: HttpConfig = HttpConfig()

    @model_validator(mode="after")
    def _asks_for_something(self) -> "FeedsConfig":
        if not self.urls and not self.sites:
            msg = "neither urls nor sites: there is nothing to read"
            raise ValueError(msg)
        return self


class Feeds:
    """Some feeds, asked one after the other; the failure of one does not hold up the others."""

    def __init__(self, config: FeedsConfig) -> None:
        self.config = config
        self._http = Http(config.http)
        self._owed = False  # whether the feed being read has articles that are to be tried again
        self._busy: set[str] = set()  # feeds that a busy host was in the way of, last time

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read new and changed entries of all feeds.

        Raises:
            SourceError: at the end, when some feeds could not be read.
        """
        cursor = cursor or {}
        failures: list[SourceError] = []
        sites = self._look_up(cursor.get("sites", {}), failures)
        urls = [*self.config.urls, *(url for found in sites.values() for url in found["feeds"])]
        # Feeds that are no longer configured are forgotten.
        state = {url: dict(cursor.get("feeds", {}).get(url, {})) for url in urls}
        seen: dict[str, list[Any]] = dict(cursor.get("seen", {}))
        # There is room where it was busy now, and it would be gone after the others.
        busy, self._busy = self._busy, set()
        for url in sorted(state, key=lambda url: url not in busy):
            about = state[url]
            if (wait := about.get("not_before", 0) - time.time()) > 0:
                msg = f"{url}: it was asked to wait another {wait:.0f} s"
                failures.append(RateLimited(msg, wait))
                continue
            try:
                for page in self._feed(url, about, state, seen):
                    yield self._with(page, sites)
            except SourceError as error:
                if isinstance(error, RateLimited) and error.seconds:
                    about["not_before"] = time.time() + error.seconds
                failures.append(error)
                if isinstance(error, Busy):
                    self._busy.add(url)
        yield self._with(Page([], _cursor(state, seen)), sites)
        places = max(len(self.config.urls) + len(self.config.sites), len(urls))
        if failures:
            raise failed(failures, places, "feeds", self.config.every)

    def _look_up(
        self, before: Mapping[str, dict[str, Any]], failures: list[SourceError]
    ) -> dict[str, dict[str, Any]]:
        """The feeds of sites, as known or looked up anew."""
        found = {}
        for site in self.config.sites:
            known = before.get(site, {"feeds": [], "at": 0})
            if time.time() - known["at"] > _LOOK_UP_EVERY:
                try:
                    known = {"feeds": feeds_of(self._http, site), "at": int(time.time())}
                except SourceError as error:
                    # What was found before is still read.
                    failures.append(error)
            found[site] = known
        return found

    @staticmethod
    def _with(page: Page, sites: Mapping[str, Any]) -> Page:
        """The page, its cursor with what is known of sites."""
        return structs.replace(page, cursor={**page.cursor, "sites": sites}) if sites else page

    def _feed(
        self,
        url: str,
        about: dict[str, Any],
        state: Mapping[str, dict[str, Any]],
        seen: dict[str, list[Any]],
    ) -> Iterator[Page]:
        fetched = self._http.get(
            url,
            etag=about.get("etag"),
            last_modified=about.get("modified"),
            accept="application/atom+xml,application/rss+xml,application/xml;q=0.9,*/*;q=0.5",
        )
        if fetched is None:
            return
        parsed = _parse(fetched)
        language = parsed.feed.get("language") or self.config.language_hint
        gap = _gap(parsed.entries, about, seen)
        now = int(time.time() * 1000)
        self._owed = False
        busy: list[Busy] = []
        items: list[Item] = []
        unchanged = 0
        # Feeds have the newest entry first.
        newest = about.get("newest") or 0
        # One that ends early holds half an entry, which would be taken for an edit next time.
        early = _ends_early(parsed, fetched.body)
        whole = parsed.entries[:-1] if early else parsed.entries
        for item in self._items(reversed(whole), url, language, seen, busy):
            if item is None:
                unchanged += 1
            else:
                items.append(item)
            if isinstance(item, RawMention):
                newest = max(newest, min(milliseconds(item.published_at), now))
            if len(items) >= _PAGE:
                yield Page(items, _cursor(state, seen), unchanged)
                items, unchanged = [], 0
        while len(seen) > self.config.remember:
            del seen[next(iter(seen))]
        if busy:
            # What was read is published; what was not stays unknown, and the feed is read again.
            yield Page(items, _cursor(state, seen), unchanged, gap)
            raise busy[0]
        # Only now, so that a feed whose reading was broken off is read again. A feed that is not
        # well-formed may have been cut short, and one may lack articles: read whole next time too.
        about.clear()
        if not parsed.bozo and not self._owed:
            about |= {"etag": fetched.etag, "modified": fetched.last_modified}
        about |= {"read": True, "newest": newest or None}
        yield Page(items, _cursor(state, seen), unchanged, gap)
        if early:
            msg = f"{url}: the feed ends early; its last entries may be missing"
            raise Unreadable(msg)

    def _items(
        self,
        entries: Iterator[Mapping[str, Any]],
        url: str,
        language: str | None,
        seen: dict[str, list[Any]],
        busy: list[Busy],
    ) -> Iterator[Item | None]:
        """What entries become, see ``_item``; those whose article waits for its turn are noted."""
        for entry in entries:
            try:
                yield self._item(entry, url, language, seen)
            except Busy as error:
                busy.append(error)

    def _item(
        self, raw: Mapping[str, Any], url: str, language: str | None, seen: dict[str, list[Any]]
    ) -> Item | None:
        """The mention of an entry; None when it is known and as it was.

        Raises:
            Busy: its article is read when there is room; what is known stays so.
        """
        try:
            entry = read(raw, url, language)
            id_ = identify("feeds", entry.native)
            key = digest(id_)[:16]
            known = seen.pop(key, None)
            same = known if known and known[0] == entry.fingerprint else None
            wanted = self._wants_article(entry)
            if same and not (same[3:] and wanted):
                seen[key] = same
                return None
            fields = self._timed(entry, known)
            owed: list[int] = []
            if wanted:
                try:
                    text, owed = self._article(entry, same[3] if same else 0)
                except Busy:
                    if known:
                        seen[key] = known
                    raise
                if same and text is None:
                    seen[key] = [*same[:3], *owed]
                    return None
                fields["text"] = text or fields["text"]
            mention = make(
                {**fields, "id": id_, "channel": self.config.channel},
                self.config,
                feed=url,
                estimated=entry.published is None and entry.updated is None,
            )
        except (ValueError, msgspec.ValidationError) as error:
            value = json.dumps(raw, default=str).encode()
            key = str(raw.get("id") or raw.get("link") or url)
            return self._refused(key, value, error, seen)
        published = milliseconds(mention.published_at)
        seen[key] = [entry.fingerprint, mention.revision, published, *owed]
        return mention

    @staticmethod
    def _refused(
        key: str, value: bytes, error: Exception, seen: dict[str, list[Any]]
    ) -> Refused | None:
        """A dead letter, once for as long as the entry stays as it is."""
        mark = digest("refused", key)[:16]
        fingerprint = digest(value.decode())[:12]
        again = seen.pop(mark, None)
        seen[mark] = [fingerprint, 0, 0]
        if again and again[0] == fingerprint:
            return None
        return Refused(f"feeds:{key}", value, type(error).__name__, f"{key}: {error}")

    @staticmethod
    def _timed(entry: Entry, known: list[Any] | None) -> dict[str, Any]:
        """The entry's fields with its times, which depend on what was known of it."""
        now = datetime.now(UTC)
        published = entry.published or entry.updated or now
        updated = entry.updated or published
        fields = {**entry.fields, "published_at": published, "collected_at": now}
        revision = milliseconds(updated)
        edited = updated if updated > published else None
        if known is not None:
            _, before, first, *_ = known
            fields["published_at"] = datetime.fromtimestamp(first / 1000, UTC)
            if revision <= before:
                revision = max(milliseconds(now), before + 1)
                edited = now
        return {**fields, "edited_at": edited, "revision": revision}

    def _wants_article(self, entry: Entry) -> bool:
        if self.config.full_text == "never" or entry.link is None:
            return False
        return self.config.full_text == "always" or entry.teaser

    def _article(self, entry: Entry, tries: int) -> tuple[str | None, list[int]]:
        """The text of the page that the entry links to, if it can be read and says more.

        And, where that cannot be known now, how often it was tried.

        Raises:
            Busy: it is read when there is room.
        """
        try:
            text = article(self._http, str(entry.link))
        except Busy:
            raise
        except SourceError as error:
            _log.debug("%s", error)
            tries += not isinstance(error, RateLimited)
            self._owed |= tries < TRIES
            return None, [tries] if tries < TRIES else []
        return text if text and len(text) > len(entry.fields["text"]) else None, []


def _cursor(state: Mapping[str, dict[str, Any]], seen: Mapping[str, list[Any]]) -> Cursor:
    """A copy: what is read next must not change a page that is on its way."""
    return {"feeds": {url: dict(about) for url, about in state.items()}, "seen": dict(seen)}


def _gap(
    entries: Sequence[Mapping[str, Any]], about: Mapping[str, Any], seen: Mapping[str, list[Any]]
) -> tuple[int, int] | None:
    """Where entries may have come and gone: from the newest known to the oldest that is there."""
    newest = about.get("newest")
    if newest is None:
        return None
    times = []
    for raw in entries:
        try:
            entry = read(raw, "", None)
        except ValueError:
            continue
        if digest(identify("feeds", entry.native))[:16] in seen:
            return None
        if moment := entry.published or entry.updated:
            times.append(milliseconds(moment))
    return (newest, min(times)) if times and newest < min(times) else None


def _ends_early(parsed: Any, body: bytes) -> bool:  # noqa: ANN401 - feedparser has no types
    """Whether a feed is not well-formed because its end is missing."""
    return bool(parsed.bozo) and not _END.search(body)


def _parse(fetched: Fetched) -> Any:  # noqa: ANN401 - feedparser has no types
    headers = {"content-location": fetched.url}
    if kind := fetched.headers.get("content-type"):
        headers["content-type"] = kind
    parsed = feedparser.parse(fetched.body, response_headers=headers)
    if not parsed.get("version") and not parsed.entries:
        reason = parsed.get("bozo_exception", "it is something else")
        msg = f"{fetched.url}: not a feed: {reason}"
        raise Unreadable(msg)
    return parsed
