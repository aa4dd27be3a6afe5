"""A public channel as t.me shows it."""

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import pytest

from agents.errors import SourceError, Unreadable
from agents.testing import (
    Answer,
    DeletionContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    Request,
    Said,
    VolumeContract,
    deletions,
    drain,
    drain_until_failure,
    mentions,
)


class Preview(Platform):
    """https://t.me/s/<channel>, November 2026."""

    kind = "telegram"
    most = 20

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.extra: dict[int, str] = {}

    def table(self) -> dict[str, Any]:
        return {"type": "telegram", "channels": ["nordwind"], "site": self.web.url}

    def is_listing(self, request: Request) -> bool:
        # A look-up asks for the page that ends with a post, which looks the same.
        return request.where == "/s/nordwind" and "recheck" not in self.options

    def answer(self, request: Request) -> Answer | None:
        if request.where != "/s/nordwind":
            return None
        before = int(request.query.get("before", 1 << 40))
        found = [said for said in self.there if said.number < before][: self.page]
        body = "".join(self.message(said) for said in reversed(found))
        info = "<div class='tgme_channel_info'>Nordwind</div>"
        page = f"<html><body>{info}<section>{body}</section></body></html>"
        return Answer(page.encode(), headers={"Content-Type": "text/html; charset=utf-8"})

    def unseen(self, request: Request) -> Answer | None:
        return super().unseen(request) if "before" in request.query else self.answer(request)

    def newest(self, request: Request) -> int:
        return int(request.query.get("before", self.past + 1)) - 1

    def message(self, said: Said) -> str:
        time = "" if said.bad else f"<time datetime='{said.at.isoformat()}'>12:00</time>"
        return (
            f"<div class='tgme_widget_message js-x' data-post='nordwind/{said.number}'>"
            "<a class='tgme_widget_message_owner_name' href='#'><span>Nordwind</span></a>"
            f"{self.extra.get(said.number, '')}"
            f"<div class='tgme_widget_message_text js-message_text'>{escape(said.text)}</div>"
            "<div class='tgme_widget_message_footer'>"
            "<span class='tgme_widget_message_views'>1.2K</span>"
            f"<a class='tgme_widget_message_date' href='#'>{time}</a></div></div>"
        )


@pytest.fixture
def preview() -> Iterator[Preview]:
    with Loopback() as web:
        yield Preview(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, preview: Preview) -> dict[str, Any]:
        return preview.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 10_000

    @pytest.fixture
    def described(self, preview: Preview) -> dict[str, Any]:
        return preview.reach_back(self.number).described()


class TestTelegram(EditContract, DeletionContract):
    @pytest.fixture
    def outside(self, preview: Preview) -> Platform:
        return preview


def test_a_post_with_all_it_has(preview: Preview) -> None:
    preview.add(["Zuvor", "Schön & gut"])
    preview.extra[2] = (
        "<a class='tgme_widget_message_reply' href='https://t.me/nordwind/1'>"
        "<div class='tgme_widget_message_text js-message_reply_text'>Zuvor</div></a>"
        "<a class='tgme_widget_message_photo_wrap' "
        "style=\"width:80px;background-image:url('https://cdn.example/a.jpg')\"></a>"
    )
    by_text = {mention.text: mention for mention in mentions(drain(preview))}
    mention = by_text["Schön & gut"]
    assert mention.id == "telegram:nordwind/2"
    assert mention.url == f"{preview.web.url}/nordwind/2"
    assert mention.thread is not None
    assert (mention.thread.kind, mention.thread.parent_id) == ("reply", "telegram:nordwind/1")
    assert mention.media[0].url == "https://cdn.example/a.jpg"
    assert mention.engagement is not None
    assert mention.engagement.views == 1_200


def test_a_channel_without_a_preview_is_an_error(preview: Preview) -> None:
    preview.web.handler = lambda request: (
        None if request.where == "/robots.txt" else Answer(b"<html>Telegram</html>")
    )
    with pytest.raises(Unreadable, match="switched it off"):
        drain(preview)


def test_of_a_channel_that_closes_nothing_is_deleted_and_of_others_what_is(
    preview: Preview,
) -> None:
    preview.add(["eins", "zwei"])
    preview.options["channels"] = ["nordwind", "suedwind"]
    closed = False

    def two(request: Request) -> Answer | None:
        if closed and request.where == "/s/suedwind":
            return Answer(b"<html>Telegram</html>")
        page = preview.answer(replace(request, path=request.path.replace("suedwind", "nordwind")))
        if page is None or request.where != "/s/suedwind":
            return page
        return replace(page, body=page.body.replace(b"'nordwind/", b"'suedwind/"))

    preview.web.handler = two
    cursor = drain(preview)[-1].cursor
    preview.remove("zwei")
    closed = True
    pages, error = drain_until_failure(preview, cursor)
    assert isinstance(error, Unreadable)
    assert [gone.id for gone in deletions(pages)] == ["telegram:nordwind/2"]
    closed = False
    after = deletions(drain(preview, pages[-1].cursor))
    assert [gone.id for gone in after] == ["telegram:suedwind/2"]


def test_robots_txt_is_obeyed(preview: Preview) -> None:
    preview.web.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /s/")
    with pytest.raises(SourceError, match=r"robots\.txt"):
        drain(preview)
