"""Google Business Profile as the My Business API v4 answers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from agents.errors import Denied, Missing, SourceConfigError, SourceError, Unreadable
from agents.source import Refused
from agents.testing import (
    Answer,
    DeletionContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    PositionContract,
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

PLACE = "accounts/11/locations/22"
REFRESH = "1//geheim"


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.045123456Z")


class Api(Platform):
    """developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews, Nov. 2026."""

    kind = "businessprofile"
    most = 50
    secret = REFRESH

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.tokens = 0
        self.extra: dict[int, dict[str, Any]] = {}
        self.lost = False
        """Whether the account no longer manages the place."""

    def table(self) -> dict[str, Any]:
        return {
            "type": "businessprofile",
            "locations": [PLACE],
            "account": "env:GOOGLE_ACCOUNT",
            "api": self.web.url,
            "tokens": self.web.url,
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == f"/v4/{PLACE}/reviews" and "orderBy" in request.query

    def answer(self, request: Request) -> Answer | None:
        if request.where == "/token":
            asked = parse_qs(request.body.decode())
            assert asked["grant_type"] == ["refresh_token"]
            assert asked["refresh_token"] == [REFRESH]
            self.tokens += 1
            about = {"token_type": "Bearer", "expires_in": 3_599}
            return Answer.json({"access_token": f"ya29.{self.tokens}", **about})
        assert request.headers["authorization"] == f"Bearer ya29.{self.tokens}"
        if self.lost:
            return self.problem(404, "NOT_FOUND", "Requested entity was not found.")
        reviews = f"/v4/{PLACE}/reviews"
        if request.where == reviews:
            return self.list(request.query)
        id_ = request.where.removeprefix(f"{reviews}/")
        for said in self.there:
            if f"AbF{said.number}" == id_:
                return Answer.json(self.review(said))
        return self.problem(404, "NOT_FOUND", "Requested entity was not found.")

    def list(self, query: dict[str, str]) -> Answer:
        assert query.get("orderBy", "updateTime desc") == "updateTime desc"
        found = sorted(self.there, key=lambda said: said.edited or said.at, reverse=True)
        first, size = int(query.get("pageToken", 0)), int(query["pageSize"])
        left = found[first - self.skipped :]
        page = [self.review(said) for said in left[:size]]
        if not page:
            return Answer.json({})
        more = {"nextPageToken": str(first + size)} if len(left) > size else {}
        totals = {"averageRating": 2.5, "totalReviewCount": len(found)}
        return Answer.json({"reviews": page, **totals, **more})

    def newest(self, request: Request) -> int:
        return self.past - int(request.query.get("pageToken", 0))

    @staticmethod
    def problem(status: int, name: str, message: str) -> Answer:
        error = {"code": status, "message": message, "status": name}
        return Answer.json({"error": error}, status)

    def expired(self) -> Answer:
        return self.problem(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")

    def denied(self) -> Answer:
        return self.problem(403, "PERMISSION_DENIED", "The caller does not have permission.")

    def review(self, said: Said) -> dict[str, Any]:
        found = {
            "name": f"{PLACE}/reviews/AbF{said.number}",
            "reviewId": f"AbF{said.number}",
            "reviewer": {"displayName": "Ada Lovelace", "profilePhotoUrl": "https://x.test/a"},
            "starRating": "TWO",
            "comment": said.text or "?",
            "createTime": iso(said.at),
            "updateTime": iso(said.edited or said.at),
            **self.extra.get(said.number, {}),
        }
        if said.bad:
            del found["starRating"]
        return found

    def reply(self, number: int, text: str) -> None:
        """The owner answers now."""
        said = {"comment": text, "updateTime": iso(datetime.now(UTC))}
        self.extra.setdefault(number, {})["reviewReply"] = said


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    account = {
        "type": "authorized_user",
        "client_id": "listener.apps.googleusercontent.com",
        "client_secret": "GOCSPX-geheim",
        "refresh_token": REFRESH,
    }
    monkeypatch.setenv("GOOGLE_ACCOUNT", json.dumps(account))
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


class TestBusinessProfile(EditContract, DeletionContract, PositionContract, TokenContract):
    @pytest.fixture
    def outside(self, api: Api) -> Platform:
        return api


def test_a_review_and_the_answer_to_it(api: Api) -> None:
    api.add(["Lange gewartet"])
    api.reply(1, "Das tut uns leid.")
    by_id = {mention.id: mention for mention in mentions(drain(api))}
    review, answer = by_id["businessprofile:22/AbF1"], by_id["businessprofile:22/AbF1/reply"]
    assert (review.channel, review.text, review.site) == ("review", "Lange gewartet", "google.com")
    assert review.author is not None
    assert review.author.name == "Ada Lovelace"
    assert review.rating is not None
    assert (review.rating.value, review.rating.best) == (2, 5)
    assert review.engagement is not None
    assert review.engagement.replies == 1
    assert review.tags == ("place 22",)
    assert answer.text == "Das tut uns leid."
    assert answer.author is not None
    assert answer.author.kind == "organisation"
    assert answer.rating is None
    assert answer.thread is not None
    assert (answer.thread.kind, answer.thread.parent_id) == ("reply", review.id)


def test_an_answer_that_comes_later_is_found_and_so_is_its_end(api: Api) -> None:
    api.add(["Lange gewartet"])
    pages = drain(api)
    api.reply(1, "Das tut uns leid.")
    api.options["recheck"] = 0
    after = drain(api, pages[-1].cursor)
    assert [mention.id for mention in mentions(after)] == ["businessprofile:22/AbF1/reply"]
    api.extra.clear()
    last = drain(api, after[-1].cursor)
    assert [gone.id for gone in deletions(last)] == ["businessprofile:22/AbF1/reply"]
    api.options["answers"] = False
    api.reply(1, "Noch einmal.")
    assert items(drain(api, last[-1].cursor)) == []


def test_an_old_review_that_is_changed_is_a_newer_revision_though_it_was_forgotten(
    api: Api,
) -> None:
    api.options |= {"recheck_for": 0, "history": 365}
    api.add(["alt", "neu"])
    old = api.posts[0]
    api.posts[0] = Said(old.number, old.text, api.start - timedelta(days=200))
    pages = drain(api)
    (before,) = [mention for mention in mentions(pages) if mention.text == "alt"]
    cursor = pages[-1].cursor
    cursor["seen"].clear()
    api.edit("alt", "alt, und schlimmer geworden")
    api.options |= {"history": 7}
    changed = {mention.id: mention for mention in mentions(drain(api, cursor))}
    after = changed[before.id]
    assert after.text == "alt, und schlimmer geworden"
    assert after.revision > before.revision
    assert after.published_at == before.published_at


@pytest.mark.parametrize(
    ("shown", "original"),
    [
        ("Sehr gut", "Sehr gut"),
        ("Sehr gut\n\n(Translated by Google)\nVery good", "Sehr gut"),
        ("(Translated by Google) Very good\n\n(Original)\nSehr gut", "Sehr gut"),
    ],
)
def test_the_original_is_taken_where_google_has_translated(
    api: Api, shown: str, original: str
) -> None:
    api.add([shown])
    assert [mention.text for mention in mentions(drain(api))] == [original]


def test_stars_without_words_are_left_out_and_counted(api: Api) -> None:
    api.add(["eins", "zwei"])
    api.extra[2] = {"comment": None}
    pages = drain(api)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert {"no text": 1} in [dict(page.filtered) for page in pages]


def test_a_review_whose_words_are_taken_back_is_deleted_with_its_answer(api: Api) -> None:
    api.add(["eins"])
    api.reply(1, "Danke.")
    pages = drain(api)
    api.extra[1]["comment"] = None
    api.options["recheck"] = 0
    gone = {item.id for item in deletions(drain(api, pages[-1].cursor))}
    assert gone == {"businessprofile:22/AbF1", "businessprofile:22/AbF1/reply"}


def test_totals_without_reviews_are_no_reviews(api: Api) -> None:
    api.script.append(Answer.json({"averageRating": 0, "totalReviewCount": 0}))
    assert items(drain(api)) == []
    api.script.append(Answer.json({"reviews": {}}))
    _, error = drain_until_failure(api)
    assert isinstance(error, Unreadable)


def test_a_row_that_is_no_object_is_refused_and_holds_up_nothing(api: Api) -> None:
    api.add(["eins", "zwei"])
    api.extra[1] = {"reviewReply": "odd"}
    reviews = [7, *(api.review(said) for said in api.there)]
    api.script.append(Answer.json({"reviews": reviews}))
    pages = drain(api)
    assert {mention.text for mention in mentions(pages)} == {"eins", "zwei"}
    assert len([item for item in items(pages) if isinstance(item, Refused)]) == 2


def test_an_old_answer_is_read_with_its_review_when_that_comes_up(api: Api) -> None:
    api.options["recheck_for"] = 0
    api.add(["eins", "zwei"])
    cursor = drain(api)[-1].cursor
    api.edit("eins", "neu")
    api.reply(1, "Danke.")
    api.extra[1]["reviewReply"]["updateTime"] = iso(api.start - timedelta(days=1))
    assert {mention.text for mention in mentions(drain(api, cursor))} == {"neu", "Danke."}


def test_a_refusal_of_the_first_page_is_no_lost_position(api: Api) -> None:
    api.script.append(api.expired())
    _, error = drain_until_failure(api)
    assert type(error) is SourceError
    assert len(api.listings()) == 1


def test_a_token_that_is_refused_is_not_asked_with_again(api: Api) -> None:
    api.add(["eins"])
    api.script.append(api.problem(401, "UNAUTHENTICATED", "Request had invalid credentials."))
    with opened(api) as source:
        with pytest.raises(Denied):
            list(source.poll(None))
        list(source.poll(None))
    assert api.tokens == 2


def test_who_wants_no_name_has_none(api: Api) -> None:
    api.add(["eins"])
    api.extra[1] = {"reviewer": {"displayName": "Ein Google-Nutzer", "isAnonymous": True}}
    (mention,) = mentions(drain(api))
    assert mention.author is None


def test_a_place_that_is_no_longer_ours_deletes_nothing(api: Api) -> None:
    api.add(["eins", "zwei"])
    pages = drain(api)
    api.options["recheck"] = 0
    api.lost = True
    after, error = drain_until_failure(api, pages[-1].cursor)
    assert isinstance(error, Missing)
    assert items(after) == []


def test_a_token_is_kept_for_as_long_as_it_is_good(api: Api) -> None:
    api.add(["eins"])
    with opened(api) as source:
        list(source.poll(None))
        list(source.poll(None))
    assert api.tokens == 1


def test_what_was_granted_and_taken_back_is_said_without_showing_it(api: Api) -> None:
    said = {"error": "invalid_grant", "error_description": "Token has been revoked."}
    api.web.answers["/token"] = Answer.json(said, 400)
    with opened(api) as source, pytest.raises(Denied, match="does not take") as error:
        list(source.poll(None))
    assert REFRESH not in str(error.value)


def test_what_is_no_account_is_said_without_showing_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_ACCOUNT", '{"type": "authorized_user", "client_id": "geheim"}')
    with pytest.raises(SourceConfigError, match="not the JSON that Google") as error:
        api.source()
    assert "geheim" not in str(error.value)
