"""Which languages a source and an author have used: what a very short text is judged by.

Kept in this process alone, bounded, and forgotten with it: it tips the balance where a text is too
short to say, and is never needed for anything else. Only what was sure teaches.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from schemas.mention import EnrichedMention, Language

__all__ = ["Habits"]

_MOST: Final = 20_000
"""Sources and authors that are remembered; who was not seen for longest is forgotten first."""
_SURE: Final = 0.95
_FADE: Final = 50
"""So many mentions are remembered of each; older ones fade."""
_HINT: Final = 8.0
"""How much likelier the language that the platform states is."""
_SOURCE: Final = 6.0
_AUTHOR: Final = 20.0
"""How much likelier a language is that all earlier mentions of the source, the author were in."""
_FEW: Final = 2.0
"""So many mentions count as half a habit."""


class Habits:
    """Counts, for each source and each author."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], dict[str, float]] = OrderedDict()

    def learn(self, mention: EnrichedMention, found: Language) -> None:
        """Remember the language of a mention, if it is sure."""
        if found.confidence < _SURE:
            return
        for key, _ in _keys(mention):
            counts = self._seen.get(key)
            if counts is None:
                counts = self._seen[key] = {}
                if len(self._seen) > _MOST:
                    self._seen.popitem(last=False)
            else:
                self._seen.move_to_end(key)
            counts[found.code] = count = counts.get(found.code, 0.0) + 1
            if count > _FADE:
                for code in counts:
                    counts[code] /= 2

    def prior(self, mention: EnrichedMention) -> Mapping[str, float]:
        """How many times likelier each language is than one nothing is known of."""
        odds: dict[str, float] = {}
        if mention.language_hint:
            odds[mention.language_hint[:2].lower()] = _HINT
        for key, most in _keys(mention):
            counts = self._seen.get(key)
            if counts:
                total = sum(counts.values()) + _FEW
                for code, count in counts.items():
                    odds[code] = odds.get(code, 1.0) * (1 + (most - 1) * count / total)
        return odds


def _keys(mention: EnrichedMention) -> list[tuple[tuple[str, str], float]]:
    keys = [(("source", mention.collector.source), _SOURCE)]
    author = mention.author
    if author is not None and (who := author.id or author.handle or author.name):
        keys.append((("author", f"{mention.site or mention.collector.source} {who}"), _AUTHOR))
    return keys
