"""The pages about alerts name every rule, with the figures that the rules have."""

import re
import tomllib
from typing import get_args

import pytest

from pipeline.alerts import rules
from pipeline.alerts.history import DAY, HOUR
from pipeline.settings import Alerts, NotifyChannel, Settings
from schemas.alert import AlertRule
from tests.support.pages import page

PAGES = ("alerts.de.md", "alerts.en.md")
ROW = re.compile(r"^\| `(\w+)` \| (.*) \| (.*) \|$", re.MULTILINE)
FIGURES: dict[str, tuple[float, ...]] = {
    "crisis": (100 * rules._CRISIS_NEGATIVE, rules._CRISIS_AUTHORS),
    "term": (
        rules.Limits().least,
        rules._TERM_WORDS * rules.Limits().least,
        rules._TERM_BASE,
        *(window / HOUR for window in rules._TERM_WINDOWS),
    ),
    "sentiment": (
        100 * rules._TONE_RISE,
        rules._TONE_LEAST,
        rules._TONE_BASE,
        rules._TONE_WINDOW / HOUR,
    ),
    "silence": (rules._SILENT_WINDOW / HOUR,),
    "spike": (rules.Limits().least, 10, 6),
    "rating": (rules._RATINGS, rules._RATINGS_BEFORE, rules._RATINGS_WITHIN / DAY),
    "author": (rules.Limits().followers,),
}


def table(name: str) -> dict[str, str]:
    return {rule: f"{means} {needs}" for rule, means, needs in ROW.findall(page(name))}


def indented(name: str, start: str) -> str:
    """The block of a page that begins with a table's header."""
    found = re.search(rf"^    {re.escape(start)}\n((?:    .*\n)*)", page(name), re.MULTILINE)
    assert found
    return re.sub("^    ", "", found[0], flags=re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_every_rule_is_explained_with_its_figures(name: str) -> None:
    said = table(name)
    assert set(get_args(AlertRule)) == said.keys()
    for rule, figures in FIGURES.items():
        numbers = {
            n.replace(",", "").replace(".", "") for n in re.findall(r"\d[\d.,]*", said[rule])
        }
        missing = {f"{figure:.0f}" for figure in figures} - numbers
        assert not missing, (rule, missing)


@pytest.mark.parametrize("name", PAGES)
def test_the_defaults_are_the_settings(name: str) -> None:
    shown = tomllib.loads(indented(name, "[alerts]"))["alerts"]
    assert shown.keys() == Alerts.model_fields.keys()
    assert Alerts(**shown) == Settings().alerts


@pytest.mark.parametrize("name", PAGES)
def test_the_channel_says_all_that_can_be_said(name: str) -> None:
    (shown,) = tomllib.loads(indented(name, "[[channels]]"))["channels"]
    assert shown.keys() == NotifyChannel.model_fields.keys()
    NotifyChannel.model_validate(shown)
