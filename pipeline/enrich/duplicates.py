"""Fingerprints, by which near copies are found: retweets, wire copies, cross-posts, light edits.

A text's *fingerprint* is a MinHash (``rensa``) of its pairs of neighbouring words and of its longer
words, links and handles left out: the share of numbers that two fingerprints have in common is an
estimate of the share of features that the texts have in common (Jaccard). A long text has a second
one, of its beginning, so that it is found again where it was cut off.

They are compared in ``pipeline.enrich.window``.
"""

import hashlib
import re
import struct
from datetime import datetime
from itertools import pairwise
from typing import Final

from rensa import RMinHash

from pipeline.enrich.text import View
from schemas.fingerprint import Fingerprint
from schemas.mention import RawMention

__all__ = ["NUMBERS", "fingerprint"]

NUMBERS: Final = 60

_HEAD: Final = 280
"""Characters of a long text's beginning."""
_LONG: Final = 350
"""From here on a text is long."""
_READ: Final = 20_000
_FEWEST: Final = 5
"""Texts of fewer words are alike by chance: no story."""
_LONGER: Final = 6
_SEED: Final = 20
_WORD: Final = re.compile(r"\w+")
_SPACED: Final = bytes(code if _WORD.match(chr(code)) else ord(" ") for code in range(256))
"""Of each character of Latin-1, itself in a word, and else a space."""
_DIGEST: Final = struct.Struct(f"<{NUMBERS}I")


def fingerprint(view: View, mention: RawMention) -> Fingerprint:
    """The fingerprint of a mention; without numbers where its text is too short to have a copy.

    Args:
        view: its text.
        mention: when it was collected, and whose it is.
    """
    prose = view.prose[:_READ].lower()
    whole = _numbers(prose)
    estimated = mention.collector.published_estimated
    return Fingerprint(
        collected_at=_milliseconds(mention.collected_at),
        published_at=None if estimated else _milliseconds(mention.published_at),
        author=_author(mention),
        whole=whole,
        head=_numbers(prose[:_HEAD]) if whole and len(prose) > _LONG else None,
    )


def _milliseconds(moment: datetime) -> int:
    """Since 1970, and no less."""
    return max(int(moment.timestamp() * 1_000), 0)


def _author(mention: RawMention) -> int | None:
    author, thread = mention.author, mention.thread
    name = author and (author.id or author.handle or author.url)
    if not name or (thread is not None and thread.kind == "repost"):
        return None
    source = mention.id.partition(":")[0]
    digest = hashlib.blake2b(f"{source}:{name}".encode(errors="replace"), digest_size=6).digest()
    return int.from_bytes(digest, "big") or None


def _numbers(prose: str) -> bytes | None:
    words = _words(prose)
    if words[:1] == ["rt"]:
        del words[0]
    if len(words) < _FEWEST:
        return None
    features = [f"{one} {two}" for one, two in pairwise(words)]
    features += [word for word in words if len(word) >= _LONGER]
    minhash = RMinHash(NUMBERS, _SEED)
    minhash.update(features)
    halves = memoryview(_DIGEST.pack(*minhash.digest())).cast("H")
    return halves[::2].tobytes()  # the lower ones


def _words(prose: str) -> list[str]:
    """What ``_WORD`` finds; where all is Latin-1, as it mostly is, in half the time."""
    try:
        latin = prose.encode("latin-1")
    except UnicodeEncodeError:
        return _WORD.findall(prose)
    return latin.translate(_SPACED).decode("latin-1").split()
