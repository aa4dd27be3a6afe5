"""Names that the customer lists in ``entities.toml``, with their aliases and ids, found and linked.

    [[entity]]
    name = "Nordluft GmbH"           # what mentions show
    kind = "organisation"            # person, place, brand, product, work, event or other
    id = "Q4711"                     # optional: Wikidata, article number, customer number …
    aliases = ["Nordluft", "Nord-Luft"]
    case_sensitive = false           # true for names that are words, too: "Die Zeit"
    inflected = true                 # also "Nordlufts", "der Deutschen Bahn", "im Roten Kreuz"
    compounds = false                # also "Nordluftgerät"; "Nordluft-Gerät" always

A name matches as whole words; where several do, the longest that starts first. Capitals do not
count unless the entity says so; ``ae oe ue ss`` stand for ``ä ö ü ß``; the signs ® and ™, and how
many blanks stand between two words, do not matter. All names are one
Aho-Corasick automaton, so the time to search a text does not grow with their number.
"""

import hashlib
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import ahocorasick
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.enrich.letters import of_words
from pipeline.enrich.text import View, composed
from pipeline.errors import ConfigError
from pipeline.settings import explain
from schemas.mention import EntityKind, Producer

__all__ = ["Gazetteer", "Listed", "Place", "load"]

_VERSION: Final = "1"
"""Raised with every change of a rule that changes results; the list is told by its digest."""
_ENDINGS: Final = re.compile(r"['\u2019]s(?!\w)|(?:e?s)(?!\w)")
_WEAK: Final = re.compile(r"n(?!\w)")
"""An ending of names that end in -e, -er or -el themselves: die Grünen."""
_TAKES_N: Final = ("e", "er", "el")
_ADJECTIVE: Final = re.compile(r"(?<!\w)([^\W\d_][\w-]{2,}?)es?(?= \w)")
"""Not in -er: Werder Bremen would be found in "wir werden Bremen sehen"."""
_SHORTEST_INFLECTED: Final = 4
_BLANKS: Final = re.compile(r"[\s®]+")
_GAP: Final = re.compile(" +")
_TO_ASCII: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_ADDRESSES: Final = frozenset({"link", "mail"})

Alias = Annotated[str, Field(min_length=2, max_length=200)]


class Listed(BaseModel):
    """One entity of ``entities.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=2, max_length=200)]
    kind: EntityKind
    id: Annotated[str, Field(max_length=512)] | None = None
    aliases: tuple[Alias, ...] = ()
    case_sensitive: bool = False
    inflected: bool = True
    compounds: bool = False


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: tuple[Listed, ...] = ()


class Place(Struct, frozen=True):
    """A listed entity, at ``view.text[start:end]``."""

    entity: Listed
    start: int
    end: int


class _Name(Struct, frozen=True):
    entity: Listed
    length: int
    written: str | None
    """How it must stand in the text; None where capitals do not count."""
    takes_n: bool
    inflected: bool


def load(path: Path) -> tuple[Listed, ...]:
    """Read ``entities.toml``.

    Raises:
        ConfigError: the file is missing, not TOML, or a key is unknown, missing or wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _File.model_validate(content).entity
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not TOML: {error}"
        raise ConfigError(msg) from error
    except ValidationError as error:
        raise ConfigError(explain(error, _File, str(path))) from error


class Gazetteer:
    """The compiled names."""

    def __init__(self, entities: Sequence[Listed]) -> None:
        names: dict[str, list[_Name]] = {}
        digest = hashlib.sha256()
        for entity in entities:
            digest.update(entity.model_dump_json().encode())
            for alias in dict.fromkeys((entity.name, *entity.aliases)):
                for spelling in _spellings(alias, entity):
                    name = _Name(
                        entity=entity,
                        length=len(spelling),
                        written=spelling if entity.case_sensitive else None,
                        takes_n=spelling.endswith(_TAKES_N),
                        inflected=entity.inflected and len(spelling) >= _SHORTEST_INFLECTED,
                    )
                    known = names.setdefault(_lower(spelling), [])
                    if all(other.entity is not entity for other in known):
                        known.append(name)
        self.by = Producer(name="entities", version=f"{digest.hexdigest()[:12]}+{_VERSION}")
        self._automaton = ahocorasick.Automaton()
        for spelling, found in names.items():
            self._automaton.add_word(spelling, tuple(found))
        if names:
            self._automaton.make_automaton()

    def find(self, view: View) -> list[Place]:
        """Where listed entities stand: in order, apart; nothing inside links and mail addresses."""
        if not len(self._automaton):
            return []
        text = view.text
        for blank in "\n\t\r®":
            text = text.replace(blank, " ")
        found = list(self._places(text) if "  " not in text else self._wide(text))
        if not found:
            return []
        hidden = [mark for mark in view.marks if mark.kind in _ADDRESSES]
        starts = [mark.start for mark in hidden]
        found.sort(key=lambda place: (place.start, -place.end))
        kept: list[Place] = []
        free = 0
        for place in found:
            if place.start < free:
                continue
            before = bisect_left(starts, place.end)
            if before and hidden[before - 1].end > place.start:
                continue
            kept.append(place)
            free = place.end
        return kept

    def _wide(self, text: str) -> Iterator[Place]:
        """Those of a text with several blanks in a row, which names have not."""
        kept: list[int] = []
        done = 0
        for gap in _GAP.finditer(text):
            kept += range(done, gap.start() + 1)
            done = gap.end()
        kept += range(done, len(text))
        for place in self._places(_GAP.sub(" ", text)):
            yield Place(place.entity, kept[place.start], kept[place.end - 1] + 1)

    def _places(self, text: str) -> Iterator[Place]:
        last = len(text)
        for final, names in self._automaton.iter(_lower(text)):
            for name in names:
                start, end = final + 1 - name.length, final + 1
                if start and of_words(text[start - 1]) and of_words(text[start]):
                    continue
                if name.written is not None and text[start:end] != name.written:
                    continue
                if end < last and name.inflected:
                    ending = _ENDINGS.match(text, end)
                    if ending is None and name.takes_n:
                        ending = _WEAK.match(text, end)
                    end = ending.end() if ending else end
                if end < last and of_words(text[end]) and of_words(text[end - 1]):
                    if not name.entity.compounds or not text[end].islower():
                        continue
                    while end < last and of_words(text[end]):
                        end += 1
                yield Place(name.entity, start, end)


def _lower(text: str) -> str:
    """Lower case, every position kept."""
    return text.replace("\u0130", "I").lower()


def _spellings(alias: str, entity: Listed) -> set[str]:
    """Every way an alias is written, but for its last word's endings."""
    text = _BLANKS.sub(" ", composed(alias)).strip()
    forms = {text}
    if entity.inflected:  # Deutsche Bahn, der Deutschen Bahn
        forms |= {_ADJECTIVE.sub(rf"\1{ending}", text) for ending in ("e", "en", "er", "em")}
    if not entity.case_sensitive:
        forms = {_lower(form) for form in forms}
    plain = {form.translate(_TO_ASCII) for form in forms}
    umlauts = {form.replace("ae", "ä").replace("oe", "ö").replace("ue", "ü") for form in forms}
    sharp = {form.replace("ss", "ß") for form in forms | umlauts}
    return forms | plain | umlauts | sharp
