"""Reviews of one's own apps in Google Play: ``type = "playstore"``.

Reads the Google Play Developer API v3 (developers.google.com/android-publisher, ``reviews.list``,
November 2026) through google-api-python-client, with a service account that the Play Console lets
see reviews. This is the official way; reading the shop's pages instead is against Google's terms,
and breaks with every change of them.

The API shows reviews with a text that were written or changed in the last week, those changed last
first; 200 requests an hour and app. A review that its author changes is a newer revision of the
same mention, whose ``published_at`` stays; the API does not tell when it was first written, nor
whether one that it does not show is gone.

Id: ``playstore:<app>/<review id>``. Position in a listing: the API's token; when that has expired,
reading begins anew.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from googleapiclient.discovery import build
from googleapiclient.errors import Error, HttpError
from pydantic import Field

from agents.bridge import HttplibBridge, faults
from agents.errors import Expired, Unreadable
from agents.google import Account
from agents.listed import Listed, ListedConfig, Listing, Post, marked, rows
from agents.secret import Secret

__all__ = ["PlayStore", "PlayStoreConfig"]

_SHOWS: Final = 7.0  # days
_PAGE: Final = 100  # the most that Google gives
_SCOPES: Final = ("https://www.googleapis.com/auth/androidpublisher",)
_SHOP: Final = "https://play.google.com/store/apps/details"


class PlayStoreConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "playstore"``."""

    type: Literal["playstore"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 1_800.0
    history: Annotated[float, Field(ge=0, le=7)] = 7.0
    apps: Annotated[tuple[Annotated[str, Field(pattern=r"^[\w.]+$")], ...], Field(min_length=1)]
    """Package names, as ``id=`` in the app's address."""
    account: Secret
    """The JSON key of a service account: console.cloud.google.com > IAM > Service accounts, then
    Play Console > Users and permissions > Invite, with "View app information"."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://androidpublisher.googleapis.com"
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Reviews in one answer."""


class PlayStore(Listed):
    """Reviews of some apps."""

    kind = "playstore"
    channel = "review"
    batch = 0  # what is changed comes to the top; what is not shown may be there all the same
    config: PlayStoreConfig

    def __init__(self, config: PlayStoreConfig) -> None:
        self._account = Account(config.account, _SCOPES)
        super().__init__(config)
        self._headers: dict[str, str] = {}
        self._client: Any = build(
            "androidpublisher",
            "v3",
            http=HttplibBridge(self.http, self._headers),
            cache_discovery=False,
            static_discovery=True,
            client_options={"api_endpoint": config.api},
        )

    def queries(self) -> Sequence[str]:
        """The apps."""
        return self.config.apps

    def reach(self, query: str) -> float:  # noqa: ARG002 - the base's signature
        """What the API shows."""
        return _SHOWS

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """Reviews, those that were changed last first."""
        self._headers |= self._account.header(self.http)
        asked = {"packageName": query, "maxResults": self.config.page, "token": at}
        with faults(f"Google Play {query}", Error):
            try:
                answer = self._client.reviews().list(**asked).execute(num_retries=0)
            except HttpError as error:
                if at is not None and error.resp.status == 400:  # noqa: PLR2004 - HTTP's number
                    msg = f"Google Play {query}: the position is no longer known"
                    raise Expired(msg) from error
                if error.resp.status == 401:  # noqa: PLR2004 - same
                    self._account.refused()
                raise
        if not isinstance(answer, dict):
            msg = f"Google Play {query}: not a JSON object"
            raise Unreadable(msg)
        # Where there is no review, there is no list.
        found = rows(answer, "reviews") if "reviews" in answer else []
        more = (answer.get("tokenPagination") or {}).get("nextPageToken")
        return Listing([marked(row, _app=query) for row in found], more)

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A review; answers of the developer are its own words and are left out."""
        said = next(part["userComment"] for part in row["comments"] if "userComment" in part)
        title, _, text = str(said["text"]).strip().rpartition("\t")
        if not text and not title:
            msg = "a review without words"
            raise ValueError(msg)
        at = said["lastModified"]
        app, version = row["_app"], said.get("appVersionName")
        seconds = int(at["seconds"]) + at.get("nanos", 0) / 1e9
        return Post(
            native=f"{app}/{row['reviewId']}",
            published=datetime.fromtimestamp(seconds, UTC),
            fields={
                "title": title.strip() or None,
                "text": text.strip() or title.strip(),
                "url": f"{_SHOP}?id={app}&reviewId={row['reviewId']}",
                "author": {"name": row["authorName"]} if row.get("authorName") else None,
                "rating": {"value": said["starRating"], "best": 5, "worst": 1},
                "engagement": {"likes": said.get("thumbsUpCount")},
                "language_hint": said.get("reviewerLanguage"),
                "tags": [tag for tag in (f"app {app}", version and f"version {version}") if tag],
            },
        )
