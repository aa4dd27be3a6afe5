"""The right people outside: who speaks about a topic and is heard, from what they said of it.

Pure: posts and answers in, people out, the best first. Every figure is explained in words. What the
score is made of, and why somebody is left out, stands in ``docs/people.en.md``.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from statistics import fmean, median
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct, field

from pipeline.advice import Language, share
from pipeline.reasons import channels, reason
from schemas.forgotten import folded
from schemas.mention import Author, Thread

__all__ = ["WEIGHTS", "Kind", "Parts", "Person", "Post", "asking", "people", "person_of"]

Kind: TypeAlias = Literal["journalist", "blogger", "forum regular", "helper", "voice"]

WEIGHTS: Final[Mapping[str, float]] = {
    "reach": 0.2,
    "resonance": 0.2,
    "relevance": 0.15,
    "presence": 0.2,
    "recency": 0.15,
    "tone": 0.1,
}
"""Of the parts of the score; those that are not known are left out of it."""

_MANY_FOLLOWERS: Final = 1_000_000
_MANY_REACTIONS: Final = 1_000
_MANY_STORIES: Final = 31
_HALF_LIFE: Final = timedelta(days=30)
_NOISE: Final = 0.5
_TOGETHER: Final = 3
"""Others who said the same within an hour, from where on it looks agreed upon."""
_PART: Final = 0.5
_REGULAR: Final = 3
_HELPED: Final = 2
_EXAMPLES: Final = 5
_DESKS: Final = frozenset(
    {
        "afp", "agence", "agency", "agentur", "agenzia", "apa", "dpa", "editor", "editorial",
        "editors", "epa", "newsroom", "redacción", "redactie", "redaction", "redakcja", "redaktion",
        "redazione", "reuters", "rédaction", "sda", "staff", "team",
    }
)  # fmt: skip
_INITIALS: Final = re.compile(r"[a-zäöü]{1,4}(?:[/,. -]{1,2}[a-zäöü]{1,4}){0,4}")
"""How desks and agencies sign: ``dpa/ilp``."""


class _Relevance(Struct, frozen=True):
    score: float


class _Match(Struct, frozen=True):
    topic: str
    relevance: _Relevance | None = None


class _Intent(Struct, frozen=True):
    kind: str


class _Language(Struct, frozen=True):
    code: str = "und"


class _Noise(Struct, frozen=True):
    score: float


class _Duplicate(Struct, frozen=True):
    of: str
    authors: int = 0


class Post(Struct, frozen=True):
    """What is read of an indexed mention."""

    id: str
    channel: str
    published_at: datetime
    site: str | None = None
    language: _Language | None = None
    author: Author | None = None
    thread: Thread | None = None
    engagement: dict[str, Any] | None = None
    interactions: int = 0
    matches: tuple[_Match, ...] = ()
    topic_sentiment: tuple[str, ...] = ()
    intents: tuple[_Intent, ...] = ()
    noise: _Noise | None = None
    origin: str | None = None
    duplicate: _Duplicate | None = None


class Parts(Struct, frozen=True, omit_defaults=True):
    """What the score is made of, each 0 … 1; None where it is not known."""

    reach: float | None
    """Followers, on a scale of powers of ten up to a million."""
    resonance: float | None
    """Reactions to the middle one of the stories, the best left out; a thousand are 1."""
    relevance: float | None
    """How likely the posts are about the topic, where that was learnt."""
    presence: float
    """Stories and answers, 31 are 1."""
    recency: float
    """Halves every 30 days since the last post."""
    tone: float
    """0 speaks ill, 1 well of the topic; 0.5 is balanced or not known."""
    independence: float
    """What part of the posts is their own, and no copy of others'."""


