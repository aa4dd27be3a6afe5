"""The language of a text, out of the configured ones; ``und`` when unsure.

Two backends. ``eldc`` compares n-grams in C. ``langdetect`` is the reference: slow, and random
unless seeded. Both read at most ``READ`` characters of prose. The platform's hint counts only
where the text is very short and the scores are close.
"""

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from pipeline.enrich.parts import LanguageDetector
from schemas.mention import Language, Producer

__all__ = ["READ", "Eldc", "Langdetect", "build"]

READ: Final = 2_000
"""Characters of a text that are read; more changes nothing."""
_SHORT: Final = 20
"""Up to here a text is very short: hints count, other languages are not ruled out."""
_HINT: Final = 0.15
"""What the platform's hint adds to the score of its language."""
_FOREIGN: Final = 0.15
"""By how much a language outside the configured ones must lead for a text to be ``und``."""
_LEAST: Final = 0.25
"""Below this score nothing is said."""
_LETTER: Final = re.compile(r"[^\W\d_]")


class Eldc:
    """Efficient Language Detector, over all its languages, restricted to the configured ones."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        import eldc  # noqa: PLC0415 - only the chosen backend is loaded

        eldc.init()
        self.by = Producer(name="eldc", version=version("eldc"))
        self._languages = frozenset(languages)
        self._instance = eldc.instance()
        self._instance.set_scores(eldc.MAX_SCORES)
        self._nothing = Language(by=self.by)
        self._known: dict[tuple[str, int], Language] = {}

    def detect(self, prose: str, hint: str | None = None) -> Language:
        """Judge a text; see ``LanguageDetector``."""
        read = prose[:READ]
        result = self._instance.detect_details(read)
        scores: dict[str, float] = result.scores
        languages = self._languages
        top = result.language
        ranked = [(score, code) for code, score in scores.items() if code in languages]
        if not ranked:
            return self._nothing
        best, code = ranked[0]
        short = len(read) <= _SHORT
        if top != code and not short and scores[top] - best > _FOREIGN:
            return self._nothing
        if short and hint and not result.reliable:
            favoured = hint[:2].lower()
            best, code = max((s + _HINT * (c == favoured), c) for s, c in ranked)
            best = min(best, 1.0)
            ranked = sorted(ranked, key=lambda pair: pair[1] != code)
        if best < _LEAST:
            return self._nothing
        margin = best - (ranked[1][0] if len(ranked) > 1 else 0.0)
        sure = 0.99 if result.reliable else min(best, 0.5 + 2.5 * max(margin, 0.0))
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
        self.by = Producer(name="langdetect", version=version("langdetect"))
        self._factory = detector_factory._factory  # noqa: SLF001 - its only way to set priors
        known = self._factory.get_lang_list()
        self._priors = {code: 1.0 for code in known if code[:2] in languages}

    def detect(self, prose: str, hint: str | None = None) -> Language:
        """Judge a text; see ``LanguageDetector``."""
        read = prose[:READ]
        if not self._priors or not _LETTER.search(read):
            return Language(by=self.by)
        priors = self._priors
        if hint and len(read) <= _SHORT:
            priors = {c: 1.0 + 4 * _HINT * (c[:2] == hint[:2].lower()) for c in priors}
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
