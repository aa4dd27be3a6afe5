"""German: the German Polarity Lexicon, words of everyday posts, inflection, function words.

Inflection is folded when the lexicon is loaded: each base form is entered with the endings its
part of speech takes, and with ``ae oe ue ss``. What a list names itself wins over a folded form.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from pipeline.enrich import particles
from pipeline.enrich.sentiment import phrases
from pipeline.enrich.sentiment.lexicon import Lexicon, Word, enter, rows

__all__ = ["inflections", "load"]

_ADJECTIVE: Final = ("e", "en", "er", "es", "em")
_NOUN: Final = ("s", "es", "e", "en", "n", "er", "ern", "se", "sen")
_VERB: Final = (
    "e",
    "st",
    "t",
    "te",
    "ten",
    "test",
    "tet",
    "en",
    "end",
    "ende",
    "enden",
    "et",
    "est",
)
_PREFIXES: Final = (
    "ab", "an", "auf", "aus", "bei", "dar", "ein", "fest", "fort", "frei", "her", "hin", "hoch",
    "los", "mit", "nach", "nieder", "um", "vor", "weg", "zu", "zurück", "zusammen", "durch",
    "über", "unter",
)  # fmt: skip
_INSEPARABLE: Final = ("be", "emp", "ent", "er", "ge", "miss", "ver", "zer", "über", "unter")
_PARTICIPLE: Final = ("t", "te", "ten", "ter", "tes", "et", "en")
_MIN_STEM: Final = 3

_NEGATIONS: Final = (
    "kein keine keinen keiner keinem keines keinerlei niemand niemanden weder ohne nirgends "
    "nirgendwo kaum"
)
_BOOSTS: Final = {
    1.4: "sehr extrem total absolut echt wirklich richtig mega super ultra voll besonders äußerst "
    "überaus so unglaublich unfassbar wahnsinnig ungemein höchst zutiefst völlig komplett viel "
    "sau verdammt unheimlich irre krass derart dermaßen zu ganz schrecklich "
    "furchtbar brutal höllisch",
    0.6: "etwas bisschen wenig ziemlich halbwegs einigermaßen relativ teilweise eher leicht recht "
    "bissl bisserl",
}
_BREAKS: Final = (
    "aber doch jedoch sondern allerdings dennoch trotzdem obwohl dafür hingegen während nur"
)
_LIFTS: Final = "nur zuletzt umsonst nur bloß"
_JOINS: Final = "und oder"
_REMARKS: Final = (
    "leider hoffentlich glücklicherweise unglücklicherweise bedauerlicherweise erfreulicherweise "
    "dummerweise blöderweise ärgerlicherweise peinlicherweise traurigerweise komischerweise "
    "seltsamerweise merkwürdigerweise interessanterweise lustigerweise gottseidank angeblich "
    "ausgerechnet endlich wenigstens immerhin zumindest schade nein sorry haha hahaha hahahaha "
    "hehe hehehe hihi lol rofl lmao xd omg omfg wtf boah puh uff hm hmm hä wow yay juhu hurra yeah "
    "seufz"
)
_FAINT: Final = "gut nett okay ok ordentlich"
"""What ``ganz`` makes less of, where it makes more of anything else."""


def inflections(form: str, pos: str) -> Iterator[str]:
    """The lower-case forms that a word takes, itself first.

    Args:
        form: the base form.
        pos: ``JJ`` adjective, ``NN`` noun, ``VB`` verb; any other takes no endings.
    """
    word = form.lower()
    yield word
    if pos == "JJ":
        stem = word.removesuffix("e")
        stems = [stem]
        if stem.endswith(("el", "er")):
            stems.append(f"{stem[:-2]}{stem[-1]}")  # dunkel, dunkler
        for base in stems:
            yield from (base + end for end in _ADJECTIVE)
        for degree in (f"{stems[-1]}er", f"{stem}st", f"{stem}est"):
            yield from (degree + end for end in ("", *_ADJECTIVE))
    elif pos == "NN":
        yield from (word + end for end in _NOUN)
    elif pos == "VB":
        yield from _conjugated(word)


@cache
def _word(weight: str) -> Word:
    return Word(weight=float(weight))


def _spellings(word: str) -> Iterator[str]:
    yield word
    if not word.isascii():
        plain = word.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
        yield word.replace("ß", "ss")
        yield plain
        yield plain.replace("ß", "ss")


def load() -> Lexicon:
    """Build the lexicon."""
    table: dict[str, Word] = {}
    # The words of everyday posts come first: what is entered once stays.
    for name in ("de_everyday.tsv", "de.tsv"):
        entries = [(form, pos, _word(weight)) for form, pos, weight in rows(name)]
        for form, _, word in entries:
            for spelling in _spellings(form.lower()):
                table.setdefault(spelling, word)
        for form, pos, word in entries:
            for inflected in inflections(form, pos):
                table.setdefault(inflected, word)
                if not inflected.isascii():
                    for spelling in _spellings(inflected):
                        table.setdefault(spelling, word)
    enter(
        table,
        _BOOSTS,
        _NEGATIONS,
        _BREAKS,
        _LIFTS,
        postposed=particles.NICHT,
        joins=_JOINS,
        remarks=_REMARKS,
        spelled=_spellings,
    )
    faint = {("ganz", form + end): 0.6 for form in _FAINT.split() for end in ("", *_ADJECTIVE)}
    return Lexicon(
        words=table,
        neutral=(-0.1, 0.3),
        turned=(-0.9, -0.6),
        particles=particles.GERMAN,
        pairs=faint,
        phrases=phrases.load("de"),
    )


def _conjugated(word: str) -> Iterator[str]:
    stem = word.removesuffix("n").removesuffix("e")
    if len(stem) < _MIN_STEM:
        return
    yield from (stem + end for end in _VERB)
    prefix = next((p for p in _PREFIXES if stem.startswith(p) and len(stem) >= len(p) + 3), "")
    if prefix:
        base = stem[len(prefix) :]
        yield from (f"{prefix}ge{base}{end}" for end in _PARTICIPLE)
        yield f"{prefix}zu{base}en"
    if stem.startswith(_INSEPARABLE):
        yield from (f"{stem}t{end}" for end in _ADJECTIVE)
    else:
        yield from (f"ge{stem}{end}" for end in _PARTICIPLE)
