"""One Java for both servers: the first that suits, from the places where they usually are.

In order: ``JAVA_HOME``, ``PATH``, the usual folders (newest first), and at last one that cjdk
downloads into the cache. Elasticsearch asks for more than Kafka does, so it decides.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import cjdk
from msgspec import Struct

from pipeline.errors import StackError
from pipeline.stack.artifacts import cache_folder

__all__ = ["Java", "find", "homes", "inspect"]

OLDEST: Final = 21  # Elasticsearch 9; Kafka 4 would take 17
MODULE: Final = "jdk.incubator.vector"  # what Elasticsearch's search is compiled against
DOWNLOADED: Final = "25"  # the newest long-term release that both support

_USUAL: Final = (
    "/usr/lib/jvm/*",
    "/usr/lib64/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/*jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)


class Java(Struct, frozen=True):
    """An installed Java."""

    home: Path
    version: int
    """The feature version: 17, 21, 25."""
    vector: bool
    """Whether it has the module that Elasticsearch needs."""

    @property
    def unfit(self) -> str | None:
        """Why it cannot run the servers, if it cannot."""
        if self.version < OLDEST:
            return f"{self.home} is Java {self.version}"
        if not self.vector:
            return f"{self.home} lacks the module {MODULE}"
        return None


def homes() -> Iterator[Path]:
    """The folders that may hold a Java, best first, each once."""
    places: list[Path] = []
    if named := os.environ.get("JAVA_HOME"):
        places.append(Path(named))
    if found := shutil.which("java"):
        places.append(Path(found).resolve().parent.parent)
    for pattern in _USUAL:
        path = Path(pattern).expanduser()
        matches = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        places += sorted(matches, key=_newest, reverse=True)
    seen: set[Path] = set()
    for place in places:
        home = place.resolve()
        if home not in seen and os.access(home / "bin" / "java", os.X_OK):
            seen.add(home)
            yield home


def _newest(path: Path) -> list[int]:
    """``temurin-25-jdk-amd64`` comes after ``java-17-openjdk-amd64``."""
    return [int(number) for number in re.findall(r"\d+", path.name)]


def inspect(home: Path) -> Java | None:
    """What a Java says of itself; None where it does not run or is older than 9."""
    try:
        answer = subprocess.run(  # noqa: S603 - a Java found in the places above
            [home / "bin" / "java", "--list-modules"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"^java\.base@(\d+)", answer, re.MULTILINE)
    return Java(home, int(version[1]), f"\n{MODULE}@" in answer) if version else None


def find(candidates: Iterable[Path] | None = None) -> Java:
    """The first Java that suits both servers; one is downloaded where none does.

    Raises:
        StackError: there is none, and none can be downloaded.
    """
    unfit = []
    for home in homes() if candidates is None else candidates:
        java = inspect(home)
        if java is None:
            unfit.append(f"{home} does not answer as Java 9 or newer")
        elif java.unfit:
            unfit.append(java.unfit)
        else:
            return java
    try:
        home = cjdk.java_home(
            vendor="adoptium", version=DOWNLOADED, cache_dir=cache_folder() / "java"
        )
    except cjdk.CjdkError as error:
        found = f"; found: {', '.join(unfit)}" if unfit else ""
        msg = (
            f"no Java {OLDEST} or newer{found}, and none could be downloaded: install a JDK "
            "(your distribution's openjdk-21-jdk-headless, or adoptium.net) or set JAVA_HOME to one"
        )
        raise StackError(msg) from error
    return Java(home, int(DOWNLOADED), vector=True)
