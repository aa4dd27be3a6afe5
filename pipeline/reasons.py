"""Why somebody is worth talking to, or is not, in German or English."""

from collections.abc import Iterable
from typing import Final

from pipeline.advice import Language, number

__all__ = ["channels", "reason"]

_WHERE: Final[dict[str, dict[Language, str]]] = {
    "microblog": {"en": "microblog", "de": "Mikroblogs"},
    "forum": {"en": "forum", "de": "Foren"},
    "blog": {"en": "blog", "de": "Blogs"},
    "news": {"en": "news", "de": "Nachrichten"},
    "review": {"en": "review", "de": "Bewertungen"},
    "video": {"en": "video", "de": "Videokommentaren"},
    "social": {"en": "social", "de": "sozialen Netzen"},
    "mail": {"en": "mail", "de": "E-Mails"},
    "other": {"en": "other", "de": "Sonstigem"},
}
"""Channels, as they stand after "in"."""
_REASONS: Final[dict[str, dict[Language, tuple[str, str]]]] = {
    # One of it, and several.
    "stories": {
        "en": ("{n} story in {where}{on}", "{n} stories in {where}{on}"),
        "de": ("{n} Beitrag in {where}{on}", "{n} Beiträge in {where}{on}"),
    },
    "on sites": {"en": (" on {name}", " on {n} sites"), "de": (" auf {name}", " auf {n} Websites")},
    "answers": {
        "en": ("answered {n} question of {people}", "answered {n} questions of {people}"),
        "de": ("beantwortete {n} Frage von {people}", "beantwortete {n} Fragen von {people}"),
    },
    "people": {"en": ("{n} person", "{n} people"), "de": ("{n} Person", "{n} Personen")},
    "followers": {"en": ("{n} follower", "{n} followers"), "de": ("{n} Follower", "{n} Follower")},
    "reactions": {
        "en": (
            "{n} reaction usually, the best post left out",
            "{n} reactions usually, the best post left out",
        ),
        "de": (
            "üblicherweise {n} Reaktion, ohne den besten Beitrag",
            "üblicherweise {n} Reaktionen, ohne den besten Beitrag",
        ),
    },
    "copies": {
        "en": (
            "{n} of {posts} posts is a copy of others'",
            "{n} of {posts} posts are copies of others'",
        ),
        "de": (
            "{n} von {posts} Beiträgen ist von anderen übernommen",
            "{n} von {posts} Beiträgen sind von anderen übernommen",
        ),
    },
    "last": {
        "en": ("spoke last {n} day ago", "spoke last {n} days ago"),
        "de": ("sprach zuletzt vor {n} Tag davon", "sprach zuletzt vor {n} Tagen davon"),
    },
}  # fmt: skip
_PLAIN: Final[dict[str, dict[Language, str]]] = {
    "organisation": {"en": "an organisation", "de": "eine Organisation"},
    "one reaction": {
        "en": "one post with reactions, which does not count",
        "de": "nur ein Beitrag mit Reaktionen, der nicht zählt",
    },
    "tone": {
        "en": "{positive} positive, {negative} negative",
        "de": "{positive} positiv, {negative} negativ",
    },
    "today": {"en": "spoke last today", "de": "sprach zuletzt heute davon"},
    "staff": {"en": "works here", "de": "arbeitet hier"},
    "own": {"en": "is one of our own accounts", "de": "ist eines unserer eigenen Konten"},
    "namesake": {
        "en": "bears the name of one of our own accounts",
        "de": "heißt wie eines unserer eigenen Konten",
    },
    "bot": {"en": "is a bot, as the platform says", "de": "ist laut Plattform ein Bot"},
    "desk": {
        "en": "signs as a desk or an agency, not as a person",
        "de": "zeichnet als Redaktion oder Agentur, nicht als Person",
    },
    "noisy": {
        "en": "looks like a bot or spam in {n} of {posts} posts",
        "de": "sieht in {n} von {posts} Beiträgen nach Bot oder Spam aus",
    },
    "together": {
        "en": "says the same as many others at once in {n} of {posts} posts",
        "de": "sagt in {n} von {posts} Beiträgen gleichzeitig dasselbe wie viele andere",
    },
    "echo": {
        "en": "only passes on what others say",
        "de": "gibt nur weiter, was andere sagen",
    },
}


def reason(code: str, lang: Language, count: int | None = None, **facts: object) -> str:
    """A reason in words.

    Args:
        code: which.
        lang: in which language.
        count: how many, where that matters.
        facts: what else stands in it.
    """
    if code in _PLAIN:
        return _PLAIN[code][lang].format(n=count, **facts)
    one, several = _REASONS[code][lang]
    n = count or 0
    return (one if n == 1 else several).format(n=number(n, lang), **facts)


def channels(names: Iterable[str], lang: Language) -> str:
    """Where something was said."""
    return ", ".join(_WHERE[name][lang] for name in names)
