"""Reviews on any page that marks them up for search engines: ``type = "reviews"``.

Reads schema.org ``Review`` (vocabulary 29, November 2026) as JSON-LD or microdata, through extruct:
by themselves, or in the ``review`` of a product, business, app or book. Pages are read as
robots.txt says. Put in ``pages`` those that show the newest reviews.

A review whose text or rating changes is a newer revision. A page shows some of its reviews only:
what it no longer shows is not gone.

Id: ``reviews:<the review's own address>``, else a hash of the thing reviewed, the author and the
date. ``published_at`` is ``datePublished``, which most pages give as a day; where it is missing,
when the review was first seen, marked as estimated.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import extruct
from pydantic import Field

from agents.conditions import Conditions
from agents.errors import Unreadable
from agents.listed import Listed, ListedConfig, Listing, Post, instant
from agents.mention import digest
from agents.source import Cursor, Page
from agents.text import to_text

__all__ = ["Reviews", "ReviewsConfig"]

_REVIEWS: Final = frozenset({"Review", "UserReview", "CriticReview", "EmployerReview"})
_DEEPEST: Final = 12
_RATING: Final = {"value": "ratingValue", "best": "bestRating", "worst": "worstRating"}


class ReviewsConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "reviews"``."""

    type: Literal["reviews"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 3_600.0
    history: Annotated[float, Field(ge=0, le=36_500)] = 3_650.0
    pages: Annotated[tuple[Annotated[str, Field(pattern="^https?://")], ...], Field(min_length=1)]


class Reviews(Listed):
    """The reviews on some pages."""

    kind = "reviews"
    channel = "review"
    batch = 0
    config: ReviewsConfig

    def __init__(self, config: ReviewsConfig) -> None:
        super().__init__(config)
        self._conditions = Conditions()

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read what is new; raises as the base."""
        yield from self._conditions.over(cursor, super().poll(cursor))

    def queries(self) -> Sequence[str]:
        """The pages."""
        return self.config.pages

    def ordered(self, query: str) -> bool:  # noqa: ARG002 - the base's signature
        """No: what is new may stand anywhere."""
        return False

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """All reviews on a page; none where it is what it was."""
        etag, modified = self._conditions.of(query)
        page = self.http.changed_page(query, etag=etag, last_modified=modified)
        if page is None:
            self._conditions.note(query, None)
            return Listing([])
        if _ends_early(page.body.lower()):
            msg = f"{query}: the page ends early"
            raise Unreadable(msg)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # extruct's parsers warn of pages as they are
                found = extruct.extract(
                    page.body.decode(errors="replace"),
                    base_url=page.url,
                    syntaxes=["json-ld", "microdata"],
                    uniform=True,
                    errors="ignore",
                )
        except (ValueError, LookupError, TypeError) as error:
            msg = f"{query}: {error}"
            raise Unreadable(msg) from error
        items = [item for part in found.values() for item in part]
        if not items:
            msg = f"{query}: no data for search engines on the page"
            raise Unreadable(msg)
        self._conditions.note(query, page)
        return Listing([{**row, "_page": query} for row in _found(items, None, 0)])

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A review."""
        text = to_text(_text(row.get("reviewBody") or row.get("description")))
        title = to_text(_text(row.get("name") or row.get("headline"))) or None
        if not text and not title:
            msg = "a review without words"
            raise ValueError(msg)
        author = _first(row.get("author"))
        name = _text(author.get("name") if isinstance(author, Mapping) else author)
        published = instant(_text(row.get("datePublished")) or None)
        changed = instant(_text(row.get("dateModified")) or None)
        own = _text(row.get("url") or row.get("@id"))
        thing = _text(row.get("_thing")) or row["_page"]
        return Post(
            native=own or digest(thing, name, _text(row.get("datePublished"))),
            published=published or datetime.now(UTC),
            edited=changed if changed and published and changed > published else None,
            estimated=published is None,
            fields={
                "text": text or title,
                "title": title,
                "url": own if own.startswith("http") else row["_page"],
                "author": {"name": name, "url": _text(author.get("url")) or None}
                if isinstance(author, Mapping) and name
                else {"name": name}
                if name
                else None,
                "rating": _rating(_first(row.get("reviewRating"))),
                "language_hint": _text(row.get("inLanguage")) or None,
                "tags": [thing] if thing != row["_page"] else [],
            },
        )


def _ends_early(page: bytes) -> bool:
    """Whether a page was cut, in small letters; ``</html>`` may be left out, says HTML."""
    if b"</html" in page:
        return False
    inside_script = page.rfind(b"<script") > page.rfind(b"</script")
    return inside_script or not page.rstrip().endswith(b">")


def _found(items: Any, thing: str | None, depth: int) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Reviews in nested items, each with the name of what it is about."""
    if depth > _DEEPEST:
        return
    if isinstance(items, list):
        for item in items:
            yield from _found(item, thing, depth + 1)
    elif isinstance(items, Mapping):
        kinds = items.get("@type")
        kinds = {str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])}
        if kinds & _REVIEWS:
            reviewed = _first(items.get("itemReviewed"))
            name = _text(reviewed.get("name")) if isinstance(reviewed, Mapping) else ""
            yield {**items, "_thing": name or thing}
            return
        inner = _text(items.get("name")) or thing
        for value in items.values():
            yield from _found(value, inner, depth + 1)


def _rating(rating: Any) -> dict[str, float] | None:  # noqa: ANN401
    if not isinstance(rating, Mapping) or not _text(rating.get("ratingValue")):
        return None
    return {
        field: float(_text(rating[name]).replace(",", "."))
        for field, name in (
            ("value", "ratingValue"),
            ("best", "bestRating"),
            ("worst", "worstRating"),
        )
        if _text(rating.get(name))
    }


def _first(value: Any) -> Any:  # noqa: ANN401 - one or several, says schema.org
    return value[0] if isinstance(value, list) and value else value


def _text(value: Any) -> str:  # noqa: ANN401
    value = _first(value)
    if isinstance(value, Mapping):
        value = value.get("@value") or value.get("@id") or value.get("name")
    return "" if value is None else str(value).strip()
