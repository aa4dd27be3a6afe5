"""The page ends when it is told to, however soon."""

import subprocess
import sys
from pathlib import Path

CONFIG = """
[kafka]
bootstrap = "127.0.0.1:1"

[page]
people = [{ name = "ada", token = "env:PAGE_ADA" }]
listen = "127.0.0.1:0"
"""
HASTY = """
import signal
import click
from pipeline.cli import mentions

echo = click.echo

def told(message, **options):
    echo(message, **options)
    if "/mention?" in message:
        signal.raise_signal(signal.SIGTERM)

click.echo = told
mentions(["page"])
"""


def test_a_signal_that_comes_with_the_address_ends_it(tmp_path: Path) -> None:
    (tmp_path / "mentions.toml").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-c", HASTY],
        check=False,
        capture_output=True,
        cwd=tmp_path,
        env={"PAGE_ADA": "ada-" * 5},
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    assert "/mention?" in done.stdout
