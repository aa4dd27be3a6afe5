"""Fingerprints, by which near copies are found: retweets, wire copies, cross-posts, light edits.

A text's *fingerprint* is a MinHash (``rensa``) of its pairs of neighbouring words and of its longer
words, links and handles left out: the share of numbers that two fingerprints have in common is an
estimate of the share of features that the texts have in common (Jaccard). A long text has a second
one, of its beginning, so that it is found again where it was cut off.

They are compared in ``pipeline.enrich.window``.
"""

import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeAlias

import numpy as np
from rensa import RMinHash

from pipeline.enrich.portions import portions
from pipeline.enrich.shingles import shingles
from pipeline.enrich.text import View
from schemas.fingerprint import Fingerprint
from schemas.mention import RawMention

__all__ = ["NUMBERS", "fingerprints"]

NUMBERS: Final = 60

_HEAD: Final = 280
"""Characters of a long text's beginning."""
_LONG: Final = 350
"""From here on a text is long."""
_READ: Final = 20_000
_AT_ONCE: Final = 15_000
"""Characters that are looked at in one go, so that what is told of each is in memory that is free,
not fetched from the system and given back each time. A text of more comes alone."""
_SEED: Final = 20
_DIGEST: Final = struct.Struct(f"<{NUMBERS}I")

_Numbers: TypeAlias = bytes | None


def fingerprints(said: Sequence[tuple[View, RawMention]]) -> list[Fingerprint]:
    """The fingerprints of mentions; without numbers where a text is too short to have a copy.

    Args:
        said: the text of each, and the mention itself: when it was collected, and whose it is.
    """
    numbers = [
        each
        for some in portions((view.low[:_READ] for view, _ in said), _AT_ONCE, _size)
        for each in _numbers(some)
    ]
    return [_fingerprint(mention, *each) for (_, mention), each in zip(said, numbers, strict=True)]


def _fingerprint(mention: RawMention, whole: _Numbers, head: _Numbers) -> Fingerprint:
    estimated = mention.collector.published_estimated
    return Fingerprint(
        collected_at=_milliseconds(mention.collected_at),
        published_at=None if estimated else _milliseconds(mention.published_at),
        author=_author(mention),
        whole=whole,
        head=head,
    )


def _size(prose: str) -> int:
    """Characters that are read of a text and of its beginning, with their separators."""
    return len(prose) + 1 + (_HEAD + 1) * (len(prose) > _LONG)


def _numbers(prose: Sequence[str]) -> list[tuple[_Numbers, _Numbers]]:
    """The numbers of each text, and those of its beginning where it is long."""
    long = [number for number, text in enumerate(prose) if len(text) > _LONG]
    heads = {number: place for place, number in enumerate(long, len(prose))}
    hashes, texts, starts = shingles([*prose, *[prose[number][:_HEAD] for number in long]])
    if not texts:
        return [(None, None)] * len(prose)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, starts, NUMBERS, _SEED)
    digests = b"".join([_DIGEST.pack(*row) for row in matrix.to_rows()])
    halves = np.frombuffer(digests, "<u4").astype("<u2")  # the lower ones
    rows = halves.reshape(len(texts), NUMBERS)
    found = {text: row.tobytes() for text, row in zip(texts, rows, strict=True)}
    return [
        (whole := found.get(number), whole and found.get(heads.get(number, -1)))
        for number in range(len(prose))
    ]


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
