"""Google Play as its Developer API v3 answers."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from agents.errors import Denied, SourceConfigError
from agents.testing import (
    Answer,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    PositionContract,
    Request,
    Said,
    TokenContract,
    VolumeContract,
    drain,
    mentions,
    opened,
)

APP = "com.nordwind.app"
PRIVATE = (
    rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)


class Api(Platform):
    """developers.google.com/android-publisher/api-ref/rest/v3/reviews, November 2026."""

    kind = "playstore"
    reach = 6
    secret = PRIVATE.splitlines()[1]

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.tokens = 0
        self.extra: dict[int, dict[str, Any]] = {}

    def table(self) -> dict[str, Any]:
        return {
            "type": "playstore",
            "apps": [APP],
            "account": "env:PLAY_ACCOUNT",
            "api": self.web.url,
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == f"/androidpublisher/v3/applications/{APP}/reviews"

    def answer(self, request: Request) -> Answer | None:
        if request.where == "/token":
            asked = parse_qs(request.body.decode())
            assert asked["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
            self.tokens += 1
            about = {"token_type": "Bearer", "expires_in": 3_599}
            return Answer.json({"access_token": f"ya29.{self.tokens}", **about})
        if not self.is_listing(request):
            return None
        assert request.headers["authorization"] == f"Bearer ya29.{self.tokens}"
        found = sorted(self.there, key=lambda said: said.edited or said.at, reverse=True)
        first = int(request.query.get("token", 0))
        size = int(request.query["maxResults"])
        found = found[first - self.skipped :]
        page = [self.review(said) for said in found[:size]]
        if not page:
            return Answer.json({})
        more = {"tokenPagination": {"nextPageToken": str(first + size)}}
        return Answer.json({"reviews": page, **(more if len(found) > size else {})})

    def newest(self, request: Request) -> int:
        return self.past - int(request.query.get("token", 0))

    def expired(self) -> Answer:
        error = {"code": 400, "message": "Invalid value", "status": "INVALID_ARGUMENT"}
        return Answer.json({"error": error}, 400)

    def denied(self) -> Answer:
        error = {"code": 401, "message": "Invalid Credentials", "status": "UNAUTHENTICATED"}
        return Answer.json({"error": error}, 401)

    def review(self, said: Said) -> dict[str, Any]:
        at = said.edited or said.at
        comment = {
            "text": None if said.bad else f"\t{said.text}",
            "lastModified": {"seconds": str(int(at.timestamp())), "nanos": 5_000_000},
            "starRating": 2,
            "reviewerLanguage": "de",
            "device": "oriole",
            "androidOsVersion": 35,
            "appVersionCode": 71,
            "appVersionName": "7.1.0",
            "thumbsUpCount": 3,
            "thumbsDownCount": 1,
            **self.extra.get(said.number, {}),
        }
        if said.bad:
            del comment["starRating"]
        answer = {"developerComment": {"text": "Danke!", "lastModified": {"seconds": "1"}}}
        return {
            "reviewId": f"gp:AOq{said.number}",
            "authorName": "Ada",
            "comments": [{"userComment": comment}, answer],
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with Loopback() as web:
        account = {
            "type": "service_account",
            "client_email": "listener@nordwind.iam.gserviceaccount.com",
            "private_key": PRIVATE,
            "token_uri": f"{web.url}/token",
        }
        monkeypatch.setenv("PLAY_ACCOUNT", json.dumps(account))
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


class TestPlayStore(EditContract, PositionContract, TokenContract):
    @pytest.fixture
    def outside(self, api: Api) -> Platform:
        return api


def test_a_review_with_all_it_has(api: Api) -> None:
    api.add(["Die App stürzt ab"])
    api.extra[1] = {"text": "Schade\tDie App stürzt ab"}
    (mention,) = mentions(drain(api))
    assert mention.id == f"playstore:{APP}/gp:AOq1"
    assert (mention.title, mention.text) == ("Schade", "Die App stürzt ab")
    assert mention.url == f"https://play.google.com/store/apps/details?id={APP}&reviewId=gp:AOq1"
    assert mention.channel == "review"
    assert mention.language_hint == "de"
    assert mention.rating is not None
    assert (mention.rating.value, mention.rating.best) == (2, 5)
    assert mention.engagement is not None
    assert mention.engagement.likes == 3
    assert mention.tags == (f"app {APP}", "version 7.1.0")


def test_a_token_is_kept_for_as_long_as_it_is_good(api: Api) -> None:
    api.add(["eins"])
    with opened(api) as source:
        list(source.poll(None))
        list(source.poll(None))
    assert api.tokens == 1


def test_an_account_that_google_does_not_take_is_said_without_its_key(api: Api) -> None:
    refused = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    api.web.answers["/token"] = Answer.json(refused, 400)
    with opened(api) as source, pytest.raises(Denied, match="does not take") as error:
        list(source.poll(None))
    assert PRIVATE.splitlines()[1] not in str(error.value)


def test_what_is_no_key_is_said_without_showing_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAY_ACCOUNT", '{"private_key": "geheim"}')
    with pytest.raises(SourceConfigError, match="not the JSON that Google") as error:
        api.source()
    assert "geheim" not in str(error.value)
