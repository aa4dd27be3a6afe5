"""Meta's Graph API as far as pages and Instagram accounts have it in common.

Version 26.0 (developers.facebook.com/docs/graph-api, November 2026): pages of listings, comments of
many posts in one answer (field expansion), up to 50 look-ups in one request (batch), what
its error codes mean, and its rate headers. ``X-App-Usage`` and ``X-Business-Use-Case-Usage`` count
in per cent of what is granted: at 95 a source asks nothing for as long as they say, else for ten
minutes; so it does after the codes 4, 17, 32, 613 and 80000 to 80014. That is a matter of
the token and the platform, not of the host: its sources with the same token rest, others go on.

Meta's own library (facebook-business) is made for advertising: its objects do not know these rules,
and its errors print the token. What is left of it is a request, which ``agents.http`` makes.

A position in a listing is what tells the address of the next page from this one's.
"""

import hashlib
import hmac
import json
import logging
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec
from pydantic import Field

from agents.bridge import faults
from agents.errors import Denied, Expired, Missing, RateLimited, SourceError, Unreadable
from agents.http import Fetched
from agents.listed import Listed, ListedConfig, Listing, moment, rows, table
from agents.secret import Secret
from agents.waits import Scope

__all__ = ["VERSION", "Graph", "GraphConfig", "next_page"]

_log = logging.getLogger("agents")

VERSION: Final = "v26.0"
_POSITION: Final = ("after", "until", "__paging_token", "offset")
_FULL: Final = 95  # per cent of what is granted
_COOL: Final = 600.0  # seconds, where the API does not say when it is granted anew
_LIMITS: Final = frozenset({4, 17, 32, 613, *range(80_000, 80_015)})
_DENIED: Final = frozenset({10, 102, 190, *range(200, 300)})
_INVALID: Final = 100
_GONE: Final = 33  # a sub-code: not there, or not for us
_ALIAS: Final = 803
_SHOWN: Final = 200  # characters of what the API says


