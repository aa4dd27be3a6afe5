"""The endpoint as its clients see it, over a real socket."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import httpx
import pytest

from agents import impatient
from agents import push as module
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


def answered(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """What the endpoint says to a client of few words; nothing where it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                raw.sendall(piece)
                time.sleep(pause)
        try:
            return raw.recv(4_096)
        except ConnectionError:
            return b""


HEAD = b"POST /mentions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode()


def test_a_client_that_is_slow_is_cut_off(push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impatient, "HEAD_WITHIN", 0.3)
    monkeypatch.setattr(module, "_READ_WITHIN", 0.3)
    # A byte now and then does not help, nor does a first request that was quick.
    assert answered(push.port, b"POST", b" /", b"m", b"e", pause=0.2) == b""
    assert answered(push.port, b"") == b""
    quick = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", push.port), timeout=5) as raw:
        raw.sendall(quick)
        said = b""
        while not said.endswith(b'{"status":"ok"}'):
            said += raw.recv(4_096)
        raw.sendall(b"GET /he")
        assert raw.recv(4_096) == b""
    slow_body = HEAD + b"\r\nContent-Length: 100\r\n\r\n{"
    assert b" 408 " in answered(push.port, slow_body)


def test_a_head_that_is_too_large_or_no_http_is_refused(push: Push) -> None:
    flood = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 100) for n in range(1_000))
    assert answered(push.port, HEAD + b"\r\n" + flood + b"\r\n").startswith(b"HTTP/1.1 400")
    assert answered(push.port, b"\x16\x03\x01\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_the_token_is_compared_in_constant_time(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("agents.push.hmac.compare_digest", compare)
    client.post("/mentions", json={"text": "x"}, headers={"Authorization": "Bearer t"})
    assert compared == [(b"Bearer t", f"Bearer {TOKEN}".encode())]


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
