"""How far each source has been read: messages on the compacted topic ``mentions.cursors``."""

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from schemas.about import About
from schemas.coverage import GAPS, Stretch

__all__ = ["Progress"]

_Moment: TypeAlias = Annotated[int, About(1_767_323_045_000, unit="milliseconds since 1970")]


class Progress(Struct, frozen=True, omit_defaults=True):
    """How far a source has been read; the key is its name, a null value forgets it."""

    cursor: dict[Annotated[str, About("etag")], Annotated[Any, About("33a64df5")]] | None = None
    """A small object that only the source understands."""
    until: _Moment | None = None
    """All is read that was shown up to this moment, or a later one."""
    backfill: Annotated[str, Meta(max_length=64), About("9f86d081884c7d65")] | None = None
    """The last order to read again that was begun."""
    since: _Moment | None = None
    """From when on all is read that was shown, once that order is done; None when it is."""
    gaps: Annotated[tuple[Stretch, ...], Meta(max_length=GAPS)] = ()
    """What was not shown to readings since the last that came to its end, the oldest first; the
    next one that does says so in the ledger. The nearest of too many are one."""
