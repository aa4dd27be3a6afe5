"""Which Java is chosen, with stand-ins that answer as real ones do."""

from pathlib import Path

import cjdk
import pytest

from pipeline.errors import StackError
from pipeline.stack import java


def install(home: Path, version: int, modules: str = java.MODULE) -> Path:
    """A ``java`` that knows one question."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    lines = "\n".join(f"{name}@{version}.0.1" for name in ["java.base", *modules.split()])
    program.write_text(f'#!/bin/sh\n[ "$1" = --list-modules ] && cat <<END\n{lines}\nEND\n')
    program.chmod(0o755)
    return home


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_options: object) -> Path:
        raise cjdk.InstallError

    monkeypatch.setattr(cjdk, "java_home", fail)


def test_the_first_that_suits_is_taken(tmp_path: Path) -> None:
    old = install(tmp_path / "17", 17)
    slim = install(tmp_path / "slim", 25, modules="java.logging")
    good = install(tmp_path / "21", 21)
    better = install(tmp_path / "25", 25)

    assert java.find([old, slim, good, better]) == java.Java(good, 21, vector=True)


@pytest.mark.usefixtures("no_download")
def test_where_none_suits_one_line_names_what_was_found(tmp_path: Path) -> None:
    old = install(tmp_path / "17", 17)
    slim = install(tmp_path / "slim", 25, modules="java.logging")
    ancient = tmp_path / "8"
    install(ancient, 8).joinpath("bin/java").write_text("#!/bin/sh\nexit 1\n")

    with pytest.raises(StackError) as error:
        java.find([old, slim, ancient])

    message = str(error.value)
    assert message.startswith("no Java 21 or newer; found: ")
    assert f"{old} is Java 17" in message
    assert f"{slim} lacks the module jdk.incubator.vector" in message
    assert f"{ancient} does not answer" in message
    assert "install a JDK" in message
    assert "\n" not in message


def test_where_none_suits_one_is_downloaded_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def download(**options: object) -> Path:
        asked.update(options)
        return tmp_path / "downloaded"

    monkeypatch.setattr(cjdk, "java_home", download)
    monkeypatch.setenv("MENTIONS_CACHE", str(tmp_path / "cache"))

    assert java.find([]).home == tmp_path / "downloaded"
    assert asked["cache_dir"] == tmp_path / "cache" / "java"


def test_java_home_comes_first_then_path_then_the_newest_of_the_usual_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = install(tmp_path / "named", 21)
    on_path = install(tmp_path / "on-path", 17)
    older = install(tmp_path / "jvm" / "java-17-openjdk-amd64", 17)
    newer = install(tmp_path / "jvm" / "temurin-25-jdk-amd64", 25)
    (tmp_path / "jvm" / "link").symlink_to(newer)
    (tmp_path / "jvm" / "not-java").mkdir()
    monkeypatch.setenv("JAVA_HOME", str(named))
    monkeypatch.setenv("PATH", str(on_path / "bin"))
    monkeypatch.setattr(java, "_USUAL", (f"{tmp_path}/jvm/*",))

    assert list(java.homes()) == [named, on_path, newer, older]


def test_a_java_home_without_java_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "_USUAL", ())

    assert list(java.homes()) == []
