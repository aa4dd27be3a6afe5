"""How much a mention looks like a bot's or like spam, and who speaks for us.

The score is a sum of reasons, each named and weighed, cut to 0 … 1: an analyst sees why, and can
leave out what is above a score of their choice. It looks at the text, at what the platform says of
its author, and at what was said before: near copies by one account that repeats itself, or by many
within an hour (a hint that they act together; a chain letter looks alike), and how much the author
said within an hour. ``origin`` marks own accounts, own sites and staff, as configured.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

import ahocorasick

from pipeline.enrich import lookalikes
from pipeline.enrich.text import View
from pipeline.settings import Own
from schemas.mention import Author, Duplicate, Noise, Producer, RawMention, Reason

__all__ = ["Origins", "noise", "rate_told", "with_earlier"]

BY: Final = Producer(name="noise", version="2")

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
_SMALL: Final = bytes(range(ord("a"), ord("z") + 1))
_LURES: Final = {
    "klick": r"jetzt klicken|hier klicken|klick(?:t|e)? (?:auf den )?link",
    "link in": r"link in (?:der )?bio",
    "geld verd": "geld verdienen",
    "verdiene": r"verdiene (?:bis zu )?\d+",
    "passive": "passives einkommen|passive income",
    "finanzielle f": "finanzielle freiheit",
    "gratis": r"gratis (?:iphone|gutschein)|100 ?% gratis",
    "gutschein": r"gutschein(?:code)? sichern",
    "casino": r"online[- ]?casino",
    "freispiele": "freispiele",
    "schreib": r"schreib(?:t)? mir (?:auf|per) (?:whatsapp|telegram|dm)",
    "follow": "follower kaufen|follow (?:for|4) follow|buy followers",
    "click ": "click (?:here|the link|my link)",
    "make money": "make money",
    "earn ": r"earn (?:up to )?\$?\d+",
    "free ": "free (?:iphone|gift ?card|followers)",
    "giveaway": "giveaway",
    "airdrop": "airdrop",
    "dm me": "dm me (?:on|for|now)",
    "text me": "text me (?:on|for|now)",
    "message me": "message me (?:on|for|now)",
    "app me": "whats?app me",
    "f4f": "f4f",
    "forex": "forex",
    "crypto": "crypto signals",
    "binary": "binary options",
    "viagra": "viagra",
    "cialis": "cialis",
    "onlyfans": "onlyfans",
    "work from": "work from home",
    "limited time": "limited time offer",
    "act now": "act now",
}
"""Words of advertising, in lower case, by a part that they all have."""
_LURE: Final = re.compile(rf"(?<!\w)(?:{'|'.join(_LURES.values())})(?!\w)")
_HINTS: Final = ahocorasick.Automaton()
for _hint in _LURES:
    _HINTS.add_word(_hint, True)  # noqa: FBT003 - any value does
_HINTS.make_automaton()


# One in three minutes for an hour is much even for who comments on a match; nobody reads, thinks
# and types nearly every minute for an hour. What was not collected counts not: they may say more.
_AT_RATE: Final = (
    (50, Reason(name="posts nearly every minute", weight=0.4)),
    (20, Reason(name="many posts within an hour", weight=0.2)),
)
"""From how many others in the hour before on, the heaviest first."""
_OF_A_LIFE: Final = frozenset(("posts without rest", "posts very often"))
_VERIFIED: Final = Reason(name="verified", weight=-0.3)


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


def with_earlier(
    found: Noise | None, author: Author | None, copy: Duplicate | None, rate: int
) -> Noise | None:
    """The same judgement, with what was said before added to it.

    Args:
        found: what ``noise`` said.
        author: the mention's.
        copy: of what it is a near copy.
        rate: how many others the author said in the hour before.
    """
    reasons = list(found.reasons if found else ())
    seen = next((reason for least, reason in _AT_RATE if rate >= least), None)
    if seen is not None:
        reasons = _with_rate(reasons, seen, verified=bool(author and author.verified))
    if copy is not None and copy.repeats >= _MANY_REPEATS:
        reasons.append(Reason(name="says it again and again", weight=0.4))
    elif copy is not None and copy.repeats:
        reasons.append(Reason(name="says it again", weight=0.15))
    if copy is not None and copy.authors >= _MANY_AUTHORS:
        reasons.append(Reason(name="many say it at once", weight=0.3))
    return _summed(reasons)


def rate_told(found: Noise | None) -> int:
    """The least rate that gives the reason that ``found`` has; 0 where it has none of them."""
    names = {reason.name for reason in found.reasons} if found else ()
    return next((least for least, reason in _AT_RATE if reason.name in names), 0)


def _with_rate(reasons: list[Reason], seen: Reason, *, verified: bool) -> list[Reason]:
    """Of the rate that was seen and that over the account's life the heavier one counts."""
    of_a_life = [reason for reason in reasons if reason.name in _OF_A_LIFE]
    if any(reason.weight >= seen.weight for reason in of_a_life):
        return reasons
    kept = [reason for reason in reasons if reason not in of_a_life]
    if verified and _VERIFIED not in kept:
        kept.append(_VERIFIED)
    return [*kept, seen]


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
    prose = text.prose[:2_000]
    low = text.low[:2_000]
    if next(_HINTS.iter(low), None) and _LURE.search(low):
        reasons.append(Reason(name="words of advertising", weight=0.4))
    # The view has such letters replaced: where that is all it has, it need not be done again.
    seen = text.text if text.starts is None else lookalikes.plain(text.original)
    if seen != text.original:
        reasons.append(Reason(name="disguised letters", weight=0.4))
    if _is_shouted(prose):
        reasons.append(Reason(name="all capitals", weight=0.1))
    return reasons


def _is_shouted(prose: str) -> bool:
    encoded = prose.encode(errors="replace")
    small = len(encoded) - len(encoded.translate(None, _SMALL))
    if 3 * small >= len(prose):  # as in most texts, which need no look at each letter
        return False
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
        reasons.append(_VERIFIED)
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
