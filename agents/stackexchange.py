"""Stack Exchange, questions by words or tags, answers, comments: ``type = "stackexchange"``.

Reads the API 2.3 (api.stackexchange.com/docs, November 2026): ``/search/advanced`` and
``/questions/{ids}``, with a filter by which a question comes with its answers and all comments
(``/filters/create``, once for a process; the API gives the same filter for the same wish). 300
requests a day and address, 10,000 with a key. ``backoff`` holds for a method and a key,
``quota_remaining`` for the key, "too many requests from this IP" for all.

Questions come with the last active first: a new answer or an edit, however old the question, brings
it up. A comment does not: one that is written later is found when the question is looked at again,
within ``recheck_for``. Answers and comments elsewhere are not listed by words.

Edits come with ``last_edit_date``, of comments without a date; what is no longer there is deleted.

Id: ``stackexchange:<site>/<id of question or answer>``, ``<site>/comment/<id>`` for comments.
Position in a listing: seconds since 1970.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from agents.bridge import faults
from agents.errors import Missing, RateLimited, SourceError
from agents.http import Fetched
from agents.listed import (
    Listed,
    ListedConfig,
    Listing,
    Post,
    instant,
    marked,
    moment,
    rows,
    table,
)
from agents.lookups import GONE, each
from agents.mention import identify
from agents.secret import Secret
from agents.text import to_text
from agents.waits import Scope

__all__ = ["StackExchange", "StackExchangeConfig"]

_PAGE: Final = 100
_INCLUDED: Final = (
    "question.body;question.answers;question.comments;answer.body;answer.link;answer.comments;"
    "comment.body;comment.link"
)
_filters: Final[dict[str, str]] = {}  # by the address of the API
_filters_lock: Final = threading.Lock()
_IDS: Final = re.compile(r"(?<=/)[\d;]+(?=/|$)")
_THROTTLED: Final = 502  # Stack Exchange's own number, not HTTP's


class StackExchangeConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "stackexchange"``."""

    type: Literal["stackexchange"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    site: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] = "stackoverflow"
    """As in the API: ``stackoverflow``, ``german``, ``diy``."""
    searches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    answers: bool = True
    """Also answers, and comments on questions and answers."""
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

    def __init__(self, config: StackExchangeConfig) -> None:
        super().__init__(config)
        self._halfway: dict[str, tuple[int, list[Any]]] = {}

    def queries(self) -> Sequence[str]:
        """Searches, and tags in brackets."""
        return [*self.config.searches, *(f"[{tag}]" for tag in self.config.tags)]

    def endpoint(self, path: str) -> str:
        """A method, whatever it is asked for."""
        return _IDS.sub("{ids}", path)

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Questions that were active up to a moment, the last active first, with all below them."""
        asked = {"tagged": query[1:-1]} if query.startswith("[") else {"q": query}
        params: dict[str, Any] = {
            **asked,
            "sort": "activity",
            "order": "desc",
            "min": int(since.timestamp()),
            "pagesize": self.config.page,
        }
        if at is not None:
            params["max"] = at
        answer = self._ask("/search/advanced", params)
        with faults("Stack Exchange"):
            items = rows(answer, "items")
            found = self._all(items)
            if not answer.get("has_more") or not items:
                return Listing(found)
            # The last active first; a row that cannot be understood is no reason to stop.
            last = min(
                int(item["last_activity_date"])
                for item in items
                if isinstance(item, Mapping) and "last_activity_date" in item
            )
        stuck = at is not None and last >= at
        return Listing(found, last - 1 if stuck else last, cut=stuck)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Questions with all below them; of answers and comments those they are on.

        A question that is left out is gone where another is shown, and what is below one when that
        is shown without it.
        """
        numbers = dict.fromkeys(key.rpartition("@")[2] for key in keys)
        params = {"pagesize": _PAGE}
        found = rows(self._ask(f"/questions/{';'.join(numbers)}", params), "items")
        questions = {str(row["question_id"]): row for row in found if _is_question(row)}
        below: dict[str, list[Any]] = {}

        def with_all(key: str) -> dict[str, Any]:
            number = key.rpartition("@")[2]
            if number not in questions:
                if len(questions) < len(found):
                    return {key: None}  # It may be the one that cannot be understood.
                raise Missing(key)
            if number not in below:
                with faults("Stack Exchange"):
                    below[number] = self._below(questions[number])
            return {key: GONE} | _by_key(below[number], key)

        looked_up = each(keys, with_all)
        self._halfway.clear()
        return looked_up

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A question, an answer or a comment."""
        root = self._id(row["_question"])
        edited = instant(row.get("last_edit_date"))
        published = moment(row["creation_date"])
        score = row.get("score")
        about: dict[str, Any] = {
            "text": to_text(row["body"]),
            "url": row.get("link"),
            "author": _author(row.get("owner") or {}),
            "engagement": {
                "likes": score if isinstance(score, int) and score >= 0 else None,
                "replies": row.get("answer_count"),
                "views": row.get("view_count"),
            },
        }
        if "comment_id" in row:
            native = f"{self.config.site}/comment/{row['comment_id']}"
            about["thread"] = {
                "kind": "reply",
                "root_id": root,
                "parent_id": self._id(row["post_id"]),
            }
        elif "answer_id" in row:
            native = f"{self.config.site}/{row['answer_id']}"
            about["thread"] = {"kind": "reply", "root_id": root, "parent_id": root}
        else:
            native = f"{self.config.site}/{row['question_id']}"
            about |= {
                "title": unescape(row["title"]),
                "thread": {"kind": "post", "root_id": root},
                "tags": row.get("tags") or [],
            }
        return Post(
            native=native,
            key=_key(row),
            published=published,
            listed=moment(row["_active"]),
            edited=edited,
            fields=about,
        )

    def _id(self, number: Any) -> str:  # noqa: ANN401 - as the API sends it
        return identify(self.kind, f"{self.config.site}/{number}")

    def _all(self, questions: Sequence[Any]) -> list[Any]:
        """Questions, each after all that is below it."""
        found = [row for question in questions for row in self._below(question)]
        self._halfway.clear()
        return found

    def _below(self, question: Any) -> list[Any]:  # noqa: ANN401 - as the API sends it
        """A question after all that is below it, which listings have at the question's place."""
        if not _is_question(question):
            return [question]
        found: list[Any] = list(question.get("comments") or ())
        for answer in self._answers(question):
            below = answer.get("comments") if isinstance(answer, Mapping) else None
            found += [*(below or ()), answer]
        number, active = question["question_id"], question.get("last_activity_date")
        return [marked(row, _question=number, _active=active) for row in (*found, question)]

    def _answers(self, question: Mapping[str, Any]) -> list[Any]:
        """All of them; asked for by themselves, where not all came with the question.

        A ``backoff`` ends the poll; the next one goes on behind the pages that were read.
        """
        found: list[Any] = list(question.get("answers") or ())
        count = question.get("answer_count", 0)
        if not self.config.answers or len(found) >= count:
            return found
        number = question["question_id"]
        # As it was when they were read: with a new answer they are read anew.
        state = f"{number} {count} {question.get('last_activity_date')}"
        page, found = self._halfway.get(state, (1, []))
        while page:
            params = {"pagesize": _PAGE, "page": page, "sort": "creation", "order": "desc"}
            answer = self._ask(f"/questions/{number}/answers", params)
            found = [*found, *rows(answer, "items")]
            page = page + 1 if answer.get("has_more") else 0
            self._halfway[state] = page, found
        return found

    def _ask(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        filter_ = self._filter() if self.config.answers else "withbody"
        return self._send(path, {**params, "site": self.config.site, "filter": filter_})

    def _filter(self) -> str:
        with _filters_lock:
            known = _filters.get(self.config.api)
            if known is None:
                wish = {"base": "default", "include": _INCLUDED, "unsafe": "false"}
                with faults("Stack Exchange"):
                    known = str(self._send("/filters/create", wish)["items"][0]["filter"])
                _filters[self.config.api] = known
            return known

    def _send(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        url = self.config.api + path
        given = dict(params)
        if self.config.key:
            given["key"] = self.config.key.get_secret_value()
        fetched = self.ask(url, given, refusals=(400,))
        answer = table(fetched)
        if fetched.status != 200:  # noqa: PLR2004 - HTTP's own number
            error = _refusal(url, fetched, answer)
            if isinstance(error, RateLimited):
                self.http.leave(url, error.seconds or 0, Scope.HOST)
            raise error
        if backoff := answer.get("backoff"):
            self.http.leave(url, float(backoff), Scope.ENDPOINT)
        if answer.get("quota_remaining") == 0:
            self.http.leave(url, _until_midnight())
        return answer


def _is_question(row: Any) -> bool:  # noqa: ANN401 - as the API sends it
    return isinstance(row, Mapping) and "question_id" in row


def _by_key(below: Sequence[Any], key: str) -> dict[str, Any]:
    """Rows by their keys; None for this one, where one of them may be it."""
    found: dict[str, Any] = {}
    for row in below:
        try:
            found[_key(row)] = row
        except (LookupError, TypeError):
            found.setdefault(key, None)
    return found


def _key(row: Mapping[str, Any]) -> str:
    """Its question's id, of what is below one with its own before it."""
    for mark, name in (("c", "comment_id"), ("a", "answer_id")):
        if name in row:
            return f"{mark}{row[name]}@{row['_question']}"
    return str(row["question_id"])


def _author(owner: Mapping[str, Any]) -> dict[str, Any] | None:
    if not owner.get("display_name"):
        return None
    return {
        "id": str(owner["user_id"]) if "user_id" in owner else None,
        "name": unescape(owner["display_name"]),
        "url": owner.get("link"),
    }


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
