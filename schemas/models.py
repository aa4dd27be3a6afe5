"""Which trained model judges a language: messages on the compacted topic ``mentions.models``.

The models themselves stand on the same topic, as MessagePack that the pipeline alone reads.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Version

__all__ = ["SHIPPED", "InForce"]

SHIPPED: Final = "shipped"
"""The version that stands for the model that comes with the package."""


class InForce(Struct, frozen=True):
    """Which version judges a language; the key is ``active:<language>``."""

    version: Annotated[Version, About("0123456789ab")] = SHIPPED
    """The model in force, by its key ``model:<language>:<version>``, or ``shipped``."""
    before: Annotated[tuple[Annotated[Version, About(SHIPPED)], ...], Meta(max_length=50)] = ()
    """Versions that were in force, the last first."""
