"""Stack Exchange as its API 2.3 answers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agents.testing import (
    Answer,
    BudgetContract,
    DeletionContract,
    EditContract,
    Loopback,
    Platform,
    Request,
    Said,
    TokenContract,
    drain,
    mentions,
)

KEY = "U4DMV-geheim"


class Api(Platform):
    """api.stackexchange.com/docs: the common wrapper and questions; November 2026."""

    kind = "stackexchange"
    secret = KEY

    def table(self) -> dict[str, Any]:
        return {
            "type": "stackexchange",
            "site": "diy",
            "tags": ["heat-pump"],
            "key": "env:STACK_KEY",
            "api": f"{self.web.url}/2.3",
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == "/2.3/search/advanced"

    def answer(self, request: Request) -> Answer | None:
        query = request.query
        assert (query["site"], query["filter"], query["key"]) == ("diy", "withbody", KEY)
        found, size = self.there, int(query["pagesize"])
        if request.where.startswith("/2.3/questions/"):
            ids = request.where.rpartition("/")[2].split(";")
            found = [said for said in found if str(said.number) in ids]
        elif self.is_listing(request):
            assert (query["sort"], query["order"]) == ("creation", "desc")
            assert query.get("tagged") == "heat-pump" or query.get("q") == "Nordwind"
            low, high = int(query["fromdate"]), int(query.get("todate", 1 << 40))
            found = [said for said in found if low <= said.at.timestamp() <= high]
        else:
            return None
        return Answer.json(
            {
                "items": [self.question(said) for said in found[:size]],
                "has_more": len(found) > size,
                "quota_max": 10_000,
                "quota_remaining": 9_000,
            }
        )

    def limited(self) -> Answer:
        said = "too many requests from this IP, more requests available in 120 seconds"
        error = {"error_id": 502, "error_message": said, "error_name": "throttle_violation"}
        return Answer.json(error, 400)

    def none_left(self, answer: Answer) -> Answer:
        content = msgspec.json.decode(answer.body)
        return replace(answer, body=msgspec.json.encode({**content, "backoff": 120}))

    def denied(self) -> Answer:
        error = {"error_id": 403, "error_message": "no", "error_name": "access_denied"}
        return Answer.json(error, 403)

    @staticmethod
    def question(said: Said) -> dict[str, Any]:
        edited = {"last_edit_date": int(said.edited.timestamp())} if said.edited else {}
        return {
            "question_id": said.number,
            "title": "Is 50&#176;C enough?",
            "body": None if said.bad else f"<p>{said.text}</p>\n",
            "link": f"https://diy.stackexchange.com/questions/{said.number}/x",
            "creation_date": int(said.at.timestamp()),
            "last_activity_date": int(said.at.timestamp()),
            "score": 4,
            "view_count": 128,
            "answer_count": 2,
            "is_answered": True,
            "tags": ["heat-pump", "heating"],
            "owner": {
                "user_id": 9,
                "display_name": "Ada &amp; Co",
                "link": "https://diy.stackexchange.com/users/9/ada",
                "reputation": 101,
                "user_type": "registered",
            },
            **edited,
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("STACK_KEY", KEY)
    with Loopback() as web:
        yield Api(web)


class TestStackExchange(EditContract, DeletionContract, BudgetContract, TokenContract):
    @pytest.fixture
    def outside(self, api: Api) -> Platform:
        return api


def test_a_question_with_all_it_has(api: Api) -> None:
    api.options |= {"tags": [], "searches": ["Nordwind"]}
    api.add(["How <b>warm</b>?"])
    (mention,) = mentions(drain(api))
    assert (mention.id, mention.text) == ("stackexchange:diy/1", "How warm?")
    assert mention.title == "Is 50°C enough?"
    assert mention.tags == ("heat-pump", "heating")
    assert mention.author is not None
    assert (mention.author.id, mention.author.name) == ("9", "Ada & Co")
    assert mention.engagement is not None
    assert (mention.engagement.likes, mention.engagement.views) == (4, 128)
