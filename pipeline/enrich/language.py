"""The language of a text, out of the configured ones; ``und`` when unsure.

Two backends. ``eldc`` compares n-grams in C; its scores become probabilities by a factor that
was fitted on pieces of labelled tweets (``benchmarks.language_heat``), so a confidence of
0.8 is right four times in five. ``langdetect`` is the reference: slow, and random unless seeded.
Both read at most ``READ`` characters of prose, as ``readable`` makes it. What is known of the
source and the author counts only where the text is very short. A text mostly in a script that none
of the languages is written in is ``und``.
"""

import math
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from operator import itemgetter
from typing import Final

from pipeline.enrich.parts import LanguageDetector
from schemas.mention import Language, Producer

__all__ = ["READ", "SHORT", "Eldc", "Langdetect", "build", "readable"]

READ: Final = 2_000
"""Characters of a text that are read; more changes nothing."""
SHORT: Final = 20
"""Up to here a text is very short: priors count, other languages are not ruled out."""
_FOREIGN: Final = 0.15
"""By how much a language outside the configured ones must lead for a text to be ``und``."""
_LEAST_SCORE: Final = 0.25
"""Below this score nothing is said."""
_LEAST: Final = 0.2
"""Below this probability nothing is said."""
_HEATS: Final = (*(12.0,) * 7, *(18.0,) * 34, 28.0)
"""What a score is multiplied with, by the number of characters; the last for all longer texts."""
_STRETCHED: Final = re.compile(r"(.)\1\1+")
_once: Final = itemgetter(1)  # a template, "\\1", takes three times as long to fill in
_HASHTAG: Final = re.compile(r"#\w+")
_HUMP: Final = re.compile(r"#|_|(?<=[^\W\d_A-Z])(?=[A-Z])")
_LETTER: Final = re.compile(r"[^\W\d_]")
_SCRIPTS: Final = {
    "\u0370-\u03ff\u1f00-\u1fff": ("el",),
    "\u0400-\u052f": ("be", "bg", "mk", "ru", "sr", "uk"),
    "\u0590-\u05ff": ("he", "yi"),
    "\u0600-\u077f": ("ar", "fa", "ur"),
    "\u0900-\u0dff": ("bn", "gu", "hi", "kn", "ml", "mr", "ne", "pa", "si", "ta", "te"),
    "\u0e00-\u0eff": ("lo", "th"),
    "\u0530-\u058f\u10a0-\u10ff\u1200-\u137f": ("am", "hy", "ka"),
    "\u3040-\u30ff\u3400-\u9fff": ("ja", "zh"),
    "\u1100-\u11ff\uac00-\ud7af": ("ko",),
}
"""Letters of other scripts than the Latin one, and the languages written in them."""


def readable(prose: str) -> str:
    """The first ``READ`` characters, ``schöööön`` as ``schön``, ``#WirSindMehr`` as three words."""
    read = _STRETCHED.sub(_once, prose[:READ])
    return _HASHTAG.sub(_apart, read) if "#" in read else read


def _apart(hashtag: re.Match[str]) -> str:
    return _HUMP.sub(" ", hashtag[0])


class _Script:
    """Says whether most letters of a text can belong to the configured languages."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        strange = [
            letters for letters, codes in _SCRIPTS.items() if not set(codes) & set(languages)
        ]
        self._strange = re.compile(f"[{''.join(strange)}]") if strange else None

    def fits(self, read: str) -> bool:
        if self._strange is None or read.isascii() or not self._strange.search(read):
            return True
        return 2 * len(self._strange.findall(read)) < len(_LETTER.findall(read))


class Eldc:
    """Efficient Language Detector, over all its languages, restricted to the configured ones."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        import eldc  # noqa: PLC0415 - only the chosen backend is loaded

        eldc.init()
        self.by = Producer(name="eldc", version=f"{version('eldc')}+3")
        self._languages = frozenset(languages)
        self._script = _Script(languages)
        self._instance = eldc.instance()
        self._instance.set_scores(eldc.MAX_SCORES)
        self._nothing = Language(by=self.by)
        self._known: dict[tuple[str, int], Language] = {}

    def detect(self, prose: str, prior: Mapping[str, float] | None = None) -> Language:
        """Judge a text; see ``LanguageDetector``."""
        read = readable(prose)
        result = self._instance.detect_details(read)
        scores: dict[str, float] = result.scores
        languages = self._languages
        ranked = [(score, code) for code, score in scores.items() if code in languages]
        if not ranked or ranked[0][0] < _LEAST_SCORE or not self._script.fits(read):
            return self._nothing
        best, code = ranked[0]
        short = len(read) <= SHORT
        top = result.language
        if not short and top != code and scores[top] - best > _FOREIGN:
            return self._nothing
        heat = _HEATS[min(len(read), len(_HEATS) - 1)]
        if short and prior:
            weights = [
                (math.exp(heat * (score - best)) * prior.get(code, 1.0), code)
                for score, code in ranked
            ]
            most, code = max(weights)
            sure = most / sum([weight for weight, _ in weights])
        else:
            sure = 1.0 / sum([math.exp(heat * (score - best)) for score, _ in ranked])
        if sure < _LEAST:
            return self._nothing
        key = code, round(sure * 100)
        if (found := self._known.get(key)) is None:
            found = Language(code=code, confidence=key[1] / 100, by=self.by)
            self._known[key] = found  # at most 101 a language
        return found


class Langdetect:
    """langdetect with a fixed seed, restricted to the configured languages."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        from langdetect import DetectorFactory, detector_factory  # noqa: PLC0415 - as above

        detector_factory.init_factory()
        DetectorFactory.seed = 0
        self.by = Producer(name="langdetect", version=f"{version('langdetect')}+2")
        self._factory = detector_factory._factory  # noqa: SLF001 - its only way to set priors
        self._script = _Script(languages)
        known = self._factory.get_lang_list()
        self._priors = {code: 1.0 for code in known if code[:2] in languages}

    def detect(self, prose: str, prior: Mapping[str, float] | None = None) -> Language:
        """Judge a text; see ``LanguageDetector``."""
        read = readable(prose)
        if not self._priors or not _LETTER.search(read) or not self._script.fits(read):
            return Language(by=self.by)
        priors = self._priors
        if prior and len(read) <= SHORT:
            priors = {code: prior.get(code[:2], 1.0) for code in priors}
        detector = self._factory.create()
        detector.set_prior_map(priors)
        detector.append(read)
        ranked = detector.get_probabilities()
        if not ranked or ranked[0].prob < _LEAST:
            return Language(by=self.by)
        confidence = round(min(ranked[0].prob, 1.0), 2)
        return Language(code=ranked[0].lang[:2], confidence=confidence, by=self.by)


_BACKENDS: Final[dict[str, Callable[[tuple[str, ...]], LanguageDetector]]] = {
    "eldc": Eldc,
    "langdetect": Langdetect,
}


def build(backend: str, languages: tuple[str, ...]) -> LanguageDetector:
    """Make the backend of that name."""
    return _BACKENDS[backend](languages)
