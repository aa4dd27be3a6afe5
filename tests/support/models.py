"""A sentiment model that is made in a moment."""

from pipeline.enrich.sentiment import model
from pipeline.enrich.sentiment.grams import BUCKETS
from pipeline.enrich.sentiment.trained import PLAIN

__all__ = ["small"]


def small(negative: float, language: str = "de") -> model.Model:
    """A model that has the same to say of every text."""
    return model.make(language, [0.0] * 2 * BUCKETS, [(0.0, 0.0)] * PLAIN, (negative, 0.0), 1.0)
