"""Names by Stanford CoreNLP, a process of its own that is only spoken to (``mentions up --ner``).

No mention is lost or held up by it: what it does not answer within ``PATIENCE`` seconds a batch is
looked through by the built-in model instead, which a result's ``by`` says, and it is left alone for
``REST`` seconds.
"""

import http.client
import logging
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from pipeline.enrich.parts import Named, NameFinder
from pipeline.enrich.text import View
from schemas.mention import EntityKind, Producer

__all__ = ["CoreNLP"]

_log = logging.getLogger(__name__)

PATIENCE: Final = 5.0  # seconds; a worker that answers nothing for ten is taken for dead
REST: Final = 30.0
_AT_ONCE: Final = 50
"""Texts in one request."""

_answer: Final = msgspec.json.Decoder(list[list[tuple[int, int, EntityKind]]])


class CoreNLP:
    """The client of the sidecar.

    Args:
        url: where it listens.
        languages: what it is asked about.
        fallback: looks through what it does not answer.
    """

    by: Final = Producer(name="corenlp", version="4.5.7")

    def __init__(self, url: str, languages: Sequence[str], fallback: NameFinder) -> None:
        self._address = urlsplit(url).netloc
        self._languages = frozenset(languages)
        self._fallback = fallback
        self._rests_until = 0.0

    def find(self, texts: Sequence[tuple[View, str]]) -> list[Sequence[Named]]:
        """Look through texts; see ``NameFinder``."""
        found: list[Sequence[Named] | None] = [None] * len(texts)
        if time.monotonic() >= self._rests_until:
            try:
                self._ask(texts, found)
            except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
                self._rests_until = time.monotonic() + REST
                _log.warning(
                    "names: CoreNLP at %s does not answer (%r); the built-in model does for the "
                    "next %.0f s", self._address, error, REST
                )  # fmt: skip
        left = [place for place, names in enumerate(found) if names is None]
        for place, names in zip(
            left, self._fallback.find([texts[place] for place in left]), strict=True
        ):
            found[place] = names
        return [names or () for names in found]

    def _ask(self, texts: Sequence[tuple[View, str]], found: list[Sequence[Named] | None]) -> None:
        """Fill in what the sidecar answers.

        Raises:
            OSError: it does not answer in time.
            http.client.HTTPException: it does not speak HTTP.
            msgspec.MsgspecError: it answers something else.
        """
        until = time.monotonic() + PATIENCE
        for language in sorted({code for _, code in texts} & self._languages):
            places = [place for place, (_, code) in enumerate(texts) if code == language]
            for part in range(0, len(places), _AT_ONCE):
                some = places[part : part + _AT_ONCE]
                asked = [texts[place][0].prose for place in some]
                answers = self._post(language, asked, until - time.monotonic())
                for place, names in zip(some, answers, strict=True):
                    length = len(texts[place][0].prose)
                    found[place] = [
                        Named(kind, start, end, self.by)
                        for start, end, kind in names
                        if 0 <= start < end <= length
                    ]

    def _post(
        self, language: str, texts: Sequence[str], seconds: float
    ) -> list[list[tuple[int, int, EntityKind]]]:
        if seconds <= 0:
            msg = f"more than {PATIENCE:.0f} s for one batch"
            raise TimeoutError(msg)
        connection = http.client.HTTPConnection(self._address, timeout=seconds)
        try:
            connection.request("POST", f"/{language}", msgspec.json.encode(texts))
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            msg = f"status {response.status}"
            raise http.client.HTTPException(msg)
        answers = _answer.decode(body)
        if len(answers) != len(texts):
            msg = f"{len(answers)} answers to {len(texts)} texts"
            raise http.client.HTTPException(msg)
        return answers
