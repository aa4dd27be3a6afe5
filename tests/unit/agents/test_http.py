"""What one client for all sources owes to hosts."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpcore
import pytest

from agents.errors import RateLimited, SourceError, Withheld
from agents.http import Http, HttpConfig, _until, _used_up
from agents.testing import Answer, Loopback, Platform, Request

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
        http.leave(web.url, 0)
        for host in http._mine.values():
            host.closed_until = 0
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
    http.leave("https://waits.example/", 60)
    for number in range(100):
        http._host(f"https://h{number}.example/")
    assert len(http._mine) <= 10
    with pytest.raises(RateLimited):
        http.get("https://waits.example/")
    http.close()
