"""Reviews of one's own places on Google Maps: ``type = "businessprofile"``.

Reads the Google My Business API v4 (developers.google.com/my-business/reference/rest/v4,
``accounts.locations.reviews.list`` and ``.get``, November 2026), which is where Google keeps the
reviews of a Business Profile; google-auth logs in, and since the API is in none of Google's client
libraries, ``agents.http`` asks. Reviews of others' places have no such API.

Reviews come with the last changed first, whenever they were written: an edit is a newer revision.
The owner's answer is a reply to the review; one that is given later is found when the review is
looked at again. What ``get`` no longer knows is deleted, if it knows others of the place. Stars
without words are left out and counted. Of a text that Google has translated the original is taken.

Id: ``businessprofile:<location>/<review id>``, of an answer with ``/reply`` behind it. Position in
a listing: the API's token; when that has expired, reading begins anew.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from agents.errors import Denied, Expired
from agents.google import TOKENS, Account
from agents.listed import Listed, ListedConfig, Listing, Post, marked, moment, rows, table
from agents.lookups import GONE, each
from agents.mention import identify
from agents.secret import Secret

__all__ = ["BusinessProfile", "BusinessProfileConfig"]

_PAGE: Final = 50  # the most that Google gives
_SCOPES: Final = ("https://www.googleapis.com/auth/business.manage",)
_STARS: Final = {"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5}
_REPLY: Final = "/reply"
_TRANSLATED: Final = "(Translated by Google)"
_ORIGINAL: Final = "(Original)"


class BusinessProfileConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "businessprofile"``."""

    type: Literal["businessprofile"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 1_800.0
    locations: Annotated[
        tuple[Annotated[str, Field(pattern=r"^accounts/\d+/locations/\d+$")], ...],
        Field(min_length=1),
    ]
    """``accounts/<number>/locations/<number>``, as the Business Profile APIs list them."""
    answers: bool = True
    """Also what the owner answered."""
    account: Secret
    """JSON of who manages the places: "authorized_user" (console.cloud.google.com, an OAuth client;
    ``gcloud auth application-default login`` writes it), for a project whose access to the Business
    Profile APIs Google has approved."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://mybusiness.googleapis.com"
    tokens: Annotated[str, Field(pattern="^https?://")] = TOKENS
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Reviews in one answer."""


class BusinessProfile(Listed):
    """Reviews of some places."""

    kind = "businessprofile"
    channel = "review"
    batch = 20
    config: BusinessProfileConfig

    def __init__(self, config: BusinessProfileConfig) -> None:
        self._account = Account(config.account, _SCOPES)
        super().__init__(config)

    def queries(self) -> Sequence[str]:
        """The places."""
        return self.config.locations

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """Reviews and answers to them, those that were changed last first."""
        params: dict[str, Any] = {"pageSize": self.config.page, "orderBy": "updateTime desc"}
        if at is not None:
            params["pageToken"] = at
        answer = self._ask(f"{query}/reviews", params)
        # Where there is no review, there is no list.
        found = rows(answer, "reviews") if "reviews" in answer else []
        said = [review for review in found if _says(review)]
        without = len(found) - len(said)
        return Listing(
            [row for review in said for row in self._rows(query, review)],
            answer.get("nextPageToken"),
            filtered={"no text": without} if without else {},
        )

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Reviews, one request each, with the answers to them.

        One that is answered 404 is gone where another one of the place is shown; so it looks to who
        lost the right to see the place. An answer is gone that its review is shown without.
        """
        return each(keys, self._by)

    def place(self, key: str) -> str:
        """The place on the map."""
        return key.partition("/reviews/")[0]

    def _by(self, key: str) -> dict[str, Any]:
        name = key.removesuffix(_REPLY)
        review = self._ask(name, {})
        # Who takes back the words and leaves the stars has taken back the review.
        said = self._rows(self.place(name), review) if _says(review) else ()
        return {key: GONE} | {name + _REPLY if "_reply" in row else name: row for row in said}

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A review or the answer to it."""
        native = f"{row['_location'].rpartition('/')[2]}/{row['reviewId']}"
        root = identify(self.kind, native)
        changed = moment(row["updateTime"])
        if (reply := row.get("_reply")) is not None:
            return Post(
                native=native + _REPLY,
                key=_key(row),
                published=moment(reply["updateTime"]),
                listed=changed,  # it stands in the listing where its review does
                fields={
                    "text": _original(reply["comment"]),
                    "site": "google.com",
                    "author": {"kind": "organisation", "id": row["_location"]},
                    "thread": {"kind": "reply", "root_id": root, "parent_id": root},
                },
            )
        written, said_by = moment(row["createTime"]), row.get("reviewer") or {}
        named = said_by.get("displayName") and not said_by.get("isAnonymous")
        return Post(
            native=native,
            key=_key(row),
            published=written,
            listed=changed,
            edited=changed if changed > written else None,
            fields={
                "text": _original(row["comment"]),
                "site": "google.com",
                "author": {"name": said_by["displayName"]} if named else None,
                "rating": {"value": _STARS[row["starRating"]], "best": 5, "worst": 1},
                "thread": {"kind": "post", "root_id": root},
                "engagement": {"replies": 1 if row.get("reviewReply") else 0},
                "tags": [f"place {row['_location'].rpartition('/')[2]}"],
            },
        )

    def _rows(self, location: str, review: Any) -> list[Any]:  # noqa: ANN401 - as Google sends it
        """A review after the answer to it."""
        about = marked(review, _location=location)
        reply = review.get("reviewReply") if isinstance(review, Mapping) else None
        said = self.config.answers and reply and _says(reply)
        return [marked(about, _reply=reply), about] if said else [about]

    def _ask(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        url = f"{self.config.api.rstrip('/')}/v4/{path}"
        headers = self._account.header(self.http, self.config.tokens)
        resumed = "pageToken" in params
        try:
            fetched = self.ask(url, params, headers, (HTTPStatus.BAD_REQUEST,) if resumed else ())
        except Denied:
            self._account.refused()
            raise
        if fetched.status == HTTPStatus.BAD_REQUEST:
            msg = f"{url}: the position is no longer known: {fetched.body[:200]!r}"
            raise Expired(msg)
        return table(fetched)


def _says(said: Any) -> bool:  # noqa: ANN401 - as Google sends it
    """Whether there are words in it; what is no object is refused later."""
    return not isinstance(said, Mapping) or bool(said.get("comment"))


def _key(row: Mapping[str, Any]) -> str:
    """The path that it is looked up by; of an answer that of its review, marked."""
    path = f"{row['_location']}/reviews/{row['reviewId']}"
    return path + _REPLY if row.get("_reply") is not None else path


def _original(text: str) -> str:
    """What was written, where Google has put a translation before or behind it."""
    if _ORIGINAL in text and text.lstrip().startswith(_TRANSLATED):
        return text.partition(_ORIGINAL)[2].strip()
    return text.partition(_TRANSLATED)[0].strip() or text.strip()
