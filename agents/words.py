"""Whether a post is what a search asks for, where a platform sends everything.

Takes what search boxes have in common: words (all of them, as whole words), ``"phrases"``,
``#tags`` and ``domain:example.org``. A search box may find more (other forms of a word), which is
left to it. Pure.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct

from agents.mention import host

__all__ = ["Said", "Words"]

_PART: Final = re.compile(r'"([^"]+)"|(\S+)')
_WORD: Final = re.compile(r"\w+")
_OPERATOR: Final = re.compile(r"^(-\S|[a-z]+:\S)")
_DOMAIN: Final = "domain:"


class Said(Struct, frozen=True):
    """What was said, prepared once for any number of searches."""

    words: frozenset[str]
    spaced: str
    """All words with one space between two, and at both ends."""
    tags: frozenset[str]
    hosts: frozenset[str]

    @classmethod
    def of(cls, text: str, tags: Iterable[str] = (), links: Iterable[str] = ()) -> "Said":
        """Prepare a text, its tags (without ``#``) and the addresses it links to."""
        words = _words(text)
        hosts = frozenset(name for link in links if (name := host(link)))
        folded = frozenset(tag.casefold() for tag in tags)
        return cls(frozenset(words), f" {' '.join(words)} ", folded, hosts)


class Words:
    """A search.

    Raises:
        ValueError: it asks for something that only the platform knows.
    """

    def __init__(self, search: str) -> None:
        self.search = search
        self._words: set[str] = set()
        self._phrases: list[str] = []
        self._tags: set[str] = set()
        self._domains: list[str] = []
        for phrase, part in _PART.findall(search):
            if phrase:
                self._phrases.append(f" {' '.join(_words(phrase))} ")
            elif part.startswith("#"):
                self._tags.add(part[1:].casefold())
            elif part.startswith(_DOMAIN):
                self._domains.append(part.removeprefix(_DOMAIN).casefold())
            elif _OPERATOR.match(part):
                msg = f"{part!r} can be searched for, but not be listened to: leave stream off"
                raise ValueError(msg)
            else:
                self._words.update(_words(part))

    def match(self, said: Said) -> bool:
        """Whether everything that is asked for is there."""
        return (
            self._words <= said.words
            and self._tags <= said.tags
            and all(phrase in said.spaced for phrase in self._phrases)
            and all(_within(domain, said.hosts) for domain in self._domains)
        )


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _within(domain: str, hosts: Collection[str]) -> bool:
    return any(name == domain or name.endswith(f".{domain}") for name in hosts)
