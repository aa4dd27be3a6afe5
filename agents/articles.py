"""The text of articles that a feed, a sitemap or an index only names."""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import trafilatura

from agents.errors import Busy, RateLimited, SourceError, Withheld
from agents.http import Http
from agents.known import State
from agents.listed import Listed, Listing, Post
from agents.source import Cursor, Item, Page

__all__ = ["TRIES", "Articles", "article"]

TRIES: Final = 20
"""How often an article is asked for that cannot be read now; waits do not count."""
_PIECE: Final = 20  # articles a page: each is fetched before the page is published
_OWED: Final = "?"  # behind the fingerprint, once for each time that it could not be read

_log = logging.getLogger("agents")


def article(http: Http, url: str) -> str | None:
    """The text of an article; None where it has none, or its site does not show it to us.

    Raises:
        SourceError: it cannot be read now.
    """
    try:
        page = http.page(url)
    except Withheld as error:
        _log.debug("%s", error)
        return None
    return trafilatura.extract(page.body, url=page.url, include_comments=False)


class Articles(Listed):
    """A listing of articles, which is published while their texts are read.

    A subclass says with ``whole`` what one answer holds. An article that cannot be read now is
    published with its title, and again with its text once that can be had. One whose host is busy
    waits for its turn there.
    """

    _left: dict[str, tuple[Any, Listing]]
    """Of this poll: what is still to publish of an answer, and where that begins."""
    _owed: bool
    _owing: bool
    """Whether any of this poll's articles could not be read."""

    def whole(self, query: str, at: Any, since: datetime) -> tuple[Any, Listing]:  # noqa: ANN401
        """One answer, and the position at which it is asked for again; raises as ``listing``."""
        raise NotImplementedError

    def wants_text(self) -> bool:
        """Whether articles are to be fetched."""
        raise NotImplementedError

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read what is new; raises as the base."""
        self._left, self._owing = {}, False
        yield from super().poll(cursor)

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """A piece of an answer; whoever goes on in another process asks for all of it again."""
        kept = query in self._left
        here, answer = self._left.pop(query) if kept else self.whole(query, at, since)
        if len(answer.rows) <= _PIECE:
            return answer
        rest = Listing(answer.rows[_PIECE:], answer.more, answer.cut)
        self._left[query] = (here, rest)
        return Listing(answer.rows[:_PIECE], here, filtered=answer.filtered)

    def more(self, post: Post) -> dict[str, Any]:
        """The text of the article, where it can be had.

        Raises:
            Busy: it is read when there is room.
        """
        if not self.wants_text():
            return {}
        try:
            text = article(self.http, post.fields["url"])
        except Busy:
            self._owing = True
            raise
        except SourceError as error:
            _log.debug("%s", error)
            self._owed = self._owing = True
            self._counts = not isinstance(error, RateLimited)
            return {}
        return {"text": text} if text else {}

    def _item(self, post: Post, query: str, state: State) -> Item | None:
        """As the base; what has no text yet is known by a fingerprint that is not its own."""
        key = post.key or post.native
        before = state.seen.get(key)
        self._owed = self._counts = False
        item = super()._item(post, query, state)
        if not self._owed:
            return item
        known = state.seen[key]
        print_, _, tried = (before.fingerprint if before else "").partition(_OWED)
        again = print_ == known.fingerprint
        tries = (len(_OWED + tried) if again else 0) + self._counts
        if tries < TRIES:
            known.fingerprint += _OWED * max(tries, 1)
        if before is None or not again:
            return item
        before.fingerprint = known.fingerprint
        state.seen[key] = before  # It was published without a text, and still has none.
        return None
