"""Who is not to be collected again: the keys of ``mentions.forgotten``.

The topic names nobody: a key is a keyed hash of a mention's id, or of one of its author's names. A
consumer that holds mentions from elsewhere may honour it too.
"""

import hashlib
import unicodedata
from typing import Final

from schemas.mention import Author, RawMention

__all__ = ["keys", "names", "of_author", "of_id"]

_BYTES: Final = 16


def of_id(name: str, salt: bytes = b"") -> str:
    """The key of a mention's id."""
    return f"id:{_hash(name, salt)}"


def of_author(name: str, salt: bytes = b"") -> str:
    """The key of an author's identifier, handle, displayed name or profile page.

    Case, a leading ``@`` and Unicode's compatible forms do not count.
    """
    return f"author:{_hash(folded(name), salt)}"


def keys(mention: RawMention, salt: bytes = b"") -> list[str]:
    """All keys under which a mention may be forgotten."""
    return [of_id(mention.id, salt), *(of_author(name, salt) for name in names(mention.author))]


def names(author: Author | None) -> list[str]:
    """What an author is known by."""
    if author is None:
        return []
    return [name for name in (author.id, author.handle, author.name, author.url) if name]


def folded(name: str) -> str:
    """A name in the form in which it is compared."""
    return unicodedata.normalize("NFKC", name).strip().removeprefix("@").casefold()


def _hash(text: str, salt: bytes) -> str:
    key = hashlib.sha256(salt).digest() if salt else b""
    return hashlib.blake2b(
        text.encode(errors="surrogatepass"), digest_size=_BYTES, key=key
    ).hexdigest()
