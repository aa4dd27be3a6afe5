"""What a trained model weighs in a text: hashed pieces of its words, and its signs.

A word gives itself and its pieces of three to five letters, ends marked; an emoji, an emoticon or a
run of punctuation gives itself; a single stop or comma gives nothing. Each lands in one of
``BUCKETS`` by its CRC-32. Case, umlaut spellings and stretched letters are folded first. A token's
pieces do not depend on its neighbours, so that what a model makes of a token can be remembered.
"""

import re
import zlib
from typing import Final

from pipeline.enrich.marks import PICTOGRAPHS
from pipeline.enrich.sentiment import emoji

__all__ = [
    "BUCKETS",
    "GRAM",
    "LENGTHS",
    "PIECE",
    "SILENT",
    "STRETCHED",
    "TOKEN",
    "WORD",
    "folded",
    "pieces",
]

BUCKETS: Final = 1 << 18
GRAM: Final = 0.5
"""What a piece of a word counts beside the whole word, which counts 1."""
TOKEN: Final = re.compile(  # a blank is none: said first, for most of what is none is one
    rf"(?! )(?:[^\W\d_]+(?:'[^\W\d_]+)?|{emoji.EMOTICON}|[{PICTOGRAPHS}]|!+|\?+|\.+|\u2026|[;:\n]"
    r"|,(?=\s))"
)
"""Words, signs, and what ends a clause: all that a text's tone is judged by."""
SILENT: Final = frozenset(".;:,\n")
"""Tokens that end a clause, and say nothing else."""
_SIGN, WORD, PIECE = map(zlib.crc32, (b"s", b"w", b"c"))
"""What checksums start from, so that what is spelled alike is told apart."""
LENGTHS: Final = (3, 4, 5)
"""Letters of a piece, the marks of the ends counted."""
STRETCHED: Final = re.compile(r"(.)\1{2,}")
"""A letter that is written three times or more; in words nothing else follows itself."""


def folded(words: str) -> str:
    """A word as it is hashed, or several with blanks in between."""
    # All of this is far faster than str.translate and looking for letters only.
    plain = words.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return STRETCHED.sub(r"\1\1", plain.replace("ß", "ss"))


def pieces(token: str) -> list[int]:
    """The buckets of a token: the whole first, then the pieces of a word."""
    if token in SILENT:
        return []
    if not token[0].isalpha():
        # A run of one sign says what two of it say; :-) is :).
        sign = token[:2] if token[0] in "!?." else token.replace("-", "")
        return [zlib.crc32(sign.encode(), _SIGN) % BUCKETS]
    word = folded(token)
    marked = f"<{word}>"
    return [
        zlib.crc32(word.encode(), WORD) % BUCKETS,
        *[
            zlib.crc32(marked[start : start + length].encode(), PIECE) % BUCKETS
            for length in LENGTHS
            for start in range(len(marked) - length + 1)
        ],
    ]
