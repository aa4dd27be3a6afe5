"""What one client for all sources owes to hosts."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpcore
import httpx
import pytest

from agents import waits
from agents.errors import RateLimited, SourceError, Withheld
from agents.http import Http, HttpConfig, _until, _used_up
from agents.testing import Answer, Loopback, Platform, Request
from agents.waits import Scope

CONFIG = HttpConfig(allow_private=True, timeout=2, per_second=1_000)


@pytest.fixture
def web() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


def test_sources_with_the_same_table_share_connections_until_the_last_is_closed() -> None:
    one, two = Http(CONFIG), Http(CONFIG.model_copy())
    other = Http(HttpConfig(allow_private=True, timeout=3))
    assert len({one._client, two._client, other._client}) == 2
    one.close()
    one.close()
    assert [http._client.is_closed for http in (two, other)] == [False, False]
    two.close()
    assert [http._client.is_closed for http in (two, other)] == [True, False]
    other.close()


def test_a_host_gets_no_more_requests_a_second_than_it_may(web: Loopback) -> None:
    web.answers["/a"] = Answer(b"a")
    config = CONFIG.model_copy(update={"per_second": 20})
    clients = [Http(config) for _ in range(3)]
    started = time.monotonic()
    for client in clients * 2:
        client.get(web.url + "/a")
    assert time.monotonic() - started >= 5 / 20, "shared by all sources of the process"
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "IN-120-ISO"},  # Mastodon
        {"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "120"},  # Reddit
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "IN-120-EPOCH"},  # X
        {"ratelimit-remaining": "0", "ratelimit-reset": "IN-120-EPOCH"},  # Bluesky
    ],
)
def test_each_platforms_own_headers_are_understood(headers: dict[str, str]) -> None:
    at = datetime.now(UTC) + timedelta(seconds=120)
    said = {
        name: value.replace("IN-120-ISO", at.isoformat()).replace(
            "IN-120-EPOCH", str(int(at.timestamp()))
        )
        for name, value in headers.items()
    }
    seconds = _used_up(said)
    assert seconds is not None
    assert 115 < seconds <= 120


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining": "12", "x-ratelimit-reset": "120"},
        {"x-ratelimit-remaining": "0"},
        {"x-ratelimit-remaining": "none", "x-ratelimit-reset": "120"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"},
    ],
)
def test_what_says_nothing_is_no_wait(headers: dict[str, str]) -> None:
    assert _used_up(headers) is None


def test_a_wait_is_bounded() -> None:
    assert _until("-5") == 1
    assert _until("9999999") == 86_400


def test_the_query_of_an_api_is_in_no_message(
    web: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    http = Http(CONFIG)
    for answer in (Answer(status=500), Answer(status=429), Answer(b"x" * 10, length=99)):
        web.answers = {"/api?key=secret": answer}
        with pytest.raises(SourceError) as failure:
            http.exchange("GET", f"{web.url}/api?key=secret")
        assert "secret" not in str(failure.value)
        assert "secret" not in caplog.text
        waits.clear()
    http.close()


def test_a_host_that_is_left_alone_is_not_asked(web: Loopback) -> None:
    http = Http(CONFIG)
    http.leave(web.url, 60)
    with pytest.raises(RateLimited):
        http.exchange("GET", web.url + "/a")
    assert web.requests == []
    http.close()


def test_a_socks_proxy_resolves_names_itself() -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"\x05\x00")  # version 5, no password
                asked.append(connection.recv(300))
                connection.sendall(b"\x05\x00\x00\x01" + bytes(6))  # connected
                connection.recv(1_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nda")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        proxy = f"socks5h://127.0.0.1:{server.getsockname()[1]}"
        http = Http(HttpConfig(proxy=proxy, timeout=2))
        fetched = http.get("http://feed.example/")
        thread.join(2)
        http.close()
    assert fetched is not None
    assert fetched.body == b"da"
    # Connect to a name, as it was given.
    assert asked == [b"\x05\x01\x00\x03\x0cfeed.example\x00\x50"]


def test_a_redirect_into_the_own_network_is_refused(
    web: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two public names: one leads to a private address, the other becomes one after it was asked.
    asked: list[str] = []
    connect, real = httpcore.SyncBackend.connect_tcp, socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **options: Any) -> Any:
        if not host.endswith(".example"):
            return real(host, port, *rest, **options)
        asked.append(host)
        rebound = host == "inner.example" or asked.count("moves.example") > 1
        return real("10.0.0.1" if rebound else "8.8.8.8", port, *rest, **options)

    def connected(backend: Any, host: str, port: int, *rest: Any, **options: Any) -> Any:
        assert host == "8.8.8.8", "nothing private is ever connected to"
        return connect(backend, "127.0.0.1", port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connected)
    port = web.url.rpartition(":")[2]
    web.answers["/in"] = Answer(b"", 302, {"location": f"http://inner.example:{port}/"})
    # Another port: a connection of its own, for which the name is asked again.
    web.answers["/again"] = Answer(b"", 302, {"location": "http://moves.example:8080/"})
    http = Http(HttpConfig(timeout=2, per_second=1_000))
    for path in ("/in", "/again"):
        with pytest.raises(SourceError, match="private address"):
            http.get(f"http://moves.example:{port}{path}")
    http.close()
    assert asked == ["moves.example", "inner.example", "moves.example"]


def test_a_shorter_wait_does_not_end_a_longer_one(web: Loopback) -> None:
    http = Http(CONFIG)
    budget = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "20"}

    def meanwhile(_: Request) -> Answer:
        http.leave(web.url, 120)
        return Answer(b"a", headers=budget)

    web.answers["/a"] = meanwhile
    http.get(web.url + "/a")
    with pytest.raises(RateLimited) as limited:
        http.get(web.url + "/a")
    assert limited.value.seconds is not None
    assert limited.value.seconds > 100
    http.close()


def test_robots_txt_that_asks_to_wait_is_no_rule(web: Loopback) -> None:
    web.answers |= {
        "/robots.txt": Answer(status=429, headers={"Retry-After": "120"}),
        "/a": Answer(b"a"),
    }
    http = Http(CONFIG)
    for _ in range(2):
        with pytest.raises(RateLimited):
            http.page(web.url + "/a")
    assert [request.where for request in web.requests] == ["/robots.txt"]
    Platform.waited()
    web.answers["/robots.txt"] = Answer(status=404)
    assert http.page(web.url + "/a").body == b"a"
    http.close()


def test_another_host_on_the_way_has_its_own_rules_and_waits(web: Loopback) -> None:
    with Loopback() as other:
        web.answers |= {
            "/a": Answer(status=302, headers={"Location": other.url + "/a"}),
            "/b": Answer(b"b"),
        }
        other.answers |= {
            "/robots.txt": Answer(b"User-agent: *\nDisallow: /a"),
            "/a": Answer(status=429, headers={"Retry-After": "120"}),
        }
        http = Http(CONFIG)
        with pytest.raises(Withheld):
            http.page(web.url + "/a")
        assert other.asked("/a") == []
        with pytest.raises(RateLimited):
            http.get(web.url + "/a")
        assert http.page(web.url + "/b").body == b"b", "it did not ask to wait"
        with pytest.raises(RateLimited):
            http.exchange("GET", web.url + "/a")
        assert http.page(web.url + "/b").body == b"b", "it did not ask to wait"
        http.close()


def test_hosts_are_forgotten_unless_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.http._HOSTS_KEPT", 10)
    http = Http(CONFIG)
    http._host(httpx.URL("https://waits.example/")).page_turn(60)
    for number in range(100):
        http._host(httpx.URL(f"https://h{number}.example/"))
    assert len(http._mine) <= 10
    assert "waits.example" in http._mine
    http.close()


LIMITED = Answer(status=429, headers={"Retry-After": "120"})


@pytest.fixture
def asks(web: Loopback) -> Iterator[Callable[..., Callable[[str], int]]]:
    """Makes sources that ask the server with a key: each from path to status."""
    with contextlib.ExitStack() as stack:

        def make(key: str, **options: Any) -> Callable[[str], int]:
            http = Http(CONFIG, [key] if key else [], **options)
            stack.callback(http.close)
            headers = {"X-Api-Key": key}
            return lambda path: http.exchange("GET", web.url + path, headers=headers).status

        yield make


def only(key: str) -> Callable[[Request], Answer]:
    """Too much for one key, and not for others."""
    return lambda request: LIMITED if request.headers["x-api-key"] == key else Answer(b"{}")


def test_sources_with_one_key_rest_together_and_others_go_on(web: Loopback, asks: Any) -> None:
    web.answers["/a"] = only("ours")
    one, same, other, none = asks("ours"), asks("ours"), asks("theirs"), asks("")
    with pytest.raises(RateLimited):
        one("/a")
    assert (other("/a"), none("/a")) == (200, 200)
    with pytest.raises(RateLimited) as limited:
        same("/a")
    assert limited.value.seconds is not None
    assert limited.value.seconds > 100
    assert len(web.requests) == 3
    assert "ours" not in str(limited.value)


def test_a_wait_for_one_endpoint_holds_for_that(web: Loopback, asks: Any) -> None:
    web.answers |= {"/a": only("ours"), "/b": Answer(b"{}")}
    one, same = (asks("ours", endpoint=lambda path: path) for _ in range(2))
    with pytest.raises(RateLimited):
        one("/a")
    assert (one("/b"), same("/b")) == (200, 200)
    with pytest.raises(RateLimited):
        same("/a")


def test_a_server_that_cannot_is_left_alone_by_all(web: Loopback, asks: Any) -> None:
    web.answers["/a"] = Answer(status=503, headers={"Retry-After": "120"})
    for source in asks("ours", endpoint=lambda path: path), asks("theirs"), asks(""):
        with pytest.raises(RateLimited):
            source("/a")
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("scope", "resting"),
    [
        (Scope.HOST, ["ours /a", "ours /b", "theirs /a", "theirs /b"]),
        (Scope.ACCOUNT, ["ours /a", "ours /b"]),
        (Scope.ENDPOINT, ["ours /a"]),
    ],
)
def test_what_a_body_says_holds_for_as_much_as_it_says(
    web: Loopback, scope: Scope, resting: list[str]
) -> None:
    clients = {key: Http(CONFIG, [key], lambda path: path) for key in ("ours", "theirs")}
    clients["ours"].leave(web.url + "/a", 60, scope)
    asked = itertools.product(clients, ("/a", "/b"))
    assert [f"{k} {path}" for k, path in asked if clients[k].resting(web.url + path)] == resting
    for client in clients.values():
        client.close()


def test_a_wait_outlives_the_source_that_it_was_told(web: Loopback) -> None:
    for _ in range(2):
        http = Http(CONFIG)
        web.answers["/a"] = LIMITED
        with pytest.raises(RateLimited):
            http.get(web.url + "/a")
        http.close()
    assert len(web.requests) == 1


def test_who_stood_in_line_does_not_ask_after_a_refusal(web: Loopback) -> None:
    def slowly(_: Request) -> Answer:
        time.sleep(0.3)
        return LIMITED

    web.answers["/a"] = slowly
    http = Http(CONFIG)

    def ask(_: int) -> None:
        with pytest.raises(RateLimited):
            http.get(web.url + "/a")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert len(web.requests) == 2, "the two that were under way"
    http.close()


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports that were connected to."""
    made: list[int] = []
    connect = httpcore.SyncBackend.connect_tcp

    def connected(backend: Any, host: str, port: int, *rest: Any, **options: Any) -> Any:
        made.append(port)
        return connect(backend, host, port, *rest, **options)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connected)
    return made


