"""The endpoint as its clients see it, over a real socket."""

import threading
from collections.abc import Iterator, Sequence

import httpx
import pytest

from agents.errors import SourceError, Unconfirmed
from agents.push import Push, PushConfig
from agents.source import Deletion, Item
from schemas.mention import TEXT_LIMIT, RawMention, decode_raw, encode

TOKEN = "t0p-secret"  # noqa: S105 - of this test


class Kafka:
    """Keeps what is published; confirms when it is told to."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.away = False
        self.confirms = threading.Event()
        self.confirms.set()
        self.asked = threading.Event()

    def __call__(self, items: Sequence[Item], *, within: float | None = None) -> None:
        self.asked.set()
        assert within is not None, "a client must not wait for ever"
        if self.away or not self.confirms.wait(within):
            msg = "no broker"
            raise Unconfirmed(msg)
        self.items += items

    @property
    def mentions(self) -> list[RawMention]:
        return [item for item in self.items if isinstance(item, RawMention)]


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def push(monkeypatch: pytest.MonkeyPatch, kafka: Kafka) -> Iterator[Push]:
    monkeypatch.setenv("PUSH_TOKEN", TOKEN)
    table = {
        "type": "push",
        "name": "in",
        "token": "env:PUSH_TOKEN",
        "listen": "127.0.0.1:0",
        "channel": "mail",
        "max_bytes": 1_000_000,
        "max_items": 10,
        "confirm_within": 5,
    }
    endpoint = Push(PushConfig.model_validate(table))
    endpoint.start(kafka)
    yield endpoint
    endpoint.close()


@pytest.fixture
def client(push: Push) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{push.port}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        trust_env=False,
    ) as made:
        yield made


def test_one_mention_is_completed_and_published(client: httpx.Client, kafka: Kafka) -> None:
    answer = client.post("/mentions", json={"text": "Hallo", "url": "https://www.example.org/1"})
    assert answer.status_code == 202
    (mention,) = kafka.mentions
    assert answer.json() == {"ids": [mention.id]}
    assert decode_raw(encode(mention)) == mention
    assert mention.id.startswith("push:")
    assert mention.channel == "mail"
    assert mention.site == "example.org"
    assert mention.collector.source == "in"
    assert mention.published_at == mention.collected_at


def test_the_same_again_is_the_same_mention(client: httpx.Client) -> None:
    first = client.post("/mentions", json={"text": "Hallo", "title": "a"})
    second = client.post("/mentions", json={"title": "a", "text": "Hallo"})
    other = client.post("/mentions", json={"title": "b", "text": "Hallo"})
    assert first.json() == second.json() != other.json()


def test_what_is_given_is_kept(client: httpx.Client, kafka: Kafka) -> None:
    given = {
        "id": "crm:17",
        "text": "Hallo",
        "channel": "forum",
        "published_at": "2026-01-05T09:00:00+01:00",
        "edited_at": "2026-01-05T10:00:00+01:00",
        "author": {"name": "Ada", "followers": 3},
        "unknown": {"to": "us"},
    }
    assert client.post("/mentions", json=[given]).json() == {"ids": ["crm:17"]}
    (mention,) = kafka.mentions
    assert mention.channel == "forum"
    assert mention.published_at.isoformat() == "2026-01-05T08:00:00+00:00"
    assert mention.edited_at is not None
    assert mention.revision == int(mention.edited_at.timestamp() * 1000)
    assert mention.author is not None
    assert mention.author.followers == 3
    assert not mention.collector.published_estimated


def test_too_long_a_text_is_cut_and_marked(client: httpx.Client, kafka: Kafka) -> None:
    assert client.post("/mentions", json={"text": "x" * (TEXT_LIMIT + 1)}).status_code == 202
    assert len(kafka.mentions[0].text) == TEXT_LIMIT
    assert kafka.mentions[0].collector.truncated


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[" * 100_000, 400, None),
        (b"3", 422, "$"),
        (b"[[]]", 422, "$[0]"),
        (b"{}", 422, "$.text"),
        (b'[{"text": "a"}, {"text": 4}]', 422, "$[1].text"),
        (b'{"text": "a", "author": {"followers": -1}}', 422, "$.author.followers"),
        (b'{"text": "a", "tags": ["a", 3]}', 422, "$.tags[1]"),
        (b'{"text": "a", "published_at": "2026-01-05T08:00:00"}', 422, "$.published_at"),
        (b'{"text": "a", "published_at": "gestern"}', 422, "$.published_at"),
        (b'{"text": "a", "id": "has no type"}', 422, "$.id"),
        (b'{"text": "a", "channel": "telegraph"}', 422, "$.channel"),
        (b"[" + b'{"text": "a"},' * 10 + b'{"text": "a"}]', 413, None),
        (b'{"text": "' + b"x" * 1_000_000 + b'"}', 413, None),
    ],
)
def test_a_bad_request_names_the_field_and_publishes_nothing(
    client: httpx.Client, kafka: Kafka, body: bytes, status: int, field: str | None
) -> None:
    answer = client.post("/mentions", content=body)
    assert answer.status_code == status, answer.text
    assert answer.json().get("field") == field
    assert answer.json()["error"]
    assert kafka.items == []


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_without_the_token_nothing_is_read(client: httpx.Client, kafka: Kafka, header: str) -> None:
    for method, path in (("POST", "/mentions"), ("DELETE", "/mentions/push:1")):
        answer = client.request(method, path, headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert kafka.items == []


def test_nothing_is_accepted_before_kafka_confirmed(client: httpx.Client, kafka: Kafka) -> None:
    kafka.confirms.clear()
    answers: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: answers.append(client.post("/mentions", json={"text": "a"}))
    )
    thread.start()
    assert kafka.asked.wait(5)
    thread.join(0.3)
    assert answers == []
    kafka.confirms.set()
    thread.join(5)
    assert [answer.status_code for answer in answers] == [202]


def test_while_kafka_is_away_the_client_is_told_to_come_back(
    client: httpx.Client, kafka: Kafka
) -> None:
    kafka.away = True
    answer = client.post("/mentions", json={"text": "a"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert client.get("/health", headers={"Authorization": ""}).status_code == 200


def test_a_deletion(client: httpx.Client, kafka: Kafka) -> None:
    answer = client.delete("/mentions/files:https://example.org/a/b")
    assert answer.status_code == 202
    (gone,) = kafka.items
    assert isinstance(gone, Deletion)
    assert gone.id == "files:https://example.org/a/b"
    assert client.delete("/mentions/nonsense").status_code == 422


def test_a_taken_port_is_an_error_of_the_source_and_free_again_later(
    push: Push, kafka: Kafka
) -> None:
    table = push.config.model_copy(update={"listen": f"127.0.0.1:{push.port}"})
    second = Push(table)
    with pytest.raises(SourceError, match="cannot listen"):
        second.start(kafka)
    push.close()
    second.start(kafka)
    answer = httpx.get(f"http://127.0.0.1:{second.port}/health", trust_env=False)
    assert answer.status_code == 200
    second.close()


def test_it_ends_after_what_was_accepted_is_answered(
    push: Push, client: httpx.Client, kafka: Kafka
) -> None:
    kafka.confirms.clear()
    answers: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: answers.append(client.post("/mentions", json={"text": "a"}))
    )
    thread.start()
    assert kafka.asked.wait(5)
    closing = threading.Thread(target=push.close)
    closing.start()
    kafka.confirms.set()
    closing.join(10)
    thread.join(5)
    assert [answer.status_code for answer in answers] == [202]
