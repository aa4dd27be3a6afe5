"""What an analyst can say of a mention, at the command line and on the page."""

from typing import Final, get_args

from msgspec import Struct

from schemas.mention import EntityKind, Label, Part

__all__ = ["ENTITIES", "OF", "RELEVANCE", "TONES", "TOPICS", "VERDICTS", "WITHDRAWN", "Word"]

RELEVANCE: Final = ("relevant", "irrelevant")
TONES: Final = get_args(Label)
TOPICS: Final = ("about", "not-about")
ENTITIES: Final = (*get_args(EntityKind), "no-entity")
WITHDRAWN: Final = "withdrawn"
VERDICTS: Final = (*RELEVANCE, *TONES, *TOPICS, *ENTITIES, WITHDRAWN)
OF: Final = ("relevance", *get_args(Part))
"""What can be withdrawn."""


class Word(Struct, frozen=True, kw_only=True):
    """One word of one analyst."""

    mention: str
    verdict: str
    """One of ``VERDICTS``."""
    by: str
    topic: str | None = None
    """Which topic; needed where the mention matches several."""
    entity: str | None = None
    """Which entity, as written in the text."""
    of: str | None = None
    """What is withdrawn; by default relevance."""
    note: str | None = None

    @property
    def part(self) -> Part | None:
        """Which finding it is about; None: relevance."""
        if self.verdict == WITHDRAWN:
            return next((part for part in get_args(Part) if part == self.of), None)
        if self.verdict in TONES:
            return "target" if self.topic is not None else "sentiment"
        if self.verdict in TOPICS:
            return "topic"
        return "entity" if self.verdict in ENTITIES else None
