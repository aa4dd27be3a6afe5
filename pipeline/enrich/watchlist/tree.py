"""What a query says, as a tree; every node knows where it stands in the query."""

from typing import TypeAlias

from msgspec import Struct

__all__ = ["All", "Any", "Field", "Near", "Node", "Not", "Options", "Term"]


class Options(Struct, frozen=True):
    """How a term is compared, each switched on by its name in brackets: ``SAP[case]``."""

    case: bool = False
    """Capitals count."""
    accents: bool = False
    """Accents and umlauts count."""
    forms: bool = False
    """Inflected forms are found too."""
    compound: bool = False
    """Compounds with the word are found too."""


class Term(Struct, frozen=True):
    """A word or phrase."""

    text: str
    """Tidy; with ``*`` and ``?`` where ``wild`` says so."""
    written: str
    """As in the query."""
    position: int
    options: Options = Options()
    wild: bool = False


class Field(Struct, frozen=True):
    """A property of the mention: one of some values, or a number in a range."""

    name: str
    written: str
    position: int
    values: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    open_least: bool = False
    """The lower end itself does not count."""
    open_most: bool = False


class Not(Struct, frozen=True):
    """What must not be so."""

    part: "Node"


class All(Struct, frozen=True):
    """Every part holds."""

    parts: tuple["Node", ...]


class Any(Struct, frozen=True):
    """At least one part holds."""

    parts: tuple["Node", ...]


class Near(Struct, frozen=True):
    """Two parts stand with at most ``distance`` words between them, in the same field."""

    left: "Node"
    right: "Node"
    distance: int
    ordered: bool
    """The left part stands first."""


Node: TypeAlias = Term | Field | Not | All | Any | Near