def test_a_connection_serves_again_whatever_was_answered(
    web: Loopback, connections: list[int]
) -> None:
    web.answers |= {
        "/moved": Answer(b"<html>Moved</html>", 301, {"Location": "/a"}),
        "/gone": Answer(b"<html>Gone</html>", 410),
        "/same": Answer(status=304),
        "/broken": Answer(b"<html>Oh</html>", 500),
        "/a": Answer(b"a"),
    }
    http = Http(CONFIG)
    for path in ("/moved", "/gone", "/same", "/broken", "/a"):
        with contextlib.suppress(SourceError):
            http.get(web.url + path)
    with contextlib.suppress(SourceError):
        http.exchange("GET", web.url + "/moved")
    assert len(web.requests) == 8
    assert len(connections) == 1
    http.close()


def test_a_body_that_nobody_wants_and_does_not_end_is_left(
    web: Loopback, connections: list[int]
) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(100_000):
            sent.append(number)
            yield b"x" * 65_536

    def moved(_: Request) -> Answer:
        return Answer(status=302, headers={"Location": "/a"}, parts=endless())

    web.answers |= {"/moved": moved, "/a": Answer(b"a")}
    http = Http(CONFIG)
    fetched = http.get(web.url + "/moved")
    assert fetched is not None
    assert fetched.body == b"a"
    assert http.exchange("GET", web.url + "/moved").body == b"a"
    assert len(sent) < 1_000
    assert len(connections) == 3, "the last one was free"
    http.close()


def test_a_key_is_not_sent_on_to_another_host(web: Loopback) -> None:
    with Loopback() as other:
        web.answers["/a"] = Answer(status=307, headers={"Location": other.url + "/a"})
        other.answers["/a"] = Answer(b"a")
        http = Http(CONFIG)
        keys = {"X-Goog-Api-Key": "secret", "Authorization": "secret", "Accept": "text/a"}
        assert http.exchange("GET", web.url + "/a", headers=keys).body == b"a"
        (asked,) = other.requests
        assert "secret" not in asked.headers.values()
        assert asked.headers["accept"] == "text/a"
        assert asked.headers["user-agent"] == http.agent
        with pytest.raises(SourceError, match="not meant"):
            http.exchange("POST", web.url + "/a", body="refresh_token=secret")
        assert len(other.requests) == 1
        http.close()


def test_a_redirect_on_the_same_host_keeps_what_is_sent(web: Loopback) -> None:
    web.answers["/a"] = Answer(status=307, headers={"Location": "/b"})
    web.answers["/b"] = lambda request: Answer(request.body + request.headers["x-key"].encode())
    http = Http(CONFIG)
    assert http.exchange("POST", web.url + "/a", headers={"X-Key": "k"}, body="b").body == b"bk"
    http.close()
