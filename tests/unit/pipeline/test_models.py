"""Which trained model is in force, from the messages alone."""

import msgspec
import pytest

from pipeline.enrich.sentiment import model
from pipeline.models import Models
from schemas.models import SHIPPED, InForce
from tests.support.models import small


def stored(found: model.Model) -> tuple[bytes, bytes]:
    return f"model:de:{found.version}".encode(), model.encode(found)


def chosen(version: str, *before: str) -> tuple[bytes, bytes]:
    return b"active:de", msgspec.json.encode(InForce(version, before))


def test_the_shipped_model_is_in_force_at_first() -> None:
    models = Models()
    assert models.adopt([]) == []
    assert models.active("de").version == model.shipped("de").version
    assert models.in_force("de").version == SHIPPED


def test_the_last_word_counts_and_changes_are_told_once() -> None:
    one, two = small(0.1), small(0.2)
    models = Models()
    assert models.adopt([stored(one), chosen(one.version, SHIPPED)]) == ["de"]
    assert models.active("de") == one
    assert models.adopt([stored(two), chosen(two.version), chosen(one.version)]) == []
    assert models.adopt([chosen(two.version)]) == ["de"]
    assert models.active("de") == two
    assert models.versions() == [("de", one.version), ("de", two.version)]
    assert models.adopt([(b"active:de", None)]) == ["de"]
    assert models.in_force("de").version == SHIPPED


def test_a_model_that_is_missing_or_broken_says_so() -> None:
    models = Models()
    models.adopt([chosen("abc")])
    with pytest.raises(ValueError, match="no model abc"):
        models.active("de")
    models.adopt([(b"model:de:abc", b"junk")])
    with pytest.raises(ValueError, match="not a model"):
        models.active("de")
