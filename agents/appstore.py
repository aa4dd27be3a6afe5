"""Reviews in Apple's App Store: ``type = "appstore"``.

Reads the customer-reviews feed (itunes.apple.com/<country>/rss/customerreviews, JSON, shapes of
November 2026): no key, the newest 500 reviews of each app and country. When more were written
between two polls, the ledger shows a gap.

A review that its author changes comes to the top again with a new time: a newer revision of the
same mention, whose ``published_at`` stays. The feed does not say that a review is gone.

Id: ``appstore:<review id>``. Position in a listing: the number of a page.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from agents.errors import Unreadable
from agents.listed import Listed, ListedConfig, Listing, Post, moment, table

__all__ = ["AppStore", "AppStoreConfig"]

_PAGES: Final = 10
_COUNTRY = Annotated[str, Field(pattern="^[a-z]{2}$")]


class AppStoreConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "appstore"``."""

    type: Literal["appstore"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 1_800.0
    history: Annotated[float, Field(ge=0, le=36_500)] = 365.0
    apps: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)]
    """The number in the app's address, after ``id``."""
    countries: Annotated[tuple[_COUNTRY, ...], Field(min_length=1)] = ("de", "at", "ch")
    """ISO 3166-1 in lower case; each has reviews of its own."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://itunes.apple.com"


class AppStore(Listed):
    """Reviews of some apps in some countries."""

    kind = "appstore"
    channel = "review"
    batch = 0
    config: AppStoreConfig

    def queries(self) -> Sequence[str]:
        """App and country."""
        return [f"{app} {country}" for app in self.config.apps for country in self.config.countries]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """A page of reviews, the newest first."""
        app, country = query.split()
        page = at or 1
        path = f"/{country}/rss/customerreviews/page={page}/id={app}/sortby=mostrecent/json"
        answer = table(self.ask(self.config.api + path))
        feed = answer.get("feed")
        if not isinstance(feed, dict):
            msg = f"App Store {query}: no feed in the answer"
            raise Unreadable(msg)
        # None where there is no review, an object where there is one.
        entries = feed.get("entry") or []
        entries = entries if isinstance(entries, list) else [entries]
        # Older answers begin with the app itself.
        reviews = [entry for entry in entries if not _is_app(entry)]
        more = page + 1 if reviews and page < _PAGES else None
        return Listing(reviews, more, cut=bool(reviews) and page == _PAGES)

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401 - the base's signature
        """A review."""
        app, country = query.split()
        changed = moment(row["updated"]["label"])
        votes = row.get("im:voteCount", {}).get("label")
        version = row.get("im:version", {}).get("label")
        author = row["author"]
        profile = author.get("uri", {}).get("label")
        return Post(
            native=row["id"]["label"],
            published=changed,
            fields={
                "text": row["content"]["label"].strip() or row["title"]["label"],
                "title": row["title"]["label"],
                "url": f"https://apps.apple.com/{country}/app/id{app}?see-all=reviews",
                "rating": {"value": float(row["im:rating"]["label"]), "best": 5, "worst": 1},
                "author": {
                    "id": profile.rpartition("/id")[2] if profile else None,
                    "name": author["name"]["label"],
                    "url": profile,
                },
                "place": {"country": country.upper()},
                "engagement": {"likes": int(votes)} if votes else None,
                "tags": [tag for tag in (f"app {app}", version and f"version {version}") if tag],
            },
        )


def _is_app(entry: Any) -> bool:  # noqa: ANN401 - whatever came
    return isinstance(entry, dict) and "im:rating" not in entry and "im:name" in entry
