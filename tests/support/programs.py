"""Programs that the tests put to work, from the package registries into the user's cache.

What is installed is taken as it is. Otherwise kustomize is built from its Go module, and promtool
taken out of Debian's package of Prometheus, without installing it. Either is done once.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.stack.artifacts import cache_folder
from pipeline.stack.lock import lock

__all__ = ["kustomize", "needed", "promtool"]

_KUSTOMIZE: Final = "v5.8.1"


def kustomize() -> list[str]:
    """What renders a kustomization; building it takes up to a minute."""
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    return [str(_provided(f"kustomize-{_KUSTOMIZE}", "kustomize", _built)), "build"]


def promtool() -> Path:
    """What reads rules as Prometheus does, and tests them."""
    return _provided("promtool-debian", "promtool", _unpacked)


def needed(program: str, advice: str) -> str:
    """Where a program is that is not fetched; fails with what to install where it is missing."""
    found = shutil.which(program)
    assert found, f"{program} is missing, which this test needs: {advice}"
    return found


def _provided(name: str, program: str, make: Callable[[Path], Path]) -> Path:
    if found := shutil.which(program):
        return Path(found)
    kept = cache_folder() / "programs" / name
    with lock(kept.parent):
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
                make(Path(folder)).rename(kept)
    return kept


def _built(folder: Path) -> Path:
    module = f"sigs.k8s.io/kustomize/kustomize/v5@{_KUSTOMIZE}"
    own = {"GOBIN": str(folder), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    go = needed("go", "install Go (Debian: golang-go), or kubectl or kustomize themselves")
    _run(folder, [go, "install", module], own)
    return folder / "kustomize"


def _unpacked(folder: Path) -> Path:
    # Lists of its own: those of the machine may be missing, old, or another's.
    where = {"Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache"}
    (folder / "lists" / "partial").mkdir(parents=True)
    options = [f"-o{name}={place}" for name, place in where.items()]
    advice = (
        "install promtool (of Prometheus): it is fetched only where there are Debian's packages"
    )
    for program in ("apt-get", "dpkg-deb"):
        needed(program, advice)
    apt = ["apt-get", "-q", *options, "-oAPT::Sandbox::User=", "-oAcquire::Languages=none"]
    _run(folder, [*apt, "update"])
    _run(folder, [*apt, "download", "prometheus"])
    (package,) = folder.glob("prometheus_*.deb")
    _run(folder, ["dpkg-deb", "-x", str(package), "content"])
    return folder / "content" / "usr" / "bin" / "promtool"


def _run(folder: Path, command: list[str], own: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(own or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
