"""A chain is there soon: what no text has asked for yet is not loaded."""

import re
import subprocess
import sys
from importlib.resources import files

import pytest

from pipeline.enrich.intents import LANGUAGES, _patterns, _phrases

STARTED = """
import sys
from pipeline.enrich import intents, sentiment
from pipeline.enrich.chain import Chain
from pipeline.settings import Settings, WatchTopic

Chain.build(Settings(watchlist=(WatchTopic(topic="Bahn", kind="brand", terms=("Bahn",)),)))
print("lark" in sys.modules)
print(sentiment.lexicon.cache_info().currsize, intents._compiled.cache_info().currsize)
"""


def test_what_no_text_has_asked_for_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == ["False", "0 0"]


def test_a_worker_has_one_client_of_kafka() -> None:
    """The other one, which commands use, takes 8 MB."""
    loaded = "import sys, pipeline.app, pipeline.stages.enrich; print('kafka' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True)
    assert done.stdout == b"False\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_makes_a_pattern(language: str) -> None:
    """They are compiled one by one, when a text needs them: too late to learn of a mistake."""
    text = files("pipeline.enrich.intents").joinpath(f"{language}.txt").read_text("utf-8")
    patterns = [pattern for _, phrase in _phrases(text) for _, pattern in _patterns(phrase)]
    assert len(patterns) > 100
    for pattern in patterns:
        re.compile(pattern)
