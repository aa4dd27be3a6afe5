"""What confidential documents are recognised by: messages on the compacted ``mentions.leaks``.

A document is cut into all its runs of ``words`` neighbouring words, and a keyed hash of each is
kept. Who has the hashes but not the key can neither read the document nor try sentences out.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Count, Instant

__all__ = ["DocumentPrint", "decode_print"]


class DocumentPrint(Struct, frozen=True, kw_only=True):
    """The passages of one document; the key is its name, a null value ends the watch for it."""

    words: Annotated[int, Meta(ge=3, le=20), About(6, unit="words")]
    """How long a passage is."""
    passages: Count
    """How many different passages there are."""
    hashes: Annotated[bytes, Meta(min_length=8, max_length=1_200_000), About("q83vEjRWeJA=")]
    """Of each passage 8 bytes of BLAKE2b under a key made from ``privacy.salt``, one after
    another, sorted."""
    check: Annotated[str, Meta(pattern="^[0-9a-f]{16}$"), About("0123456789abcdef")]
    """A hash of the key alone, which tells whether a reader has the same."""
    at: Instant
    """When it was made."""


_decoder = msgspec.json.Decoder(DocumentPrint)


def decode_print(value: bytes) -> DocumentPrint:
    """Read the value of a message on ``mentions.leaks``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)