class GraphConfig(ListedConfig):
    """Keys that the tables of sources on the Graph API have."""

    every: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    comments: bool = True
    """Also comments on one's own posts."""
    comments_for: Annotated[float, Field(gt=0, le=365)] = 14.0
    """Days that a post is asked for new comments."""
    app_secret: Secret | None = None
    """Where the app demands proof of it (App settings > Advanced > Require app secret)."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://graph.facebook.com"


class Graph(Listed):
    """Posts and comments; a subclass says which."""

    channel = "social"
    batch = 40  # of the 50 that are taken; the others ask what we are shown at all
    config: GraphConfig
    said_at: ClassVar[str]
    """The field that says when something was published."""

    def __init__(self, config: GraphConfig, token: Secret) -> None:
        super().__init__(config)
        self._token = token.get_secret_value()
        self._proof: dict[str, str] = {}
        if config.app_secret:
            secret = config.app_secret.get_secret_value().encode()
            made = hmac.new(secret, self._token.encode(), hashlib.sha256)
            self._proof = {"appsecret_proof": made.hexdigest()}

    @abstractmethod
    def fields(self, key: str) -> str:
        """What to ask for to look up the post or comment of this key."""

    @abstractmethod
    def canaries(self) -> Sequence[str]:
        """Paths, ten at most, that are answered for as long as we may see what we look up."""

    @abstractmethod
    def shown(self, key: str, row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """The row of a key, and of what has come to it since, by their keys."""

    @abstractmethod
    def flat(self, post: Mapping[str, Any], comments: Sequence[Any]) -> list[Any]:
        """Rows of a post's comments and their replies, each comment after its replies."""

    def endpoint(self, path: str) -> str:  # noqa: ARG002 - the base's signature
        """Facebook's and Instagram's limits are counted apart."""
        return self.kind

    def part(self, path: str, params: Mapping[str, Any], at: Mapping[str, Any] | None) -> Listing:
        """A page of a listing."""
        answer = self._ask(path, {**params, **(at or {})}, resumed=bool(at))
        return Listing(rows(answer, "data"), next_page(answer))

    def comments(
        self,
        posts: tuple[str, Mapping[str, Any]],
        params: Mapping[str, Any],
        at: Mapping[str, Any] | None,
        since: datetime,
    ) -> Listing:
        """Comments on the posts of the last days, post by post; the newest of each first.

        Args:
            posts: path and parameters of the listing of posts, whose field ``comments`` they are.
            params: what to ask of the comments of one post.
            at: where it goes on: ``left``, what has more comments (post, path and position of
                each), and ``posts``, the next page of posts.
            since: older comments are not wanted.
        """
        with faults("Graph API comments"):
            return self._comments(posts, params, at, since)

    def _comments(
        self,
        posts: tuple[str, Mapping[str, Any]],
        params: Mapping[str, Any],
        at: Mapping[str, Any] | None,
        since: datetime,
    ) -> Listing:
        path, asked = posts
        left = list(at["left"]) if at else []
        if left:
            post, edge, position = left.pop(0)
            found, more = self._edge(post, edge, {**params, **position}, since)
            following = at["posts"] if at else None
            left = more + left
        else:
            oldest = min(datetime.now(UTC) - timedelta(days=self.config.comments_for), since)
            asked = {**asked, "since": int(oldest.timestamp())}
            answer = self.part(path, asked, at and at["posts"])
            found, following = [], answer.more
            for row in answer.rows:
                try:
                    post = {"id": row["id"], "permalink": row.get("permalink")}
                    page = row.get("comments") or {"data": []}
                    new, more = self._new(post, f"{row['id']}/comments", page, since)
                except (LookupError, TypeError, AttributeError):
                    found.append(row)  # to be refused
                    continue
                found += new
                left += more
            if answer.rows and self._at(answer.rows[-1]) < oldest:
                following = None
        return Listing(found, {"left": left, "posts": following} if left or following else None)

    def place(self, key: str) -> str:
        """Posts and comments: a token may have the right to see only one of them."""
        return "comments" if "@" in key else "posts"

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Posts or comments, in one request.

        The API says of one that it is not there, or not for us; it is gone where another of its
        sort is shown, and the canaries are answered.
        """
        asked = [f"{key.partition('@')[0]}?fields={quote(self.fields(key))}" for key in keys]
        asked += self.canaries()
        batch = [{"method": "GET", "relative_url": url} for url in asked]
        fetched = self._send("POST", "", {"batch": json.dumps(batch), "include_headers": "false"})
        if fetched.status != HTTPStatus.OK:
            self._said("look-up", table(fetched))
        parts = _parts(fetched, len(batch))
        # Without the right to see them everything looks deleted.
        for part in parts[len(keys) :]:
            self._said("look-up", _answered(part))
        found: dict[str, Any] = {}
        for key, part in zip(keys, parts, strict=False):
            try:
                with faults("Graph API look-up"):
                    found.update(self.shown(key, self._said("look-up", _answered(part))))
            except RateLimited:
                raise
            except Missing:
                continue
            except SourceError as error:
                # Of this one the API will not speak; the others must not wait for it.
                _log.debug("%s: %s: %s", self.config.name, key, error)
                found.setdefault(key, None)
        return found

    def unread(self, post: Mapping[str, Any], comments: Sequence[Any]) -> list[Any]:  # noqa: ARG002
        """Replies that do not come with their comments: of each its post, path and position."""
        return []

    def _edge(
        self, post: Mapping[str, Any], edge: str, params: Mapping[str, Any], since: datetime
    ) -> tuple[list[Any], list[Any]]:
        try:
            answer = self._ask(edge, params, resumed=True)
        except Missing:
            return [], []  # deleted meanwhile, and what was said below it too
        return self._new(post, edge, answer, since)

    def _new(
        self, post: Mapping[str, Any], edge: str, page: Mapping[str, Any], since: datetime
    ) -> tuple[list[Any], list[Any]]:
        """The comments on a page that are not older than ``since``, and where there are more."""
        there = rows(page, "data")
        found = [row for row in self.flat(post, there) if self._at(row) >= since]
        more = self.unread(post, there)
        position = next_page(page)
        # Comments have the newest first, replies the oldest.
        if position and there and (edge.endswith("/replies") or self._at(there[-1]) >= since):
            more.insert(0, [post, edge, position])
        return found, more

    def _at(self, row: Mapping[str, Any]) -> datetime:
        """When it was published; what does not say so is not left out silently."""
        try:
            return moment(row[self.said_at])
        except (LookupError, TypeError, ValueError):
            return datetime.now(UTC)

    def _ask(self, path: str, params: Mapping[str, Any], *, resumed: bool) -> dict[str, Any]:
        answer = self._send("GET", path, params)
        return self._said(path, table(answer), resumed=resumed)

    def _send(self, method: str, path: str, params: Mapping[str, Any]) -> Fetched:
        url = f"{self.config.api.rstrip('/')}/{VERSION}/{path}"
        sent = urlencode({**params, **self._proof})
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if method == "GET":
            fetched = self.http.exchange("GET", f"{url}?{sent}", headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            fetched = self.http.exchange(method, url, headers=headers, body=sent)
        if seconds := _used_up(fetched.headers):
            self.http.leave(self.config.api, seconds, Scope.ENDPOINT)
        return fetched

    def _said(self, path: str, answer: dict[str, Any], *, resumed: bool = False) -> dict[str, Any]:
        """The answer, where it is no error.

        Raises:
            SourceError: what the error stands for.
        """
        error = answer.get("error")
        if not isinstance(error, Mapping):
            return answer
        code, detail = error.get("code"), error.get("error_subcode")
        where = f"Graph API {path}: {code}"
        # It may quote the token, where it finds it odd.
        said = str(error.get("message", "")).replace(self._token, "…")[:_SHOWN]
        if code in _LIMITS:
            wait = self.http.resting(self.config.api) or _COOL
            self.http.leave(self.config.api, wait, Scope.ENDPOINT)
            msg = f"{where}: too much was asked; it asks to wait {wait:.0f} s"
            raise RateLimited(msg, wait)
        if code in _DENIED:
            msg = f"{where}: the token is wrong, has expired, or is not for this"
            raise Denied(msg)
        if code == _ALIAS or (code == _INVALID and detail == _GONE):
            msg = f"{where}: {said}"
            raise Missing(msg)
        if code == _INVALID and resumed:
            msg = f"{where}: the position is no longer known"
            raise Expired(msg)
        msg = f"{where}: {said}"
        raise SourceError(msg)


def next_page(answer: Mapping[str, Any]) -> dict[str, str] | None:
    """Where the next page begins; None where there is none.

    Raises:
        Unreadable: there is one, and nothing says where.
    """
    address = (answer.get("paging") or {}).get("next")
    if not address:
        return None
    given = parse_qs(urlsplit(str(address)).query)
    position: dict[str, str] = {name: given[name][0] for name in _POSITION if name in given}
    if not position:
        msg = "Graph API: a next page without a position that is known here"
        raise Unreadable(msg)
    return position


def _parts(fetched: Fetched, count: int) -> list[dict[str, Any] | None]:
    """The answers in the answer to a batch; None for what was not answered in time.

    Raises:
        Unreadable: it is not as documented.
    """
    try:
        found = msgspec.json.decode(fetched.body, type=list[dict[str, Any] | None])
        parts = [part and msgspec.json.decode(part["body"], type=dict[str, Any]) for part in found]
    except (msgspec.MsgspecError, LookupError, TypeError, UnicodeDecodeError) as error:
        msg = f"Graph API look-up: not the JSON that is documented: {error}"
        raise Unreadable(msg) from error
    if len(parts) != count:
        msg = f"Graph API look-up: {len(parts)} answers to {count} questions"
        raise Unreadable(msg)
    return parts


def _answered(part: dict[str, Any] | None) -> dict[str, Any]:
    """A part of the answer to a batch.

    Raises:
        SourceError: it was not answered.
    """
    if part is None:
        msg = "Graph API look-up: some of it was not answered in time"
        raise SourceError(msg)
    return part


def _used_up(headers: Mapping[str, str]) -> float | None:
    """Seconds to ask nothing, where the headers say that what is granted is all but used."""
    uses: list[Mapping[str, Any]] = []
    try:
        uses.append(json.loads(headers.get("x-app-usage", "{}")))
        business = json.loads(headers.get("x-business-use-case-usage", "{}"))
        uses += [use for list_ in business.values() for use in list_]
        minutes = max(float(use.get("estimated_time_to_regain_access", 0)) for use in uses)
        share = max(
            float(use.get(name, 0))
            for use in uses
            for name in ("call_count", "total_time", "total_cputime")
        )
    except (ValueError, AttributeError, TypeError):
        return None  # Headers are advice; without it the error codes still count.
    if minutes:
        return minutes * 60
    return _COOL if share >= _FULL else None
