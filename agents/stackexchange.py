"""Stack Exchange, questions by words or tags: ``type = "stackexchange"``.

Reads the API 2.3 (api.stackexchange.com/docs, November 2026): ``/search/advanced`` and
``/questions/{ids}``. 300 requests a day and address, 10,000 with a key; ``backoff`` and
``quota_remaining`` in the answers are obeyed. Answers and comments are not listed by words.

Edits come with ``last_edit_date``; a question that is no longer there is deleted.

Id: ``stackexchange:<site>/<question id>``. Position in a listing: seconds since 1970.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from agents.errors import RateLimited, SourceError
from agents.http import Fetched
from agents.listed import Listed, ListedConfig, Listing, Post, instant, moment, rows, table
from agents.mention import identify
from agents.secret import Secret
from agents.text import to_text

__all__ = ["StackExchange", "StackExchangeConfig"]

_PAGE: Final = 100
_THROTTLED: Final = 502  # Stack Exchange's own number, not HTTP's


class StackExchangeConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "stackexchange"``."""

    type: Literal["stackexchange"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    site: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] = "stackoverflow"
    """As in the API: ``stackoverflow``, ``german``, ``diy``."""
    searches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    key: Secret | None = None
    """stackapps.com/apps/oauth/register; lifts 300 requests a day to 10,000."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://api.stackexchange.com/2.3"
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Questions in one answer."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> "StackExchangeConfig":
        if not self.searches and not self.tags:
            msg = "neither searches nor tags: there is nothing to read"
            raise ValueError(msg)
        return self


class StackExchange(Listed):
    """Questions on one site."""

    kind = "stackexchange"
    channel = "forum"
    batch = 100  # the most ids at once
    config: StackExchangeConfig

    def queries(self) -> Sequence[str]:
        """Searches, and tags in brackets."""
        return [*self.config.searches, *(f"[{tag}]" for tag in self.config.tags)]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Questions up to a moment, the newest first."""
        asked = {"tagged": query[1:-1]} if query.startswith("[") else {"q": query}
        params: dict[str, Any] = {
            **asked,
            "sort": "creation",
            "order": "desc",
            "fromdate": int(since.timestamp()),
            "pagesize": self.config.page,
        }
        if at is not None:
            params["todate"] = at
        answer = self._ask("/search/advanced", params)
        items = rows(answer, "items")
        if not answer.get("has_more") or not items:
            return Listing(items)
        last = int(items[-1]["creation_date"])
        stuck = at is not None and last >= at
        return Listing(items, last - 1 if stuck else last, cut=stuck)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Questions by their ids."""
        params = {"pagesize": _PAGE}
        found = rows(self._ask(f"/questions/{';'.join(keys)}", params), "items")
        return {str(item["question_id"]): item for item in found}

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A question."""
        number = str(row["question_id"])
        native = f"{self.config.site}/{number}"
        owner = row.get("owner") or {}
        score = row.get("score")
        return Post(
            native=native,
            key=number,
            published=moment(row["creation_date"]),
            edited=instant(row.get("last_edit_date")),
            fields={
                "text": to_text(row["body"]),
                "title": unescape(row["title"]),
                "url": row["link"],
                "author": {
                    "id": str(owner["user_id"]) if "user_id" in owner else None,
                    "name": unescape(owner["display_name"]),
                    "url": owner.get("link"),
                }
                if owner.get("display_name")
                else None,
                "thread": {"kind": "post", "root_id": identify(self.kind, native)},
                "engagement": {
                    "likes": score if isinstance(score, int) and score >= 0 else None,
                    "replies": row.get("answer_count"),
                    "views": row.get("view_count"),
                },
                "tags": row.get("tags") or [],
            },
        )

    def _ask(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        url = self.config.api + path
        given = {**params, "site": self.config.site, "filter": "withbody"}
        if self.config.key:
            given["key"] = self.config.key.get_secret_value()
        fetched = self.ask(url, given, refusals=(400,))
        answer = table(fetched)
        if fetched.status != 200:  # noqa: PLR2004 - HTTP's own number
            error = _refusal(url, fetched, answer)
            if isinstance(error, RateLimited):
                self.http.leave(url, error.seconds or 0)
            raise error
        if backoff := answer.get("backoff"):
            self.http.leave(url, float(backoff))
        elif answer.get("quota_remaining") == 0:
            self.http.leave(url, _until_midnight())
        return answer


def _refusal(url: str, fetched: Fetched, answer: Mapping[str, Any]) -> SourceError:
    said = str(answer.get("error_message", ""))
    if answer.get("error_id") == _THROTTLED:
        # "… more requests available in 120 seconds"
        numbers = [int(word) for word in said.split() if word.isdigit()]
        return RateLimited(f"{url}: {said}", float(numbers[-1] if numbers else 60))
    return SourceError(f"{url}: {fetched.status} {answer.get('error_name')}: {said}")


def _until_midnight() -> float:
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - now).total_seconds()
