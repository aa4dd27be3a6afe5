"""Words that could begin a clause, and do not where they stand: ``gefällt mir aber nicht``.

In German ``aber`` and its like begin none behind a pronoun whose verb is negated (``mag ich aber
nicht``), nor before a negation that ends the clause (``nervt aber nicht mehr``); ``gut, aber
nicht billig`` and ``gut aber nicht billig`` are two clauses. In English none begins right behind a
negation (``not yet good``).
"""

import re
from typing import Final

__all__ = ["ENGLISH", "GERMAN", "NICHT", "stands_within"]

NICHT: Final = "nicht nich nit net ned nie niemals nichts nix"
"""German negations that may stand behind what they negate."""
_NEGATED: Final = (
    r"(?:aber|doch|jedoch|allerdings|dennoch|trotzdem|nur)"
    r"(?:\s+(?:auch|gar|überhaupt|leider|eigentlich|wirklich|echt|absolut|ja|wohl|halt|eben|so|noch"
    rf"|trotzdem))*\s+(?:{'|'.join(NICHT.split())})\b"
)
_PRONOUN: Final = (
    r"(?:(?<=\b(?:er|es)\s)|(?<=\b(?:ich|sie|wir|ihr|man|mir|dir|uns|ihm|ihn|das)\s)"
    r"|(?<=\b(?:mich|dich|sich|euch|dies)\s)|(?<=\bihnen\s))"
)
_END: Final = r"(?:\s+(?:mehr|so|wirklich|ganz|immer|wieder|weiter))*\s*(?:[^\w\s]|\Z)"
GERMAN: Final = re.compile(rf"{_PRONOUN}{_NEGATED}|{_NEGATED}{_END}", re.IGNORECASE)
ENGLISH: Final = re.compile(r"(?:(?<=\bnot\s)|(?<=n't\s))(?:yet|however|though)\b", re.IGNORECASE)


def stands_within(prose: str, start: int) -> bool:
    """Whether the word that starts here begins no clause, in either language."""
    return any(pattern.match(prose, start) is not None for pattern in (GERMAN, ENGLISH))
