"""Asking for documents only where they have changed, for sources that read the same ones each poll.

What to ask with is kept in this process: whoever takes a source over reads all of it once.
"""

from collections.abc import Callable, Iterator

from agents.errors import SourceError
from agents.http import Fetched
from agents.source import Cursor, Page

__all__ = ["Conditions"]


class Conditions:
    """What documents were like when all that was in them had been published."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str | None, str | None]] = {}
        self._met: dict[str, tuple[str | None, str | None]] = {}
        self._cursor: Cursor | None = None

    def of(self, url: str) -> tuple[str | None, str | None]:
        """The ETag and the Last-Modified to ask with."""
        return self._kept.get(url, (None, None))

    def note(self, url: str, fetched: Fetched | None) -> None:
        """Remember an answer; None stands for what is unchanged."""
        self._met[url] = self.of(url) if fetched is None else (fetched.etag, fetched.last_modified)

    def over(
        self, cursor: Cursor | None, pages: Iterator[Page], whole: Callable[[], bool] = lambda: True
    ) -> Iterator[Page]:
        """The pages of a poll, after which what was noted meanwhile counts.

        Args:
            cursor: where it begins. Is it another than the last poll's end (a back-fill, or another
                process has read meanwhile), nothing is asked with.
            pages: of the poll; who takes one in asks for the next when it is published.
            whole: whether they had all that is in the documents.
        """
        self._met = {}
        if cursor != self._cursor:
            self._kept = {}
        try:
            for page in pages:
                cursor = page.cursor
                yield page
        except SourceError:
            self._end(cursor, whole())
            raise
        self._end(cursor, whole())

    def _end(self, cursor: Cursor | None, whole: bool) -> None:
        # What was met before, and could not be read whole now, is changed: it is not asked with.
        self._kept = self._met if whole else {}
        self._cursor = cursor
