"""Stack Exchange as its API 2.3 answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from agents import stackexchange
from agents.errors import RateLimited
from agents.source import Page, Refused
from agents.testing import (
    Answer,
    BudgetContract,
    DeletionContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    Request,
    Said,
    TokenContract,
    VolumeContract,
    deletions,
    drain,
    drain_until_failure,
    items,
    mentions,
    opened,
)

KEY = "U4DMV-geheim"


FILTER = "!6WPIomnMOOD*e"


class Api(Platform):
    """api.stackexchange.com/docs: the common wrapper and questions; November 2026."""

    kind = "stackexchange"
    secret = KEY

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.answers: list[dict[str, Any]] = []
        """To the first question."""
        self.comments: list[dict[str, Any]] = []
        """On the first question."""
        self.embedded = 30
        """Most answers that come with a question."""

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
        assert query["key"] == KEY
        if request.where == "/2.3/filters/create":
            assert (query["base"], query["unsafe"]) == ("default", "false")
            assert {"question.answers", "comment.body"} <= set(query["include"].split(";"))
            made = {"filter": FILTER, "filter_type": "safe", "included_fields": []}
            return self.wrapped([made], more=False)
        assert (query["site"], query["filter"]) == ("diy", FILTER)
        size = int(query["pagesize"])
        if request.where == "/2.3/questions/1/answers":
            first = (int(query["page"]) - 1) * size
            page = self.answers[first : first + size]
            return self.wrapped(page, more=len(self.answers) > first + size)
        found = sorted(self.there, key=self.active, reverse=True)
        if request.where.startswith("/2.3/questions/"):
            ids = request.where.rpartition("/")[2].split(";")
            assert len(ids) == len(set(ids)) <= 100
            found = [said for said in found if str(said.number) in ids]
        elif self.is_listing(request):
            assert (query["sort"], query["order"]) == ("activity", "desc")
            assert query.get("tagged") == "heat-pump" or query.get("q") == "Nordwind"
            low, high = int(query["min"]), int(query.get("max", 1 << 40))
            found = [said for said in found if low <= self.active(said) <= high]
        else:
            return None
        return self.wrapped([self.question(s) for s in found[:size]], more=len(found) > size)

    def newest(self, request: Request) -> int:
        return self.until(int(request.query.get("max", 1 << 40)))

    @staticmethod
    def wrapped(items: list[dict[str, Any]], *, more: bool) -> Answer:
        quota = {"quota_max": 10_000, "quota_remaining": 9_000}
        return Answer.json({"items": items, "has_more": more, **quota})

    def active(self, said: Said) -> int:
        """When the question was last active: comments do not count."""
        times = [int((said.edited or said.at).timestamp())]
        if said.number == 1:
            times += [answer["creation_date"] for answer in self.answers]
        return max(times)

    def reply(self, number: int, text: str) -> None:
        """Answer the first question now."""
        self.answers.append(
            {
                "answer_id": number,
                "question_id": 1,
                "body": f"<p>{text}</p>\n",
                "link": f"https://diy.stackexchange.com/a/{number}",
                "creation_date": int(datetime.now(UTC).timestamp()),
                "last_activity_date": int(datetime.now(UTC).timestamp()),
                "score": 1,
                "is_accepted": False,
                "owner": {"user_id": 10, "display_name": "Grace", "user_type": "registered"},
            }
        )

    @staticmethod
    def comment(number: int, post: int, text: str) -> dict[str, Any]:
        """Written now."""
        return {
            "comment_id": number,
            "post_id": post,
            "body": text,
            "link": f"https://diy.stackexchange.com/questions/1/x#comment{number}_{post}",
            "creation_date": int(datetime.now(UTC).timestamp()),
            "score": 0,
            "edited": False,
            "owner": {"display_name": "gone", "user_type": "does_not_exist"},
        }

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

    def question(self, said: Said) -> dict[str, Any]:
        below: dict[str, Any] = {}
        if said.number == 1 and (self.answers or self.comments):
            below = {
                "answers": self.answers[: self.embedded],
                "comments": self.comments,
                "answer_count": len(self.answers),
            }
        edited = {"last_edit_date": int(said.edited.timestamp())} if said.edited else {}
        return {
            "question_id": said.number,
            "title": "Is 50&#176;C enough?",
            "body": None if said.bad else f"<p>{said.text}</p>\n",
            "link": f"https://diy.stackexchange.com/questions/{said.number}/x",
            "creation_date": int(said.at.timestamp()),
            "last_activity_date": self.active(said),
            "score": 4,
            "view_count": 128,
            "answer_count": 0,
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
            **below,
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("STACK_KEY", KEY)
    with Loopback() as web:
        yield Api(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return api.reach_back(self.number).described()


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


def test_answers_and_comments_stand_in_their_thread(api: Api) -> None:
    api.add(["How warm?"])
    api.reply(71, "50 &#176;C.")
    api.comments = [api.comment(5, 1, "Which model?")]
    api.answers[0]["comments"] = [api.comment(6, 71, "Thanks &amp; bye")]
    by_id = {mention.id: mention for mention in mentions(drain(api))}
    root = "stackexchange:diy/1"
    answer, on_answer = by_id["stackexchange:diy/71"], by_id["stackexchange:diy/comment/6"]
    assert len(by_id) == 4
    assert answer.text == "50 °C."
    assert answer.url == "https://diy.stackexchange.com/a/71"
    assert answer.thread is not None
    assert (answer.thread.kind, answer.thread.parent_id) == ("reply", root)
    assert on_answer.text == "Thanks & bye"
    assert on_answer.thread is not None
    assert (on_answer.thread.root_id, on_answer.thread.parent_id) == (root, answer.id)
    asked = by_id["stackexchange:diy/comment/5"]
    assert asked.thread is not None
    assert asked.thread.parent_id == root
    assert asked.author is not None
    assert (asked.author.id, asked.author.name) == (None, "gone")


def test_an_answer_to_an_old_question_brings_it_up(api: Api) -> None:
    api.options |= {"recheck_for": 0}
    api.add(["How warm?"])
    api.posts[0] = replace(api.posts[0], at=datetime.now(UTC) - timedelta(days=300))
    cursor = drain(api)[-1].cursor
    api.reply(71, "50 degrees.")
    after = mentions(drain(api, cursor))
    assert {mention.id for mention in after} == {"stackexchange:diy/1", "stackexchange:diy/71"}


def test_a_comment_that_comes_later_is_found_and_so_is_its_end(api: Api) -> None:
    api.add(["How warm?"])
    pages = drain(api)
    api.comments = [api.comment(5, 1, "Which model?")]
    api.options["recheck"] = 0
    after = drain(api, pages[-1].cursor)
    assert [mention.id for mention in mentions(after)] == ["stackexchange:diy/comment/5"]
    api.comments = [{**api.comments[0], "body": "Which model, please?"}]
    edited = drain(api, after[-1].cursor)
    assert [mention.text for mention in mentions(edited)] == ["Which model, please?"]
    api.comments = []
    last = drain(api, edited[-1].cursor)
    assert [gone.id for gone in deletions(last)] == ["stackexchange:diy/comment/5"]


def test_all_answers_are_read_where_not_all_come_with_the_question(api: Api) -> None:
    api.embedded = 3
    api.add(["How warm?"])
    for number in range(71, 76):
        api.reply(number, f"{number} degrees.")
    found = {mention.id for mention in mentions(drain(api))}
    assert found == {f"stackexchange:diy/{n}" for n in (1, 71, 72, 73, 74, 75)}


def test_a_thread_costs_one_look(api: Api) -> None:
    api.add(["How warm?"])
    api.reply(71, "50 degrees.")
    api.comments = [api.comment(number, 1, f"Nr. {number}") for number in range(200)]
    pages = drain(api)
    api.options["recheck"] = 0
    before = len(api.web.requests)
    with opened(api) as source:
        again = list(source.poll(pages[-1].cursor))
    assert items(again) == []
    asked = [request.where.removeprefix("/2.3/") for request in api.web.requests[before:]]
    assert asked == ["search/advanced", "questions/1"]


@pytest.fixture(autouse=True)
def no_filter_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stackexchange, "_filters", {})


def test_a_filter_is_asked_for_once_in_a_process(api: Api) -> None:
    api.add(["How warm?"])
    drain(api)
    drain(api)
    assert len(api.web.asked("/2.3/filters/create")) == 1


def test_old_answers_that_were_never_seen_are_read_when_the_question_comes_up(api: Api) -> None:
    api.options |= {"recheck_for": 0}
    api.add(["How warm?"])
    api.reply(71, "50 degrees.")
    cursor = drain(api)[-1].cursor
    old = int((datetime.now(UTC) - timedelta(days=300)).timestamp())
    api.reply(72, "Moved here from another question.")
    api.answers[1]["creation_date"] = old
    api.posts[0] = replace(api.posts[0], edited=datetime.now(UTC) + timedelta(seconds=1))
    after = {mention.id: mention for mention in mentions(drain(api, cursor))}
    assert after["stackexchange:diy/72"].collector.backfill


def test_a_row_that_is_no_object_is_refused_and_holds_up_nothing(api: Api) -> None:
    api.add(["How warm?"])
    api.reply(71, "50 degrees.")
    api.comments = ["odd"]  # type: ignore[list-item]

    def with_odd(answer: Answer) -> Answer:
        content = msgspec.json.decode(answer.body)
        content["items"].append(None)
        return replace(answer, body=msgspec.json.encode(content))

    api.script.append(with_odd)
    found = items(pages := drain(api))
    assert {mention.id for mention in mentions(pages)} == {
        "stackexchange:diy/1",
        "stackexchange:diy/71",
    }
    assert len([item for item in found if isinstance(item, Refused)]) == 2
    api.options["recheck"] = 0
    assert items(drain(api, pages[-1].cursor)) == [], "and nothing is taken for gone"


def test_a_rest_among_many_answers_is_gone_on_from(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stackexchange, "_PAGE", 2)
    api.embedded = 1
    api.add(["How warm?"])
    for number in range(71, 76):
        api.reply(number, f"{number} degrees.")
    answered = api.answer

    def answer(request: Request) -> Answer | None:
        said = answered(request)
        return api.none_left(said) if said and request.where.endswith("/answers") else said

    monkeypatch.setattr(api, "answer", answer)
    pages: list[Page] = []
    with opened(api) as source:
        for _ in range(2):
            with pytest.raises(RateLimited):
                pages.extend(source.poll(None))
            api.waited()
        assert not pages or not mentions(pages)
        pages.extend(source.poll(None))
    asked = [request.query["page"] for request in api.web.asked("/2.3/questions/1/answers")]
    assert asked == ["1", "2", "3"], "no page twice"
    assert {m.id for m in mentions(pages)} == {
        f"stackexchange:diy/{n}" for n in (1, *range(71, 76))
    }


def test_questions_alone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.contract.test_stackexchange.FILTER", "withbody")
    api.options["answers"] = False
    api.add(["How warm?"])
    assert [mention.id for mention in mentions(drain(api))] == ["stackexchange:diy/1"]
    assert not api.web.asked("/2.3/filters/create")


def another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_KEY", "anders")
    monkeypatch.setattr("tests.contract.test_stackexchange.KEY", "anders")


def test_a_backoff_holds_for_a_method_and_a_key(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.add(["How warm?"])
    cursor = drain(api)[-1].cursor
    api.options["recheck"] = 0
    api.script.append(api.none_left)
    drain(api, cursor)
    asked = len(api.listings())
    looked = len(api.web.asked("/2.3/questions/1"))
    assert looked == 1, "by another method"
    _, error = drain_until_failure(api, cursor)
    assert isinstance(error, RateLimited)
    assert len(api.listings()) == asked
    another_key(monkeypatch)
    drain(api, cursor)
    assert len(api.listings()) == asked + 1


def test_the_last_request_of_a_key_is_the_last_of_all_methods(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def last(answer: Answer) -> Answer:
        content = msgspec.json.decode(answer.body)
        return replace(answer, body=msgspec.json.encode({**content, "quota_remaining": 0}))

    api.add(["How warm?"])
    cursor = drain(api)[-1].cursor
    api.options["recheck"] = 0
    api.script.append(last)
    drain(api, cursor)
    assert not api.web.asked("/2.3/questions/1")
    another_key(monkeypatch)
    drain(api, cursor)
    assert api.web.asked("/2.3/questions/1")


def test_too_much_from_one_address_makes_all_keys_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add(["How warm?"])
    api.script.append(api.limited())
    drain_until_failure(api)
    asked = len(api.web.requests)
    another_key(monkeypatch)
    _, error = drain_until_failure(api)
    assert isinstance(error, RateLimited)
    assert len(api.web.requests) == asked
