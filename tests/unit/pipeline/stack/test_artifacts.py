"""Downloads are whole or not there: resumed, checked, retried."""

from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from tenacity import wait_none

from pipeline.stack import artifacts

CONTENT = bytes(range(256)) * 40

Handler = Callable[[httpx.Request], httpx.Response]


def serve(request: httpx.Request) -> httpx.Response:
    """A repository with one file and its checksum."""
    if request.url.path.endswith(".sha1"):
        return httpx.Response(200, text=f"{sha1(CONTENT).hexdigest()}  a.jar")  # noqa: S324 - Maven's checksum
    start = int(request.headers.get("range", "bytes=0-")[6:-1])
    if start >= len(CONTENT):
        return httpx.Response(416)
    rest = CONTENT[start:]
    headers = {"content-length": str(len(rest))}
    return httpx.Response(206 if start else 200, headers=headers, stream=httpx.ByteStream(rest))


def download(folder: Path, handler: Handler) -> tuple[Path, list[tuple[int, int]]]:
    reports: list[tuple[int, int]] = []
    artifact = SimpleNamespace(
        cached_path=folder / "a.jar",
        filename="a.jar",
        component=SimpleNamespace(path_prefix=Path("g/a/1")),
        context=SimpleNamespace(remote_repos={"central": "https://repository.test"}),
    )
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        resolver = artifacts._Resolver(client)
        resolver.report = lambda expected, came: reports.append((expected, came))
        return resolver.download(artifact), reports


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts._Resolver._fetch.retry, "wait", wait_none())


def test_a_whole_file_arrives_and_every_byte_is_reported(tmp_path: Path) -> None:
    file, reports = download(tmp_path, serve)
    assert file.read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.jar"]
    assert sum(expected for expected, _ in reports) == len(CONTENT)
    assert sum(came for _, came in reports) == len(CONTENT)


@pytest.mark.parametrize("have", [1, 5_000, len(CONTENT)])
def test_a_broken_off_download_is_resumed(tmp_path: Path, have: int) -> None:
    (tmp_path / "a.jar.part").write_bytes(CONTENT[:have])
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("range"))
        return serve(request)

    file, _ = download(tmp_path, handler)
    assert file.read_bytes() == CONTENT
    assert asked[0] == f"bytes={have}-"


def test_a_server_that_cannot_resume_starts_over(tmp_path: Path) -> None:
    (tmp_path / "a.jar.part").write_bytes(b"other")

    def handler(request: httpx.Request) -> httpx.Response:
        request.headers.pop("range", None)
        return serve(request)

    assert download(tmp_path, handler)[0].read_bytes() == CONTENT


def test_a_file_that_differs_from_its_checksum_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "a.jar.part").write_bytes(b"x" * len(CONTENT))  # whole, and wrong
    assert download(tmp_path, serve)[0].read_bytes() == CONTENT


def test_a_file_that_never_fits_its_checksum_is_refused(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(".sha1"):
            return httpx.Response(200, text="0" * 40)
        return serve(request)

    with pytest.raises(artifacts._Interrupted, match="differs from its checksum"):
        download(tmp_path, handler)
    assert list(tmp_path.iterdir()) == []


def test_a_busy_repository_is_asked_again(tmp_path: Path) -> None:
    answers = [503, 429]

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(answers.pop()) if answers else serve(request)

    assert download(tmp_path, handler)[0].read_bytes() == CONTENT
    assert answers == []


def test_a_mirror_without_checksums_is_taken_at_its_word(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if request.url.path.endswith(".sha1") else serve(request)

    assert download(tmp_path, handler)[0].read_bytes() == CONTENT


def test_a_missing_file_is_not_asked_for_again(tmp_path: Path) -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(404)

    with pytest.raises(httpx.HTTPStatusError):
        download(tmp_path, handler)
    assert asked == ["/g/a/1/a.jar"]


def test_the_cache_is_the_user_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MENTIONS_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert artifacts.cache_folder() == tmp_path / ".cache" / "mention-pipeline"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert artifacts.cache_folder() == tmp_path / "xdg" / "mention-pipeline"
    monkeypatch.setenv("MENTIONS_CACHE", str(tmp_path / "own"))
    assert artifacts.cache_folder() == tmp_path / "own"
