"""``make demo`` as a newcomer types it, again, and in a terminal."""

import re
import time
from pathlib import Path

import pexpect
import psutil
import pytest

from tests.e2e.conftest import Checkout

# How long a start takes is measured; and a second checkout to do so would take two minutes.
pytestmark = pytest.mark.alone

FIRST = 900  # seconds: packages and servers may have to be downloaded
SECOND = 30  # seconds until the second start shows a picture


@pytest.fixture(scope="module")
def demoed(checkout: Checkout) -> Checkout:
    output = checkout.run("make demo", timeout=FIRST)
    found = re.search(r"Mentions searchable .* (\d+) of (\d+)", output)
    assert found, output
    assert found[1] == found[2] != "0"
    for part in ("Channels", "Languages", "Sentiment", "Share of voice", "Vennbruck", "Newest"):
        assert part in output, output
    return checkout


def processes_in(folder: Path) -> list[str]:
    """Every process that has to do with the folder."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or [])
    ]


@pytest.mark.timeout(FIRST + 60)
def test_without_a_terminal_it_ends_with_a_summary_and_leaves_only_data(demoed: Checkout) -> None:
    assert processes_in(demoed.folder) == []
    made = {path.name for path in demoed.folder.iterdir()} - demoed.names
    assert made == {".mentions", ".venv"}
    for name in ("worker", "agent"):
        log = (demoed.folder / f".mentions/demo/{name}.log").read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert "ERROR" not in log


@pytest.mark.timeout(FIRST + 180)
def test_in_a_terminal_it_is_live_until_it_is_interrupted(demoed: Checkout) -> None:
    began = time.monotonic()
    with (demoed.folder / "screen.log").open("wb") as screen:
        terminal = pexpect.spawn(
            ".venv/bin/mentions",
            ["demo"],
            cwd=str(demoed.folder),
            env=demoed.env,
            dimensions=(50, 120),
            timeout=60,
            logfile=screen,
        )
        terminal.expect("Share of voice")
        seconds = time.monotonic() - began
        assert len(processes_in(demoed.folder)) > 4
        terminal.expect("a second")
        terminal.expect(r"\.venv/bin/mentions tail enriched --follow")
        terminal.sendintr()
        terminal.expect("Stopped")
        terminal.expect(pexpect.EOF)
        terminal.close()
    assert terminal.exitstatus == 0
    assert seconds < SECOND
    assert processes_in(demoed.folder) == []
