"""What is said without a word: emoji and emoticons alone, whose tone is that of no language."""

import re
from typing import Final

from pipeline.enrich.marks import PICTOGRAPHS
from pipeline.enrich.sentiment.emoji import EMOTICON
from pipeline.enrich.sentiment.lexicon import Lexicon
from pipeline.enrich.text import View

__all__ = ["LEXICON", "alone"]

LEXICON: Final = Lexicon(words={}, neutral=(-0.1, 0.1))
"""No words: with it, only signs have a tone."""
_SIGN: Final = re.compile(rf"{EMOTICON}|[{PICTOGRAPHS}]")
_LETTER: Final = re.compile(r"[^\W\d_]")


def alone(*texts: View) -> bool:
    """Whether texts have signs and no letters, those of emoticons (``:D``) aside."""
    found = [_SIGN.subn(" ", text.prose) for text in texts]
    return any(signs for _, signs in found) and not any(_LETTER.search(rest) for rest, _ in found)
