"""The scorers of all configured languages, each made when a text first asks for it.

Loading one takes up to 0.15 s and 15 MB, and most streams are in one or two languages.
"""

from collections.abc import Mapping

from pipeline.enrich import sentiment
from pipeline.enrich.parts import SentimentScorer
from pipeline.enrich.sentiment import signs
from pipeline.enrich.sentiment.model import Model
from pipeline.enrich.text import View

__all__ = ["Scorers"]


class Scorers:
    """What judges the tone of which text.

    Args:
        backends: the name of each language's backend; see ``sentiment.build``.

    Raises:
        ValueError: a backend does not cover its language.
    """

    def __init__(self, backends: Mapping[str, str]) -> None:
        for code, backend in backends.items():
            sentiment.check(backend, code)
        self._backends = dict(backends)
        self._trained: dict[str, Model] = {}
        self._made: dict[str, SentimentScorer] = {}

    def use(self, model: Model) -> bool:
        """Judge its language with another trained model from now on.

        Returns:
            False where that language is judged by something else.
        """
        if self._backends.get(model.language) != "trained":
            return False
        self._trained[model.language] = model
        self._made.pop(model.language, None)
        return True

    def of(self, code: str, text: View, title: View | None = None) -> SentimentScorer | None:
        """What judges a text; None where nothing can.

        Signs alone (``😡😡😡``) are in no language and understood in all.

        Args:
            code: its language, ``und`` where that is not known.
            text: the text.
            title: its title, if it has one.
        """
        if code in self._backends:
            if code not in self._made:
                self._made[code] = self._make(code)
            return self._made[code]
        texts = (text,) if title is None else (text, title)
        if code == "und" and self._backends and signs.alone(*texts):
            return sentiment.wordless()
        return None

    def _make(self, code: str) -> SentimentScorer:
        model = self._trained.get(code)
        return sentiment.from_model(model) if model else sentiment.build(self._backends[code], code)
