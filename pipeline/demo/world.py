"""Everything outside the pipeline that the demo needs: newspapers, files, and people who post.

Mentions reach it by the three roads there are: outlets have feeds, forums and the like lie in
files, and microblogs are pushed in the order they were said, with their edits and deletions.
"""

import csv
import json
import secrets
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
from msgspec import Struct
from tenacity import retry, retry_if_exception_type, wait_fixed

from pipeline.demo import outlets
from pipeline.demo.story import Post, Story, tell

__all__ = ["World"]

_OUTLETS: Final = "127.0.0.1:8088"
_PUSH: Final = "127.0.0.1:8089"
_HERE: Final = ZoneInfo("Europe/Berlin")
_AT_ONCE: Final = 10  # posts in one request
_FILES: Final = {"forum": "forum.jsonl", "social": "social.jsonl", "mail": "mail.jsonl"}
_REVIEWS: Final = ("Nr", "Datum", "Sterne", "Produkt", "Titel", "Bewertung", "Name", "Sprache")


class _NotYetError(Exception):
    """The endpoint does not take it now."""


class _Step(Struct, frozen=True):
    """One thing that happens on the microblog: something is posted, or deleted."""

    at: datetime
    id: str
    mention: dict[str, Any] | None
    """None for a deletion."""


class World:
    """The invented company's public, around a moment.

    Args:
        around: the moment at which the story has just been told.
        folder: where files and the configuration go.
    """

    def __init__(self, around: datetime, folder: Path) -> None:
        self._folder = folder
        self._story: Story = tell(around)
        self._sockets = [_bound(_OUTLETS), _bound(_PUSH)]
        self._outlets, self._push = ("{}:{}".format(*s.getsockname()) for s in self._sockets)
        self.token = secrets.token_urlsafe()
        """What the endpoint asks of those who post."""

    def close(self) -> None:
        """Let go of the ports."""
        for bound in self._sockets:
            bound.close()

    @property
    def expected_ids(self) -> frozenset[str]:
        """Ids of all mentions that must be found in the end."""
        return frozenset(
            mention_id(post) for post in self._story.posts.values() if post.deleted_at is None
        )

    def render(self) -> Path:
        """Write the files and the configuration; returns the path of the latter."""
        for place, name in _FILES.items():
            rows = [json.dumps(self._fields(p), ensure_ascii=False) for p in self._in_file(place)]
            (self._folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
        self._write_table("video.tsv", "\t", [self._flat(post) for post in self._in_file("video")])
        self._write_table("reviews.csv", ";", [_review(post) for post in self._in_file("review")])
        template = (files("pipeline.demo") / "mentions.toml").read_text(encoding="utf-8")
        path = self._folder / "mentions.toml"
        content = template.replace(_OUTLETS, self._outlets).replace(_PUSH, self._push)
        path.write_text(content, encoding="utf-8")
        return path

    @contextmanager
    def live(self, pause: float) -> Iterator[None]:
        """Serve the outlets and post, in threads, until the end of the block.

        Args:
            pause: seconds between two requests to the endpoint.
        """
        outlets_socket, push_socket = self._sockets
        push_socket.close()  # it was only held so that nobody else took it
        over = threading.Event()
        posting = threading.Thread(target=self._post, args=(pause, over), daemon=True)
        with outlets.serve(self._story, outlets_socket):
            posting.start()
            try:
                yield
            finally:
                over.set()
                posting.join()

    def _in_file(self, place: str) -> list[Post]:
        return [p for p in self._story.posts.values() if p.where == place and not p.pushed]

    def _write_table(self, name: str, delimiter: str, rows: Sequence[dict[str, Any]]) -> None:
        with (self._folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)

    def _fields(self, post: Post) -> dict[str, Any]:
        """A post in the words of ``RawMention``, as a file or a request has it."""
        line, author = post.line, post.author
        fields: dict[str, Any] = {
            "id": mention_id(post) if post.pushed else line.id,
            "published_at": post.said_at.isoformat(),
            "text": line.text,
            "title": line.title,
            "author": {
                "handle": line.by if author else None,
                "name": (author.name or author.by) if author else line.by,
                "followers": author.followers if author else None,
                "kind": author.kind if author else None,
                "verified": author.verified if author else None,
            },
            "language_hint": line.lang,
            "url": f"https://{post.where}.example/{line.id}",
            "engagement": {
                name: count
                for name in ("likes", "replies", "reposts", "views")
                if (count := getattr(line, name)) is not None
            },
        }
        if line.to is not None:
            fields["thread"] = {
                "kind": line.kind,
                "parent_id": self._reference(line.to),
                "root_id": self._reference(self._story.root_of(post) or line.to),
            }
        if line.place:
            fields["place"] = {"name": line.place, "country": line.country}
        if line.image:
            url = f"https://{post.where}.example/{line.id}.jpg"
            fields["media"] = [{"url": url, "kind": "image", "alt": line.image}]
        return {name: value for name, value in fields.items() if value not in (None, {})}

    def _reference(self, native: str) -> str:
        """What a thread calls a post: files by the table's own id, requests by the mention's."""
        post = self._story.posts[native]
        return mention_id(post) if post.pushed else native

    def _flat(self, post: Post) -> dict[str, Any]:
        """The fields of a post as the cells of a row; nested ones with dots, absent ones empty."""
        fields = self._fields(post)
        row = {name: fields.get(name) for name in ("id", "published_at", "title", "text", "url")}
        for part, names in {
            "author": ("handle", "name", "followers"),
            "engagement": ("likes", "replies", "views"),
            "thread": ("kind", "parent_id", "root_id"),
        }.items():
            row |= {f"{part}.{name}": fields.get(part, {}).get(name) for name in names}
        return row | {"language_hint": fields.get("language_hint")}

    def _steps(self) -> list[_Step]:
        """What is posted, edited and deleted, in the order in which it happened."""
        steps = []
        for post in self._story.posts.values():
            if not post.pushed:
                continue
            mention = {"channel": post.where, **self._fields(post)}
            steps.append(_Step(post.said_at, mention["id"], mention))
            steps += [
                _Step(at, mention["id"], {**mention, "text": text, "edited_at": at.isoformat()})
                for at, text in post.edits
            ]
            if post.deleted_at is not None:
                steps.append(_Step(post.deleted_at, mention["id"], None))
        return sorted(steps, key=lambda step: step.at)

    def _post(self, pause: float, over: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=f"http://{self._push}", headers=headers, timeout=30) as client:
            for steps in _batches(self._steps()):
                if over.is_set():
                    return
                _send(client, steps, over)
                over.wait(pause)


def mention_id(post: Post) -> str:
    """The id that the mention of a post gets."""
    if post.from_feed:
        return f"feeds:{outlets.guid(post)}"
    return f"push:{post.line.id}" if post.pushed else f"files:{post.where}/{post.line.id}"


def _review(post: Post) -> dict[str, Any]:
    """A row of the review portal's table, with its own words and way of writing dates."""
    line = post.line
    said = f"{post.said_at.astimezone(_HERE):%d.%m.%Y %H:%M}"
    cells = (line.id, said, line.stars, line.product, line.title, line.text, line.by, line.lang)
    return dict(zip(_REVIEWS, cells, strict=True))


def _batches(steps: Sequence[_Step]) -> Iterator[list[_Step]]:
    """Steps that one request can take: several posts, or one deletion."""
    batch: list[_Step] = []
    for step in steps:
        if batch and (step.mention is None or len(batch) == _AT_ONCE):
            yield batch
            batch = []
        if step.mention is None:
            yield [step]
        else:
            batch.append(step)
    if batch:
        yield batch


@retry(retry=retry_if_exception_type((httpx.TransportError, _NotYetError)), wait=wait_fixed(0.3))
def _send(client: httpx.Client, steps: Sequence[_Step], over: threading.Event) -> None:
    """Post, for as long as it takes until the endpoint has confirmed it, or it is over."""
    if over.is_set():
        return
    if steps[0].mention is None:
        answer = client.delete(f"/mentions/{steps[0].id}")
    else:
        answer = client.post("/mentions", json=[step.mention for step in steps])
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _NotYetError
    answer.raise_for_status()


def _bound(address: str) -> socket.socket:
    """A listening socket at an address, or, where that is taken, at another port."""
    host, _, port = address.rpartition(":")
    try:
        return socket.create_server((host, int(port)))
    except OSError:
        return socket.create_server((host, 0))
