"""Which names things have in Kibana.

Kibana keeps data views, dashboards and rules under ids that are unique over all spaces, so the
space is part of each id. Ids that start with the space's prefix are this project's: an upgrade
removes what it no longer has, and nothing else.
"""

import hashlib
import uuid
from typing import Final

from msgspec import Struct

from pipeline.kibana.words import Lang

__all__ = ["TAG", "Place"]

TAG: Final = "mention-pipeline"
"""What rules carry, whose ids say nothing."""


class Place(Struct, frozen=True):
    """Where the content goes."""

    space: str = "default"
    lang: Lang = "de"
    alias: str = "mentions"
    """The name over all mentions in Elasticsearch."""
    page: str | None = None
    """Where browsers find the page on which mentions are corrected; None where there is none."""
    team: str | None = None
    """The team whose space it is; None where all is shown."""
    topics: tuple[str, ...] = ()
    """What the team is routed, chosen on dashboards to begin with; empty for everything."""

    @property
    def prefix(self) -> str:
        """What the ids of this place start with."""
        return "mentions-" if self.space == "default" else f"{self.space}-mentions-"

    def id(self, name: str) -> str:
        """The id of a data view, dashboard or Discover session."""
        return self.prefix + name

    def uuid(self, name: str) -> str:
        """The id of a rule or connector: Kibana takes only a random UUID, so it looks like one."""
        digest = hashlib.sha256(f"{self.prefix}{name}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def path(self, path: str) -> str:
        """An API path in this space."""
        return path if self.space == "default" else f"/s/{self.space}{path}"
