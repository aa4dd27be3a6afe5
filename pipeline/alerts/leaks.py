"""Confidential documents, recognised by their passages without being known.

A text is cut into all its runs of ``WORDS`` neighbouring words, as people see them: capitals,
punctuation, markup, invisible and look-alike letters do not count. Only keyed hashes of the runs
are kept. A post speaks of a document when it holds ``LEAST`` of its passages; of one of our own
people's accounts a single one is enough.
"""

import hashlib
import logging
import re
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.enrich.text import view
from pipeline.errors import ConfigError
from pipeline.settings import Settings
from schemas.leak import DocumentPrint, decode_print

__all__ = ["LEAST", "MOST", "WORDS", "Leak", "Prints", "key_of", "passages", "print_of"]

_log = logging.getLogger(__name__)

WORDS: Final = 6
LEAST: Final = 3
"""Passages that a post must have in common with a document: eight words in a row."""
MOST: Final = 100_000
"""Passages that a document may have; a message has to hold them."""
_READ: Final = 100_000
_SIZE: Final = 8
_WORD: Final = re.compile(r"\w+")


class Leak(Struct, frozen=True):
    """A post holds passages of a document."""

    document: str
    """The name that the document was given."""
    passages: int
    """How many of its passages."""


def key_of(settings: Settings) -> bytes:
    """The key of the hashes.

    Raises:
        ConfigError: no salt is set; without one, who reads the topic could try sentences out.
    """
    salt = settings.privacy.key()
    if not salt:
        msg = "fingerprints of documents need a salt: set MENTIONS_PRIVACY__SALT"
        raise ConfigError(msg)
    return hashlib.sha256(b"leaks:" + salt).digest()


def passages(text: str, key: bytes, words: int = WORDS) -> Iterator[int]:
    """The hash of each run of words."""
    said = [word.casefold().encode(errors="replace") for word in _WORD.findall(view(text).text)]
    for start in range(len(said) - words + 1):
        run = b" ".join(said[start : start + words])
        yield int.from_bytes(hashlib.blake2b(run, digest_size=_SIZE, key=key).digest(), "big")


def print_of(
    text: str, key: bytes, now: datetime, public: Iterable[int] = ()
) -> DocumentPrint | None:
    """What a document is recognised by; None where it has too few passages to be.

    Args:
        text: the document.
        key: of the hashes.
        now: the present.
        public: passages that are no secret: stock phrases, what was published.

    Raises:
        ValueError: it has more passages than a message holds.
    """
    found = sorted(set(passages(text, key)) - set(public))
    if len(found) < LEAST:
        return None
    if len(found) > MOST:
        msg = f"{len(found)} passages are more than {MOST}: cut the document in parts"
        raise ValueError(msg)
    return DocumentPrint(
        words=WORDS,
        passages=len(found),
        hashes=struct.pack(f">{len(found)}Q", *found),
        check=_check(key),
        at=now,
    )


class Prints:
    """The documents that are watched for.

    Args:
        key: of the hashes; None where no salt is set, and no document can be recognised.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self._documents: dict[str, frozenset[int]] = {}
        self._places: dict[int, list[str]] = {}

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._places)

    def learn(self, name: bytes | None, value: bytes | None) -> None:
        """Take in a message of the topic; what cannot be read or used is said, and left out."""
        document = (name or b"").decode(errors="replace")
        for place in self._documents.pop(document, frozenset()):
            self._places[place].remove(document)
            if not self._places[place]:
                del self._places[place]
        if value is None:
            return
        try:
            made = decode_print(value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.warning("the fingerprint of %s cannot be read: %s", document, error)
            return
        if self._key is None or made.check != _check(self._key) or made.words != WORDS:
            _log.warning("the fingerprint of %s was made with another salt: not used", document)
            return
        count = len(made.hashes) // _SIZE
        found = frozenset(struct.unpack(f">{count}Q", made.hashes[: count * _SIZE]))
        self._documents[document] = found
        for place in found:
            self._places.setdefault(place, []).append(document)

    def find(self, text: str, *, staff: bool = False) -> list[Leak]:
        """The documents that a text holds passages of.

        Args:
            text: title and text of a post.
            staff: whether one of our own people says it.
        """
        if not self._places or self._key is None:
            return []
        counts: dict[str, int] = {}
        for place in set(passages(text[:_READ], self._key)) & self._places.keys():
            for document in self._places[place]:
                counts[document] = counts.get(document, 0) + 1
        least = 1 if staff else LEAST
        return [Leak(name, count) for name, count in sorted(counts.items()) if count >= least]


def _check(key: bytes) -> str:
    return hashlib.blake2b(b"check", digest_size=8, key=key).hexdigest()
