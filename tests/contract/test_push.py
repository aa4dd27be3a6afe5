"""The endpoint as its clients see it, over a real socket."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Sequence

import httpx
import pytest

from agents import impatient
from agents import push as module
from agents.push import Push, PushConfig
from agents.source import Deletion
from agents.testing import Confirming, ListenerContract, Reply, Sender
from schemas.mention import TEXT_LIMIT, decode_raw, encode

TOKEN = "t0p-secret"  # noqa: S105 - of this test
HEAD = b"POST /mentions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode()


@pytest.fixture
def kafka() -> Confirming:
    return Confirming()


@pytest.fixture
def push(monkeypatch: pytest.MonkeyPatch, kafka: Confirming) -> Iterator[Push]:
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


class Client(Sender):
    """A program that posts arrays to one port."""

    kind = "push"

    def __init__(self, port: int) -> None:
        self.port = port
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
        )

    def listener(self) -> Push:
        table = {"type": "push", "name": "it", "token": "env:PUSH_TOKEN", "confirm_within": 5}
        return Push(PushConfig.model_validate({**table, "listen": f"127.0.0.1:{self.port}"}))

    def send(self, texts: Sequence[str]) -> Reply:
        return self.post([{"text": text} for text in texts])

    def post(self, content: list[dict[str, str]]) -> Reply:
        answer = self.http.post("/mentions", json=content)
        again = answer.headers.get("retry-after")
        return Reply(answer.status_code == 202, again and float(again))

    def send_half(self, text: str) -> None:
        whole = json.dumps([{"text": text}]).encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as raw:
            length = b"\r\nContent-Length: %d\r\n\r\n" % len(whole)
            raw.sendall(HEAD + length + whole[:-4])

    def spoil(self) -> Reply:
        return self.post([{"text": "gut"}, {"title": "ohne Text"}])


class TestPush(ListenerContract):
    @pytest.fixture
    def sender(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
        monkeypatch.setenv("PUSH_TOKEN", TOKEN)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        client = Client(port)
        yield client
        client.http.close()


def test_one_mention_is_completed_and_published(client: httpx.Client, kafka: Confirming) -> None:
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


def test_what_is_given_is_kept(client: httpx.Client, kafka: Confirming) -> None:
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


def test_too_long_a_text_is_cut_and_marked(client: httpx.Client, kafka: Confirming) -> None:
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
    client: httpx.Client, kafka: Confirming, body: bytes, status: int, field: str | None
) -> None:
    answer = client.post("/mentions", content=body)
    assert answer.status_code == status, answer.text
    assert answer.json().get("field") == field
    assert answer.json()["error"]
    assert kafka.items == []


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_without_the_token_nothing_is_read(
    client: httpx.Client, kafka: Confirming, header: str
) -> None:
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


def test_a_deletion(client: httpx.Client, kafka: Confirming) -> None:
    answer = client.delete("/mentions/files:https://example.org/a/b")
    assert answer.status_code == 202
    (gone,) = kafka.items
    assert isinstance(gone, Deletion)
    assert gone.id == "files:https://example.org/a/b"
    assert client.delete("/mentions/nonsense").status_code == 422
