"""Alerts, stories and channels for tests of what is told."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from pipeline.settings import NotifyChannel
from pipeline.work.telling import Story
from schemas.alert import Alert

__all__ = ["NOW", "alert", "channel", "story"]

NOW: Final = datetime(2026, 1, 7, 12, tzinfo=UTC)


def alert(name: str = "1", **fields: Any) -> Alert:
    """A spike."""
    made = Alert(
        id=f"spike:Bahn:{name}",
        kind="spike",
        topic="Bahn",
        severity="warning",
        at=NOW,
        since=NOW,
        observed=9.0,
        why="9 mentions",
        mentions=("t:1",),
    )
    return msgspec.structs.replace(made, **fields)


def story(name: str = "1", **fields: Any) -> Story:
    """Work of the team press."""
    made = Story(
        id=f"new:press:{name}",
        kind="new",
        teams=("press",),
        topic="Bahn",
        severity="warning",
        at=NOW,
        due=NOW,
        why="1 mention",
        count=1,
        mentions=("t:1",),
    )
    return msgspec.structs.replace(made, **fields)


def channel(**fields: Any) -> NotifyChannel:
    """A channel whose address stands in ``DESK_URL``."""
    return NotifyChannel.model_validate({"name": "desk", "url": "env:DESK_URL"} | fields)
