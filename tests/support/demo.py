"""The demo's mentions, enriched as the pipeline would, without servers and agents."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from agents.mention import make
from agents.source import SourceConfig
from pipeline.demo.story import Post, Story, tell
from pipeline.demo.world import mention_id
from pipeline.enrich.chain import Chain
from pipeline.settings import load
from schemas.mention import EnrichedMention, RawMention, decode_enriched, encode

__all__ = ["CONFIG", "mentions", "raw"]

CONFIG = (files("pipeline.demo") / "mentions.toml").read_text("utf-8")


def raw(around: datetime) -> list[RawMention]:
    """What is there to be found, told around a moment, as agents publish it."""
    story = tell(around)
    return [make(*_raw(story, post)) for post in story.posts.values() if post.deleted_at is None]


def mentions(around: datetime, folder: Path) -> list[EnrichedMention]:
    """The same, enriched."""
    config = folder / "demo.toml"
    config.write_text(CONFIG, "utf-8")
    made = [decode_enriched(encode(each)) for each in raw(around)]
    Chain.build(load(config)).enrich(made, datetime.now(UTC))
    return made


def _raw(story: Story, post: Post) -> tuple[dict[str, Any], SourceConfig]:
    line, author = post.line, post.author
    fields: dict[str, Any] = {
        "id": mention_id(post),
        "channel": post.where,
        "text": post.edits[-1][1] if post.edits else line.text,
        "title": line.title,
        "url": f"https://{post.where}.example/{line.id}",
        "published_at": post.said_at,
        "collected_at": post.said_at + timedelta(minutes=1),
        "author": {"handle": line.by, "name": line.by, **_profile(author)},
        "engagement": {
            name: getattr(line, name) for name in ("likes", "replies", "reposts", "views")
        },
        "rating": {"value": float(line.stars)} if line.stars else None,
        "thread": dict(_thread(story, post)) or None,
        "place": {"name": line.place, "country": line.country} if line.place else None,
    }
    return fields, SourceConfig(type=post.where, name=post.where)


def _profile(author: Any) -> dict[str, Any]:
    if author is None:
        return {}
    known = ("name", "followers", "kind", "verified")
    return {name: value for name in known if (value := getattr(author, name)) is not None}


def _thread(story: Story, post: Post) -> Iterator[tuple[str, str]]:
    root = story.root_of(post)
    if root is not None and post.line.to is not None:
        yield "kind", str(post.line.kind)
        yield "parent_id", mention_id(story.posts[post.line.to])
        yield "root_id", mention_id(story.posts[root])
