"""News of the whole world by words, from GDELT's index: ``type = "gdelt"``.

Reads the DOC 2.0 API (api.gdeltproject.org/api/v2/doc/doc, mode ``artlist``, shapes of November
2026): no key, one request in five seconds, the last three months. It names articles with title,
time seen and language; the text is fetched from the article itself, if robots.txt lets us, else the
title stands for it. An answer that is not JSON says in words what is wrong with the query.

GDELT shows neither edits nor deletion. ``published_at`` is when GDELT saw the article, which is
marked as estimated.

Id: ``gdelt:<address of the article>``. Position in a listing: a moment.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from agents.articles import Articles
from agents.errors import Unreadable
from agents.listed import ListedConfig, Listing, Post, rows, table

__all__ = ["Gdelt", "GdeltConfig"]

_SHOWS: Final = 90.0  # days
_PAGE: Final = 250  # the most that an answer gives
_TIME: Final = "%Y%m%d%H%M%S"
_LANGUAGES: Final = {
    "German": "de", "English": "en", "French": "fr", "Italian": "it", "Spanish": "es",
    "Portuguese": "pt", "Dutch": "nl", "Polish": "pl", "Czech": "cs", "Danish": "da",
    "Swedish": "sv", "Turkish": "tr",
}  # fmt: skip


class GdeltConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "gdelt"``."""

    type: Literal["gdelt"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    overlap: Annotated[float, Field(ge=0, le=604_800)] = 3_600.0
    """As everywhere; for so long articles are tried again that could not be read."""
    queries: Annotated[tuple[Annotated[str, Field(min_length=3)], ...], Field(min_length=1)]
    """In GDELT's language: ``"Nordwind Energie" sourcelang:german``."""
    full_text: bool = True
    """Fetch the articles."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://api.gdeltproject.org/api/v2/doc/doc"
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Articles in one answer."""


class Gdelt(Articles):
    """Searches in GDELT's index."""

    kind = "gdelt"
    channel = "news"
    batch = 0
    config: GdeltConfig
    per_second: ClassVar[float] = 0.2
    """Most questions to the API, whatever the ``http`` table says."""

    def __init__(self, config: GdeltConfig) -> None:
        super().__init__(config)
        self.http.at_most(config.api, self.per_second)

    def queries(self) -> Sequence[str]:
        """The searches."""
        return self.config.queries

    def reach(self, query: str) -> float:  # noqa: ARG002 - the base's signature
        """What the API shows."""
        return _SHOWS

    def whole(self, query: str, at: Any, since: datetime) -> tuple[Any, Listing]:  # noqa: ANN401
        """Articles up to a moment, the newest first."""
        now = datetime.now(UTC)
        before = at or now.strftime(_TIME)
        params = {
            "query": query,
            "mode": "artlist",
            "format": "json",
            "sort": "datedesc",
            "maxrecords": self.config.page,
            "startdatetime": max(since, now - timedelta(days=_SHOWS)).strftime(_TIME),
            "enddatetime": before,
        }
        fetched = self.ask(self.config.api, params)
        if not fetched.body.lstrip().startswith(b"{"):
            said = fetched.body[:200].decode(errors="replace").strip()
            msg = f"GDELT {query!r}: {said or 'nothing'}"
            raise Unreadable(msg)
        answer = table(fetched)
        # An empty object stands for no article.
        articles = rows(answer, "articles") if answer else []
        if len(articles) < self.config.page:
            return before, Listing(articles)
        last = _seen(articles[-1])
        stuck = at is not None and last.strftime(_TIME) >= at
        older = last - timedelta(seconds=1) if stuck else last
        return before, Listing(articles, older.strftime(_TIME), cut=stuck)

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """An article."""
        title = " ".join(row["title"].split())
        if not title:
            msg = "an article without a title"
            raise ValueError(msg)
        picture = row.get("socialimage")
        country = row.get("sourcecountry")
        return Post(
            native=row["url"],
            published=_seen(row),
            estimated=True,
            fields={
                "title": title,
                "text": title,
                "url": row["url"],
                "language_hint": _LANGUAGES.get(row.get("language", "")),
                "place": {"name": country} if country else None,
                "media": [{"url": picture, "kind": "image"}] if picture else [],
            },
        )

    def wants_text(self) -> bool:
        """As configured."""
        return self.config.full_text


def _seen(row: Any) -> datetime:  # noqa: ANN401 - as it came
    return datetime.strptime(row["seendate"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
