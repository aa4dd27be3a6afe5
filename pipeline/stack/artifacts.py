"""The servers' programs, from Maven Central into the user's cache, without Maven.

The cache is ``$MENTIONS_CACHE``, else ``$XDG_CACHE_HOME/mention-pipeline``, else
``~/.cache/mention-pipeline``. A program is there whole or not at all: it is put together next to
its place and renamed into it. A download that was broken off is resumed.
"""

import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha1
from pathlib import Path
from typing import Any

import httpx
from jgo.maven import MavenContext, PythonResolver
from rich.progress import Progress
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from pipeline.errors import StackError
from pipeline.stack.lock import lock

__all__ = ["cache_folder", "classified", "jars", "unzipped"]

_CONNECTIONS = 8  # at once, to one host: polite, and enough to fill a line


class _Interrupted(Exception):
    """The answer was not what was asked for, and may be when asked again."""


def cache_folder() -> Path:
    """Where downloads are kept, one folder for all projects of a user."""
    if named := os.environ.get("MENTIONS_CACHE"):
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "mention-pipeline"


def jars(name: str, version: str, coordinates: Sequence[str], progress: Progress) -> Path:
    """A folder with the jars of ``group:artifact`` coordinates and all they need at run time.

    Raises:
        StackError: they cannot be downloaded.
    """

    def gather(context: MavenContext) -> list[Any]:
        wanted = [context.create_dependency(f"{c}:{version}") for c in coordinates]
        direct, needed = context.resolver.resolve(wanted)
        needed = [d for d in needed if d.scope in {"compile", "runtime"} and not d.optional]
        return [dependency.artifact for dependency in (*direct, *needed)]

    return _provide(name, version, gather, _gathered, progress)


def classified(
    name: str, version: str, coordinate: str, classifiers: Sequence[str], progress: Progress
) -> Path:
    """A folder with some jars of one ``group:artifact``, and nothing that they need.

    Args:
        name: what people call it.
        version: of the artifact.
        coordinate: ``group:artifact``.
        classifiers: which of its jars; the one without a classifier is ``""``.
        progress: shows the download.

    Raises:
        StackError: they cannot be downloaded.
    """

    def gather(context: MavenContext) -> list[Any]:
        component = context.project(*coordinate.split(":")).at_version(version)
        return [component.artifact(classifier=classifier) for classifier in classifiers]

    return _provide(name, version, gather, _gathered, progress)


def _gathered(files: Sequence[Path], target: Path) -> None:
    for file in files:
        file.rename(target / file.name)


def unzipped(name: str, version: str, coordinate: str, progress: Progress) -> Path:
    """The unpacked content of a ``group:artifact`` that is one zip with one folder in it.

    Raises:
        StackError: it cannot be downloaded.
    """

    def gather(context: MavenContext) -> list[Any]:
        group, artifact = coordinate.split(":")
        return [context.project(group, artifact).at_version(version).artifact(packaging="zip")]

    def assemble(files: Sequence[Path], target: Path) -> None:
        with zipfile.ZipFile(files[0]) as archive:  # checks every file's CRC
            archive.extractall(target)
        (inner,) = target.iterdir()
        for path in inner.iterdir():
            path.rename(target / path.name)
        inner.rmdir()

    return _provide(name, version, gather, assemble, progress)


def _provide(
    name: str,
    version: str,
    gather: Callable[[MavenContext], list[Any]],
    assemble: Callable[[Sequence[Path], Path], None],
    progress: Progress,
) -> Path:
    cache = cache_folder()
    final = cache / f"{name.lower()}-{version}"
    if final.is_dir():
        return final
    work = final.with_suffix(f"{final.suffix}.part")
    with lock(cache):
        if final.is_dir():  # another process was faster
            return final
        task = progress.add_task(f"{name} {version}: looking up", total=None, bytes=True)
        target = work / "assembled"
        try:
            with httpx.Client(follow_redirects=True, timeout=30) as client:
                resolver = _Resolver(client)
                context = MavenContext(resolver, work / "maven", local_repos=[], timeout=30)
                artifacts = gather(context)
                resolver.report = _reporter(progress, task)
                progress.update(task, description=f"{name} {version}: downloading")
                with ThreadPoolExecutor(_CONNECTIONS) as pool:
                    files = list(pool.map(lambda artifact: artifact.resolve(), artifacts))
            progress.update(task, description=f"{name} {version}: unpacking")
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            assemble(files, target)
            target.rename(final)
            shutil.rmtree(work)
        except (httpx.HTTPError, OSError, zipfile.BadZipFile, _Interrupted) as error:
            msg = (
                f"{name} {version} could not be downloaded ({str(error).splitlines()[0]}): check "
                f"the connection, HTTPS_PROXY and the space in {cache}, then run this again"
            )
            raise StackError(msg) from error
        progress.update(task, description=f"{name} {version}: downloaded")
        progress.update(task, total=progress.tasks[task].completed)
    return final


def _reporter(progress: Progress, task: Any) -> Callable[[int, int], None]:  # noqa: ANN401 - rich's TaskID
    """A function that takes (bytes to expect, bytes that came) from many threads."""
    guard = threading.Lock()

    def report(expected: int, came: int) -> None:
        with guard:
            if expected:
                total = next(t.total for t in progress.tasks if t.id == task) or 0
                progress.update(task, total=total + expected)
            progress.update(task, advance=came)

    return report


class _Resolver(PythonResolver):
    """jgo's resolver, with downloads that are resumed, checked, and in place only when whole."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self.client = client
        self.report: Callable[[int, int], None] = lambda _expected, _came: None

    def download(self, artifact: Any) -> Path:  # noqa: ANN401 - jgo is not typed for us
        target: Path = artifact.cached_path
        part = target.with_name(f"{target.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        (repository,) = artifact.context.remote_repos.values()
        url = f"{repository}/{artifact.component.path_prefix.as_posix()}/{artifact.filename}"
        self._fetch(url, part)
        part.rename(target)
        return target

    @retry(
        retry=retry_if_exception_type((httpx.TransportError, _Interrupted)),
        stop=stop_after_attempt(5),
        wait=wait_exponential_jitter(max=10),
        reraise=True,
    )
    def _fetch(self, url: str, part: Path) -> None:
        have = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={have}-"}
        with self.client.stream("GET", url, headers=headers if have else {}) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                pass  # broken off after the last byte: the checksum decides
            elif answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
                msg = f"{url} answered {answer.status_code}"
                raise _Interrupted(msg)
            else:
                answer.raise_for_status()
                resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
                came = have if resumed else 0
                self.report(came + int(answer.headers.get("content-length", 0)), came)
                with part.open("ab" if resumed else "wb") as file:
                    for chunk in answer.iter_raw():
                        file.write(chunk)
                        self.report(0, len(chunk))
        self._verify(url, part)

    def _verify(self, url: str, part: Path) -> None:
        """Compare with the published checksum; a mirror that has none leaves it to the size."""
        answer = self.client.get(f"{url}.sha1")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return
        answer.raise_for_status()
        if sha1(part.read_bytes(), usedforsecurity=False).hexdigest() != answer.text.split()[0]:
            part.unlink()
            msg = f"{url} differs from its checksum"
            raise _Interrupted(msg)