class Person(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One author and topic."""

    id: str
    """A hash of topic and author: the document's ``_id``."""
    topic: str
    rank: int = 0
    score: float
    """0 … 100."""
    kinds: tuple[Kind, ...]
    author: Author
    reasons: tuple[str, ...]
    parts: Parts
    followers: int | None
    mentions: int
    stories: int
    answers: int
    sites: tuple[str, ...]
    channels: tuple[str, ...]
    languages: tuple[str, ...] = ()
    last: datetime
    examples: tuple[str, ...]
    """Ids of mentions, the newest first."""
    left_out: str | None = None
    """Why it is nobody to talk to; None for who is."""


class _Known(Struct):
    posts: list[Post] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """Their answer's id → whose question it answers."""


def person_of(post: Post) -> str | None:
    """Names the author of a post; None where nobody knows.

    The platform's identifier or handle counts within a source type and site. A displayed name
    alone counts within a site, in the press and in blogs anywhere: there it is a by-line.
    """
    author = post.author
    if author is None:
        return None
    source = post.id.partition(":")[0]
    if name := author.id or author.handle:
        return f"{source}|{post.site or ''}|{folded(name)}"
    if author.name:
        where = "" if post.channel in {"news", "blog"} else f"{source}|{post.site or ''}"
        return f"{where}|{folded(author.name)}"
    return None


def asking(posts: Iterable[Post]) -> dict[str, str]:
    """The posts that ask something or want help: id → who asks."""
    return {
        post.id: person_of(post) or post.id
        for post in posts
        if any(intent.kind in {"question", "help"} for intent in post.intents)
    }


def people(
    topic: str,
    posts: Iterable[Post],
    replies: Iterable[Post],
    now: datetime,
    lang: Language = "en",
) -> list[Person]:
    """Everybody who spoke of a topic: first those to talk to, the best first, then the left out.

    Args:
        topic: a watchlist topic.
        posts: that match it.
        replies: to those that ``asking`` names, whether they match it or not.
        now: the present.
        lang: of the reasons.
    """
    every = {post.id: post for post in posts}
    questions = asking(every.values())
    known: dict[str, _Known] = {}
    for post in every.values():
        if (who := person_of(post)) is not None:
            known.setdefault(who, _Known()).posts.append(post)
    for reply in {**every, **{reply.id: reply for reply in replies}}.values():
        who, asker = person_of(reply), _answers(reply, questions)
        if who is not None and asker is not None and asker != who:
            person = known.setdefault(who, _Known())
            person.answers[reply.id] = asker
            if reply.id not in every:
                person.posts.append(reply)
    ours = {
        folded(post.author.name)
        for person in known.values()
        for post in person.posts
        if post.origin is not None and post.author is not None and post.author.name
    }
    found = [_person(topic, who, person, ours, now, lang) for who, person in known.items()]
    found.sort(key=lambda one: (one.left_out is not None, -one.score, one.id))
    return found


def _answers(reply: Post, questions: Mapping[str, str]) -> str | None:
    """Whose question a post answers."""
    thread = reply.thread
    if thread is None or thread.kind != "reply" or reply.id in questions:
        return None
    for name in (thread.parent_id, thread.root_id):
        if name is not None and name in questions:
            return questions[name]
    return None


def _person(  # noqa: PLR0917 - what people() has, each
    topic: str, who: str, person: _Known, ours: set[str], now: datetime, lang: Language
) -> Person:
    posts = sorted(person.posts, key=lambda post: post.published_at, reverse=True)
    own = [post for post in posts if not _copied(post)]
    stories = [post for post in own if post.id not in person.answers]
    authors = [post.author for post in posts if post.author is not None]
    followers = max((a.followers for a in authors if a.followers is not None), default=None)
    tones = Counter(_tone(post, topic) for post in posts)
    parts = Parts(
        reach=None if followers is None else _log(followers, _MANY_FOLLOWERS),
        resonance=_resonance(own),
        relevance=_relevance(posts, topic),
        presence=_log(len(own), _MANY_STORIES),
        recency=0.5 ** (max(now - posts[0].published_at, timedelta()) / _HALF_LIFE),
        tone=0.5 + (tones["positive"] - tones["negative"]) / (2 * (len(posts) + 2)),
        independence=len(own) / len(posts),
    )
    kinds = _kinds(posts, own, person.answers)
    return Person(
        id=hashlib.blake2b(f"{topic}\n{who}".encode(errors="replace"), digest_size=16).hexdigest(),
        topic=topic,
        score=round(_score(parts), 1),
        kinds=kinds,
        author=authors[0],
        reasons=tuple(_reasons(posts, person, followers, tones, now, lang)),
        parts=parts,
        followers=followers,
        mentions=len(posts),
        stories=len(stories),
        answers=len(person.answers),
        sites=tuple(dict.fromkeys(post.site for post in posts if post.site))[:_EXAMPLES],
        channels=tuple(dict.fromkeys(post.channel for post in posts)),
        languages=tuple(
            dict.fromkeys(
                post.language.code
                for post in posts
                if post.language is not None and post.language.code != "und"
            )
        ),
        last=posts[0].published_at,
        examples=tuple(post.id for post in posts[:_EXAMPLES]),
        left_out=_left_out(posts, ours, lang),
    )


def _score(parts: Parts) -> float:
    known = {name: getattr(parts, name) for name in WEIGHTS if getattr(parts, name) is not None}
    total = math.fsum(WEIGHTS[name] for name in known)
    return (
        100 * parts.independence * math.fsum(WEIGHTS[name] * known[name] for name in known) / total
    )


def _log(count: float, many: int) -> float:
    return min(math.log1p(count) / math.log1p(many), 1.0)


def _copied(post: Post) -> bool:
    reposted = post.thread is not None and post.thread.kind == "repost"
    return reposted or post.duplicate is not None


def _resonance(own: list[Post]) -> float | None:
    """The best one is left out: one viral post makes nobody heard."""
    counted = sorted(post.interactions for post in own if post.engagement is not None)
    if not counted:
        return None
    return _log(median(counted[:-1]), _MANY_REACTIONS) if counted[:-1] else 0.0


def _relevance(posts: list[Post], topic: str) -> float | None:
    scores = [
        match.relevance.score
        for post in posts
        for match in post.matches
        if match.topic == topic and match.relevance is not None
    ]
    return fmean(scores) if scores else None


def _tone(post: Post, topic: str) -> str:
    for joined in post.topic_sentiment:
        name, _, label = joined.rpartition("|")
        if name == topic:
            return label
    return ""


def _kinds(posts: list[Post], own: list[Post], answers: Mapping[str, str]) -> tuple[Kind, ...]:
    channels = Counter(post.channel for post in posts)
    asked = sum(1 for post in posts if _wants(post))
    found: list[Kind] = []
    if channels["news"] >= _PART * len(posts):
        found.append("journalist")
    if channels["blog"] >= _PART * len(posts):
        found.append("blogger")
    days = {post.published_at.astimezone(UTC).date() for post in own}
    if channels["forum"] >= _PART * len(posts) and len(own) >= _REGULAR and len(days) > 1:
        found.append("forum regular")
    if len(answers) >= max(_HELPED, asked) and len(set(answers.values())) >= _HELPED:
        found.append("helper")
    return tuple(found) or ("voice",)


def _wants(post: Post) -> bool:
    return any(intent.kind in {"question", "help", "complaint"} for intent in post.intents)


def _left_out(posts: list[Post], ours: set[str], lang: Language) -> str | None:
    """The first reason why it is nobody to talk to.

    Args:
        posts: all of an author.
        ours: names that our own accounts and people bear.
        lang: of the reason.
    """
    names = {
        folded(post.author.name) for post in posts if post.author is not None and post.author.name
    }
    origins = {post.origin for post in posts}
    count, least = len(posts), _PART * len(posts)
    noisy = sum(1 for post in posts if post.noise is not None and post.noise.score >= _NOISE)
    together = sum(
        1 for post in posts if post.duplicate is not None and post.duplicate.authors >= _TOGETHER
    )
    bot = any(post.author is not None and post.author.kind == "bot" for post in posts)
    reasons = (
        ("staff", 0, "staff" in origins),
        ("own", 0, "own" in origins),
        ("namesake", 0, not ours.isdisjoint(names)),
        ("bot", 0, bot),
        ("desk", 0, _is_desk(posts[0])),
        ("noisy", noisy, noisy >= least),
        ("together", together, together >= least),
        ("echo", 0, all(map(_copied, posts))),
    )
    return next(
        (reason(code, lang, number, posts=count) for code, number, holds in reasons if holds), None
    )


def _is_desk(post: Post) -> bool:
    author = post.author
    if author is None or not author.name or post.channel not in {"news", "blog"}:
        return False
    words = re.split(r"\W+", author.name.lower())
    return bool(_INITIALS.fullmatch(author.name)) or not _DESKS.isdisjoint(words)


def _reasons(  # noqa: PLR0917 - what _person() has, each
    posts: list[Post],
    person: _Known,
    followers: int | None,
    tones: Counter[str],
    now: datetime,
    lang: Language,
) -> Iterator[str]:
    sites = {post.site for post in posts if post.site}
    where = Counter(post.channel for post in posts).most_common(2)
    on = reason("on sites", lang, len(sites), name=next(iter(sites))) if sites else ""
    count = sum(1 for post in posts if not _copied(post) and post.id not in person.answers)
    yield reason("stories", lang, count, where=channels((name for name, _ in where), lang), on=on)
    if answers := person.answers:
        people = reason("people", lang, len(set(answers.values())))
        yield reason("answers", lang, len(answers), people=people)
    if any(post.author is not None and post.author.kind == "organisation" for post in posts):
        yield reason("organisation", lang)
    if followers is not None:
        yield reason("followers", lang, followers)
    counted = sorted(
        post.interactions for post in posts if post.engagement is not None and not _copied(post)
    )
    if counted[:-1]:
        yield reason("reactions", lang, round(median(counted[:-1])))
    elif counted:
        yield reason("one reaction", lang)
    if toned := sum(tones[label] for label in ("positive", "neutral", "negative")):
        good, bad = (share(tones[label] / toned, lang) for label in ("positive", "negative"))
        yield reason("tone", lang, positive=good, negative=bad)
    if copied := sum(map(_copied, posts)):
        yield reason("copies", lang, copied, posts=len(posts))
    days = max((now - posts[0].published_at).days, 0)
    yield reason("last", lang, days) if days else reason("today", lang)
