"""The page about plugins: its package, installed as one is, passes the contract."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "plugin.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_plugin_of_the_page_passes_the_contract(tmp_path: Path) -> None:
    source, tests = blocks("python")
    (tmp_path / "notes_source.py").write_text(source, encoding="utf-8")
    (tmp_path / "test_notes_source.py").write_text(tests, encoding="utf-8")
    # Installed as a package is: by its metadata, of which the entry point is a part.
    (entry,) = blocks("toml")
    ((group, points),) = tomllib.loads(entry)["project"]["entry-points"].items()
    lines = "\n".join(f"{name} = {value}" for name, value in points.items())
    info = tmp_path / "notes_source-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notes-source\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{PAGE.parents[1]}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 30
