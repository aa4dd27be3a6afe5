"""Who is not to be collected again: the keys of ``mentions.forgotten``; and authors' pseudonyms.

The topic names nobody: a key is a keyed hash of a mention's id, or of one of its author's names. A
consumer that holds mentions from elsewhere may honour it too.

A pseudonym is such a hash in place of a name: the same author is still the same, over all sources,
and who has the salt can find a person whose name is known, to forget them.
"""

import hashlib
import unicodedata
from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from schemas.about import About
from schemas.mention import Author, RawMention

__all__ = ["Forgetting", "anonymous", "folded", "keys", "names", "of_author", "of_id", "pseudonym"]

_BYTES: Final = 16


class Forgetting(Struct, frozen=True):
    """Somebody is not to be collected again: the key says who."""

    at: Annotated[datetime, Meta(tz=True), About("2026-01-02T03:04:05Z", unit="UTC, RFC 3339")]
    """When it was asked for."""


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


def pseudonym(name: str, salt: bytes) -> str:
    """What stands in place of an author's identifier, handle or displayed name."""
    return f"p-{_hash(folded(name), salt)}"


def anonymous(author: Author, salt: bytes) -> Author:
    """The author under pseudonyms, without the link to the profile page.

    The numbers of followers and posts stay; what a text says of its author stays as well.
    """
    return replace(
        author,
        id=author.id and pseudonym(author.id, salt),
        handle=author.handle and pseudonym(author.handle, salt),
        name=author.name and pseudonym(author.name, salt),
        url=None,
    )


def folded(name: str) -> str:
    """A name in the form in which it is compared."""
    return unicodedata.normalize("NFKC", name).strip().removeprefix("@").casefold()


def _hash(text: str, salt: bytes) -> str:
    key = hashlib.sha256(salt).digest() if salt else b""
    return hashlib.blake2b(
        text.encode(errors="surrogatepass"), digest_size=_BYTES, key=key
    ).hexdigest()
