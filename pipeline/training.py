"""Training a sentiment model on labels of one's own, and the report of how good it is.

A new model starts from the one that comes with the package and is judged on held-out folds only,
beside today's model on the same texts. A text that is given twice counts once, by its last label:
else it would be fitted and judged on. Texts that today's model was itself trained on do not count
for the comparison; where it has seen nearly all of them, the new one is compared with the model
that comes with the package, and has to know all that today's knows. A model is kept only if it is
better. Needs the extra ``train``.
"""

import zlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.enrich import sentiment
from pipeline.enrich.parts import LanguageDetector
from pipeline.enrich.sentiment import fit
from pipeline.enrich.sentiment.model import Model, Source, shipped
from pipeline.enrich.text import view
from pipeline.errors import ConfigError
from schemas.amendment import Amendment
from schemas.mention import EnrichedMention, Part

__all__ = [
    "Example",
    "Group",
    "Report",
    "Scores",
    "by_language",
    "from_amendments",
    "read",
    "train",
]

LEAST: Final = 20
"""So many texts of each label are needed."""
_ENOUGH: Final = 60
"""So many unseen texts are needed for a comparison with today's model."""


class Example(Struct, frozen=True):
    """A labelled text."""

    text: str
    label: str
    language: str
    channel: str = "other"


class Scores(Struct, frozen=True):
    """How good labels are, from 0 to 1."""

    accuracy: float
    macro_f1: float


class Group(Struct, frozen=True):
    """The new model and the one it is compared with, on some of the texts."""

    name: str
    texts: int
    new: Scores
    old: Scores


class Report(Struct, frozen=True):
    """What came of training on the texts of one language."""

    language: str
    texts: int
    against: str
    """The version that the new model was compared with."""
    better: bool
    """On held-out folds, by macro-F1: only then is it worth keeping."""
    reason: str
    """Why it cannot be said to be better, whatever the figures; mostly empty."""
    overall: Group
    """On the texts that count for the comparison."""
    channels: tuple[Group, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows are the labels given, columns the new model's; negative, neutral, positive."""
    model: Model


def read(path: Path, detector: LanguageDetector) -> list[Example]:
    """Read JSON Lines with ``text`` and ``label`` (or ``sentiment``), ``language``, ``channel``.

    Where no language is given, it is judged.

    Raises:
        ConfigError: a line is something else.
    """
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            fields = msgspec.json.decode(line, type=dict[str, Any])
            text, label = fields.get("text"), fields.get("label", fields.get("sentiment"))
        except msgspec.MsgspecError as error:
            msg = f"{path}, line {number}: {error}"
            raise ConfigError(msg) from error
        if not isinstance(text, str) or label not in fit.LABELS:
            msg = f"{path}, line {number}: needs a text, and a label out of {', '.join(fit.LABELS)}"
            raise ConfigError(msg)
        language = fields.get("language")
        if not isinstance(language, str):
            language = detector.detect(view(text).prose).code
        found.append(Example(text, label, language, str(fields.get("channel", "other"))))
    return found


def from_amendments(
    said: Mapping[str, Mapping[tuple[Part, str], Amendment]], mentions: Iterable[EnrichedMention]
) -> list[Example]:
    """What analysts said about the tone of whole texts, as labels.

    Args:
        said: the amendments in force.
        mentions: those that are still there; what was deleted teaches nothing.
    """
    found = []
    for mention in mentions:
        one = said.get(mention.id, {}).get(("sentiment", ""))
        if one is not None and one.value is not None:
            code = mention.language.code
            found.append(Example(mention.text, one.value, code, mention.channel))
    return found


def train(
    examples: Sequence[Example],
    today: Model,
    source: str,
    *,
    strengths: Sequence[float] = fit.STRENGTHS,
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """Train on the texts of one language.

    Args:
        examples: the texts, all of ``today.language``.
        today: the model in force.
        source: what to call the labels in the model's card.
        strengths: see ``fit.cross_validate``.
        advance: told after each fit; there are ``fit.FOLDS`` a strength.

    Raises:
        ConfigError: there are too few.
    """
    language = today.language
    distinct = {_bare(one.text): one for one in examples}
    examples = list(distinct.values())
    classes = np.array([fit.LABELS.index(one.label) for one in examples], dtype=np.int64)
    for place, label in enumerate(fit.LABELS):
        if (count := int((classes == place).sum())) < LEAST:
            msg = f"{language}: {count} texts are labelled {label}; {LEAST} of each are needed"
            raise ConfigError(msg)
    found = fit.features([one.text for one in examples], sentiment.lexicon(language))
    start = shipped(language)
    base = fit.weights(start)
    strength, sums = fit.cross_validate(found, classes, base, strengths=strengths, advance=advance)
    new = sums.argmax(1)

    marks = np.array([zlib.crc32(bare.encode()) for bare in distinct], dtype=np.uint32)
    unseen = ~np.isin(marks, _seen(today))
    against, reason = today, ""
    if unseen.sum() < _ENOUGH or len(set(classes[unseen].tolist())) < len(fit.LABELS):
        against, unseen = start, np.ones(len(classes), dtype=bool)
        missing = len(set(_seen(today).tolist()) - set(marks.tolist()))
        if missing:
            reason = (
                f"{missing} texts that {today.version} was trained on are not among these, and too"
                " few of these are new to it for a comparison"
            )
    old = fit.weights(against).sums(found).argmax(1)

    def group(name: str, rows: Any) -> Group:  # noqa: ANN401 - anything that selects
        return Group(
            name,
            len(classes[rows]),
            _scores(classes[rows], new[rows]),
            _scores(classes[rows], old[rows]),
        )

    overall = group("all", unseen)
    by_channel: dict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(examples):
        if unseen[row]:
            by_channel[one.channel].append(row)
    confusion = np.zeros((len(fit.LABELS), len(fit.LABELS)), dtype=int)
    np.add.at(confusion, (classes, new), 1)
    model = fit.to_model(
        language,
        fit.fit(found, classes, strength, base),
        fit.heat(sums, classes),
        (*start.sources, Source(source, len(examples))),
        {"strength": strength, **msgspec.to_builtins(_scores(classes, new))},
    )
    return Report(
        language=language,
        texts=len(examples),
        against=against.version,
        better=not reason and overall.new.macro_f1 > overall.old.macro_f1,
        reason=reason,
        overall=overall,
        channels=tuple(group(name, rows) for name, rows in sorted(by_channel.items())),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        model=msgspec.structs.replace(
            model, seen=array("I", sorted(set(marks.tolist()))).tobytes()
        ),
    )


def by_language(examples: Iterable[Example]) -> dict[str, list[Example]]:
    """The texts of each language."""
    found: dict[str, list[Example]] = defaultdict(list)
    for one in examples:
        found[one.language].append(one)
    return dict(sorted(found.items()))


def _bare(text: str) -> str:
    """What makes two texts the same; case, links and handles do not count."""
    return " ".join(view(text).prose.lower().split())


def _seen(model: Model) -> NDArray[np.uint32]:
    """The marks of the customer's texts that a model was trained on."""
    return np.frombuffer(model.seen, dtype=np.uint32)


def _scores(given: fit.Classes, found: fit.Classes) -> Scores:
    accuracy, macro_f1 = fit.scores(given, found)
    return Scores(round(accuracy, 4), round(macro_f1, 4))
