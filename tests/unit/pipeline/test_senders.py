"""How a message reaches a channel; how a webhook knows that it is ours, and a double."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.errors import ConfigError, Retryable
from pipeline.senders import Message, NotTaken, Unfit, sender, words
from tests.support.desk import Desk
from tests.support.news import alert, channel, story


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with Desk() as made:
        monkeypatch.setenv("DESK_URL", made.url)
        monkeypatch.setenv("DESK_KEY", "hush")
        yield made


def message(*news: Any) -> Message:
    return Message.of("desk", news or (alert(),))


def test_a_webhook_can_check_who_sent_what(desk: Desk) -> None:
    send = sender(channel(secret="env:DESK_KEY"))  # noqa: S106 - its name
    send(message(alert("1"), alert("2")))
    ((headers, content),) = desk.got
    expected = hmac.new(
        b"hush", headers["x-mentions-timestamp"].encode() + b"." + content, hashlib.sha256
    ).hexdigest()
    assert headers["x-mentions-signature"] == f"sha256={expected}"
    assert [one["id"] for one in json.loads(content)["alerts"]] == ["spike:Bahn:1", "spike:Bahn:2"]
    assert headers["idempotency-key"] == message(alert("1"), alert("2")).id


def test_a_key_is_made_of_what_is_sent_and_to_whom() -> None:
    same = [message(alert(), story()).id for _ in range(2)]
    others = [
        message(alert()).id,
        message(alert(), story(count=2)).id,
        Message.of("other", (alert(), story())).id,
    ]
    assert len({*same, *others}) == 4


def test_a_message_says_what_it_tells() -> None:
    made = message(story(), alert(severity="critical"))
    assert made.news() == [alert(severity="critical"), story()]
    assert Message.of("desk", made.news()) == made


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        (500, Retryable),
        (503, Retryable),
        (429, Retryable),
        (409, Retryable),
        (301, Retryable),
        (404, NotTaken),
        (401, NotTaken),
        (400, Unfit),
        (413, Unfit),
        (422, Unfit),
    ],
)
def test_what_an_answer_means_for_the_message(
    desk: Desk, status: int, meant: type[Exception]
) -> None:
    desk.status = status
    with pytest.raises(Retryable, match=str(status)) as refused:
        sender(channel())(message())
    assert type(refused.value) is meant
    assert desk.url not in str(refused.value)


def test_a_cut_connection_leaves_open_whether_it_was_taken(desk: Desk) -> None:
    desk.cut = True
    with pytest.raises(Retryable) as cut:
        sender(channel())(message())
    assert not isinstance(cut.value, NotTaken)
    assert desk.url not in str(cut.value)
    assert len(desk.got) == 1


def test_who_cannot_be_reached_has_taken_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Desk() as gone:
        monkeypatch.setenv("DESK_URL", gone.url)
    with pytest.raises(NotTaken, match="ConnectError"):
        sender(channel())(message())


def test_people_read_a_title_and_a_line_each() -> None:
    title, text = words([alert("1", severity="critical"), alert("2")])
    assert title == "critical: Spike: Bahn and 1 more"
    assert text.count("9 mentions") == 2
    title, text = words([story(kind="escalated", severity="critical"), alert(rule="term")], "de")
    assert title == "dringend: Eskaliert: Bahn und 1 weitere"
    assert "UTC Warnung Neues Wort Bahn: " in text
    assert words([alert(rule="of a newer version")])[0] == "warning: of a newer version: Bahn"


def test_people_read_what_it_is_and_how_much() -> None:
    title, text = words([story(why="3 mentions for press"), alert()])
    assert title == "warning: New work: Bahn and 1 more"
    assert "3 mentions for press" in text


def test_apprise_is_asked_for_everything_else(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.setenv("DESK_URL", desk.url.replace("http://", "json://"))
    sender(channel())(message())
    sender(channel())(Message(message().id, message().content, again=True))
    titles = [json.loads(content)["title"] for _, content in desk.got]
    assert titles == ["warning: Spike: Bahn", "warning: Spike: Bahn (perhaps told before)"]
    # Its no may come of a lost answer, or of one recipient among several.
    desk.status = 404
    with pytest.raises(Retryable) as refused:
        sender(channel())(message())
    assert not isinstance(refused.value, NotTaken)


@pytest.mark.parametrize("url", ["", "nonsense"])
def test_an_address_that_is_none_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DESK_URL", url)
    with pytest.raises(ConfigError, match="channel 'desk'") as refused:
        sender(channel())
    assert "nonsense" not in str(refused.value)
