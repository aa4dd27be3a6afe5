"""What is said of a field beside its type: an example, its unit, whether it is personal data.

A field's meaning is the docstring below it; since when it exists is read from the schemas that were
released. ``About`` stands in an ``Annotated``, mostly in a type alias, so that a field needs one of
its own only where it differs. msgspec passes over it: it costs nothing when messages are read.
"""

from collections.abc import Iterable

from msgspec import Struct

__all__ = ["About", "merged"]


class About(Struct, frozen=True):
    """Facts about a field; what is None is left to the alias inside, or to the enclosing part."""

    example: str | int | float | bool | None = None
    """A value as it stands in the JSON. Parts need none: theirs is made of their fields'."""
    unit: str | None = None
    """What a number or a time is measured in."""
    personal: bool | None = None
    """Whether it says something about a living person. A part that is makes its fields so."""


def merged(notes: Iterable[object]) -> About:
    """All facts of some annotations, inner ones first; the outermost that says something counts."""
    example, unit, personal = None, None, None
    for note in notes:
        if isinstance(note, About):
            example = note.example if note.example is not None else example
            unit = note.unit if note.unit is not None else unit
            personal = note.personal if note.personal is not None else personal
    return About(example, unit, personal)
