"""How much a mention looks like a bot's or like spam, and who speaks for us.

The score is a sum of reasons, each named and weighed, cut to 0 … 1: an analyst sees why, and can
leave out what is above a score of their choice. It looks at the text, at what the platform says of
its author, and at near copies: one account that repeats itself, many that say the same within an
hour (a hint that they act together; a chain letter looks alike). ``origin`` marks own accounts, own
sites and staff, as configured.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

from pipeline.enrich import lookalikes
from pipeline.enrich.text import View
from pipeline.settings import Own
from schemas.mention import Author, Duplicate, Noise, Producer, RawMention, Reason

__all__ = ["Origins", "noise", "with_copies"]

BY: Final = Producer(name="noise", version="1")

_DAY: Final = 86_400.0
_BUSY: Final = 50.0
"""Posts a day, over the account's life, that few people write."""
_RESTLESS: Final = 150.0
_YOUNG: Final = 14.0  # days
_FOLLOWS_MANY: Final = 500
_UNEVEN: Final = 10
"""Follows so many times more accounts than follow it."""
_MANY_TAGS: Final = 6
_MANY_HANDLES: Final = 5
_MANY_LINKS: Final = 3
_FEW_WORDS: Final = 5
_MANY_REPEATS: Final = 3
_MANY_AUTHORS: Final = 10
_LETTERS: Final = 40
"""Letters of a text that can be called shouted."""
_SHOUTED: Final = 0.7
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_MADE_UP: Final = re.compile(r"[A-Za-z]{3,}_?\d{6,}")
_LURES: Final = re.compile(  # in lower case: ignoring case would try every word at every place
    r"(?<!\w)(?:jetzt klicken|hier klicken|klick(?:t|e)? (?:auf den )?link|link in (?:der )?bio"
    r"|geld verdienen|verdiene (?:bis zu )?\d+|passives einkommen|finanzielle freiheit"
    r"|gratis (?:iphone|gutschein)|gutschein(?:code)? sichern|online[- ]?casino|freispiele"
    r"|schreib(?:t)? mir (?:auf|per) (?:whatsapp|telegram|dm)|follower kaufen|100 ?% gratis"
    r"|click (?:here|the link|my link)|make money|earn (?:up to )?\$?\d+|passive income"
    r"|free (?:iphone|gift ?card|followers)|giveaway|airdrop|(?:dm|text|message) me (?:on|for|now)"
    r"|whats?app me|follow (?:for|4) follow|f4f|buy followers|forex|crypto signals|binary options"
    r"|viagra|cialis|onlyfans|work from home|limited time offer|act now)(?!\w)"
)


def noise(mention: RawMention, text: View) -> Noise | None:
    """Judge a mention; None where nothing speaks against it.

    Args:
        mention: what the platform says of it and its author.
        text: its text.
    """
    reasons = _of_the_text(text)
    if mention.author is not None:
        reasons += _of_the_author(mention.author, mention.collected_at)
    return _summed(reasons)


def with_copies(found: Noise | None, copy: Duplicate) -> Noise | None:
    """The same judgement, with what near copies add to it."""
    reasons = list(found.reasons if found else ())
    if copy.repeats >= _MANY_REPEATS:
        reasons.append(Reason(name="says it again and again", weight=0.4))
    elif copy.repeats:
        reasons.append(Reason(name="says it again", weight=0.15))
    if copy.authors >= _MANY_AUTHORS:
        reasons.append(Reason(name="many say it at once", weight=0.3))
    return _summed(reasons)


def _summed(reasons: Sequence[Reason]) -> Noise | None:
    if not reasons:
        return None
    score = min(max(sum(reason.weight for reason in reasons), 0.0), 1.0)
    return Noise(score=round(score, 2), reasons=tuple(reasons), by=BY)


def _of_the_text(text: View) -> list[Reason]:
    reasons: list[Reason] = []
    kinds = [mark.kind for mark in text.marks]
    links = kinds.count("link")
    if links:
        words = sum(1 for _ in _WORD.finditer(text.prose[:2_000]))
        if words - kinds.count("hashtag") < _FEW_WORDS:
            reasons.append(Reason(name="little but links", weight=0.3))
        if links >= _MANY_LINKS and words < links * 20:
            reasons.append(Reason(name="many links", weight=0.2))
    if kinds.count("hashtag") >= _MANY_TAGS:
        reasons.append(Reason(name="many hashtags", weight=0.2))
    if kinds.count("handle") >= _MANY_HANDLES:
        reasons.append(Reason(name="many handles", weight=0.2))
    if _LURES.search(text.prose[:2_000].lower()):
        reasons.append(Reason(name="words of advertising", weight=0.4))
    if lookalikes.plain(text.original) != text.original:
        reasons.append(Reason(name="disguised letters", weight=0.4))
    if _is_shouted(text.prose[:2_000]):
        reasons.append(Reason(name="all capitals", weight=0.1))
    return reasons


def _is_shouted(prose: str) -> bool:
    capitals = sum(map(str.isupper, prose))
    return capitals > _LETTERS and capitals > _SHOUTED * sum(map(str.isalpha, prose))


def _of_the_author(author: Author, now: datetime) -> list[Reason]:
    reasons: list[Reason] = []
    if author.kind == "bot":
        reasons.append(Reason(name="the platform calls it a bot", weight=0.5))
    if author.created_at is not None:
        days = max((now - author.created_at).total_seconds() / _DAY, 1.0)
        rate = (author.posts or 0) / days
        if rate > _RESTLESS:
            reasons.append(Reason(name="posts without rest", weight=0.4))
        elif rate > _BUSY:
            reasons.append(Reason(name="posts very often", weight=0.2))
        if days < _YOUNG:
            reasons.append(Reason(name="new account", weight=0.15))
    if (
        author.followers is not None
        and (author.following or 0) > _FOLLOWS_MANY
        and (author.following or 0) > _UNEVEN * author.followers
    ):
        reasons.append(Reason(name="follows many, followed by few", weight=0.2))
    if author.handle and _MADE_UP.fullmatch(author.handle):
        reasons.append(Reason(name="made-up handle", weight=0.15))
    if reasons and author.verified:
        reasons.append(Reason(name="verified", weight=-0.3))
    return reasons


class Origins:
    """Tells own accounts, own sites and staff from the rest of the world."""

    def __init__(self, own: Own) -> None:
        self._accounts = _folded(own.accounts)
        self._staff = _folded(own.staff)
        # A site may be given as its address.
        self._sites = _folded(site.rpartition("//")[2].partition("/")[0] for site in own.sites)

    def of(self, mention: RawMention) -> Literal["own", "staff"] | None:
        """Who speaks: we, one of us, or neither."""
        if mention.site and self._sites:
            host = mention.site.casefold()
            if any(host == site or host.endswith(f".{site}") for site in self._sites):
                return "own"
        author = mention.author
        if author is None or not (self._accounts or self._staff):
            return None
        source = mention.id.partition(":")[0]
        names = _names(source, [author.handle, author.id, author.url])
        if not self._accounts.isdisjoint(names):
            return "own"
        return None if self._staff.isdisjoint(names) else "staff"


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lstrip("@").replace(":@", ":").casefold() for name in names)


def _names(source: str, known: Sequence[str | None]) -> set[str]:
    """How an author may be written in the configuration: alone, or behind the source's type."""
    plain = _folded(name for name in known if name)
    return {*plain, *(f"{source}:{name}" for name in plain)}
