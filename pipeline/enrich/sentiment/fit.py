"""Fitting a model to labelled texts: balanced logistic regression on ``trained``'s features.

Hashed features count by how much their presence tells of the label, as in a naive Bayes model (Wang
and Manning 2012, "Baselines and bigrams"), so that the many that tell nothing cost little.
Seeded: the same texts in the same order give the same model, byte for byte, on one platform. A
model can start from another one, which then adds its sums as two more features and is folded into
the result: a few hundred labels from a customer's own field move it without forgetting the rest.
Pieces that stand in one text only are left out. Needs the extra ``train`` (scikit-learn).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from pipeline.enrich.sentiment.grams import BUCKETS, GRAM, TOKEN, pieces
from pipeline.enrich.sentiment.model import Model, Source, make
from pipeline.enrich.sentiment.scorer import READ, LexiconScorer
from pipeline.enrich.sentiment.trained import PLAIN, plain, turned
from pipeline.enrich.sentiment.weigh import square
from pipeline.enrich.text import view

__all__ = [
    "FOLDS",
    "LABELS",
    "STRENGTHS",
    "Classes",
    "Fit",
    "cross_validate",
    "features",
    "fit",
    "folds",
    "heat",
    "scores",
    "to_model",
    "weights",
]

LABELS: Final = ("negative", "neutral", "positive")
"""Classes are their places in this tuple."""
LOUDNESS: Final = 2.0
"""What plain features are multiplied with: they are few, and should cost little to rely on."""
STRENGTHS: Final = (0.3, 1.0, 3.0)
"""Inverse regularisation strengths that are tried."""
FOLDS: Final = 5
SLACK: Final = 0.005
"""Differences in macro-F1 that say nothing."""
_RARE: Final = 2
"""A feature has to stand in so many texts."""
_DOUBT: Final = 0.3
"""What is added to the sum of a feature's values in each label's texts before they are compared."""
_LEAST: Final = 0.3
"""What a feature counts that stands in the texts of all labels alike, where a mean one tells 1."""
_HEATS: Final = tuple(n / 20 for n in range(6, 41))

Matrix: TypeAlias = Any
"""A ``scipy.sparse.csr_matrix``; scipy ships no types."""
Classes = NDArray[np.int64]
Numbers = NDArray[np.float64]


class Fit(NamedTuple):
    """Weights as they were fitted."""

    hashed: Numbers
    """``(BUCKETS, 2)``: negative and positive against neutral."""
    plain: Numbers
    bias: Numbers
    strength: float

    def sums(self, found: Matrix) -> Numbers:
        """What speaks for each label, ``(texts, 3)``."""
        weights = np.vstack([self.hashed, self.plain])
        two = found @ weights + self.bias
        return np.column_stack([two[:, 0], np.zeros(len(two)), two[:, 1]])


def features(texts: Sequence[str], lexicon: LexiconScorer) -> Matrix:
    """One row a text: the hashed features, then the plain ones."""
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for text in texts:
        seen = view(text)
        end = min(len(seen.prose), READ)
        length, row = 1.0, []
        hits = lexicon.hits(seen.prose, 0, end)
        left_out = turned(hits)
        prose = seen.prose.replace("\u2019", "'")
        tokens = [(match.start(), match[0]) for match in TOKEN.finditer(prose, 0, end)]
        # The words of a phrase say what they say together alone.
        for _, phrase in lexicon.phrases.among(prose, tokens, 0, end):
            left_out |= {at for at, _ in tokens if phrase.start <= at < phrase.end}
        for at, token in tokens:
            buckets = pieces(token)
            if not buckets or at in left_out:
                continue
            length += square(len(buckets) - 1)
            row += [(bucket, GRAM if place else 1.0) for place, bucket in enumerate(buckets)]
        norm = float(np.sqrt(length))
        columns += [bucket for bucket, _ in row]
        values += [value / norm for _, value in row]
        found, _ = plain(seen, hits, 0, end)
        columns += range(BUCKETS, BUCKETS + PLAIN)
        values += found
        ends.append(len(columns))
    made = sparse.csr_matrix((values, columns, ends), shape=(len(texts), BUCKETS + PLAIN))
    made.sum_duplicates()
    return made


def weights(model: Model) -> Fit:
    """The weights of a model as if just fitted."""
    packed = np.frombuffer(model.weights(), dtype=np.int8)
    hashed: Numbers = packed.reshape(BUCKETS, 2).astype(np.float64) * model.scale
    return Fit(hashed, np.array(model.plain), np.array(model.bias), 0.0)


def fit(
    found: Matrix,
    classes: Classes,
    strength: float,
    base: Fit | None = None,
    *,
    neutral: tuple[float, float] = (0.0, 0.0),
    sets: Classes | None = None,
) -> Fit:
    """Fit to texts, every label counting alike.

    Args:
        found: their features.
        classes: their labels.
        strength: the inverse of the regularisation.
        base: the model to start from.
        neutral: a head start for neutral before negative and before positive, where the texts were
            gathered for being toned.
        sets: the number of the set that each text is of; they count by the roots of their sizes.
    """
    kept = np.flatnonzero(np.bincount(found.indices, minlength=found.shape[1]) >= _RARE)
    kept = kept[kept < BUCKETS]
    loudness = _telling(found[:, kept], classes)
    parts = [found[:, kept] @ sparse.diags(loudness), found[:, BUCKETS:] * LOUDNESS]
    if base is not None:
        parts.append(sparse.csr_matrix(base.sums(found)[:, [0, 2]]))
    solver = LogisticRegression(C=strength, max_iter=500)
    counts = _counts(classes, np.zeros_like(classes) if sets is None else sets)
    with threadpool_limits(1):  # spinning threads make small problems slow on a busy machine
        fitted = solver.fit(sparse.hstack(parts).tocsr(), classes, sample_weight=counts)
    if len(fitted.classes_) != len(LABELS):
        msg = "training needs texts of every label: negative, neutral, positive"
        raise ValueError(msg)
    two = (fitted.coef_[[0, 2]] - fitted.coef_[1]).T
    bias = fitted.intercept_[[0, 2]] - fitted.intercept_[1] - np.array(neutral)
    hashed = np.zeros((BUCKETS, 2))
    hashed[kept] = two[: len(kept)] * loudness[:, None]
    plain_weights = two[len(kept) : len(kept) + PLAIN] * LOUDNESS
    if base is not None:
        mixed = two[len(kept) + PLAIN :]
        hashed += base.hashed @ mixed
        plain_weights += base.plain @ mixed
        bias = bias + base.bias @ mixed
    return Fit(hashed, plain_weights, bias, strength)


def _counts(classes: Classes, sets: Classes) -> Numbers:
    """What each text counts, 1 on average: labels of a set alike, a set by the root of its size.

    By its size a large set would drown a small one, which says as much about other texts.
    """
    shares = np.sqrt(np.bincount(sets))
    shares *= len(classes) / shares.sum()
    cells = sets * len(LABELS) + classes
    sizes = np.bincount(cells)
    counts: Numbers = shares[sets] / len(LABELS) / sizes[cells]
    return counts


def _telling(found: Matrix, classes: Classes) -> Numbers:
    """What each feature is multiplied with: more where labels' texts differ in it, 1 on average."""
    each = [np.asarray(found[classes == label].sum(0))[0] for label in range(len(LABELS))]
    sums = np.array(each) + _DOUBT
    likely = np.log(sums / sums.sum(1, keepdims=True))
    apart = np.abs(likely - likely.mean(0)).max(0)
    factors: Numbers = (_LEAST + apart / apart.mean()) / (_LEAST + 1)
    return factors


def folds(classes: Classes, seed: int = 0) -> list[tuple[Classes, Classes]]:
    """The rows to fit on and to judge, ``FOLDS`` times."""
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(classes)), classes))


def cross_validate(
    found: Matrix,
    classes: Classes,
    base: Fit | None = None,
    *,
    neutral: tuple[float, float] = (0.0, 0.0),
    sets: Classes | None = None,
    strengths: Sequence[float] = STRENGTHS,
    advance: Callable[[], None] = lambda: None,
) -> tuple[float, Numbers]:
    """Choose the strength by the macro-F1 on held-out folds; the sums there, too.

    Of strengths that are as good but for ``SLACK`` the least is taken: what relies less on single
    words of the training texts does better elsewhere.

    Args:
        found: the features of the texts.
        classes: their labels.
        base: see ``fit``.
        neutral: see ``fit``.
        sets: see ``fit``.
        strengths: what to choose from.
        advance: told after each fit; there are ``FOLDS`` a strength.
    """
    tried: list[tuple[float, float, Numbers]] = []
    for strength in strengths:
        sums = np.zeros((len(classes), len(LABELS)))
        for train, test in folds(classes):
            chosen = None if sets is None else sets[train]
            fitted = fit(found[train], classes[train], strength, base, neutral=neutral, sets=chosen)
            sums[test] = fitted.sums(found[test])
            advance()
        _, score = scores(classes, sums.argmax(1))
        tried.append((score, strength, sums))
    best = max(score for score, _, _ in tried)
    _, strength, sums = next(one for one in tried if one[0] >= best - SLACK)
    return strength, sums


def scores(given: Classes, found: Classes) -> tuple[float, float]:
    """Accuracy and macro-F1 over the labels that were given."""
    labels = np.unique(given)
    return (
        float((given == found).mean()),
        float(f1_score(given, found, average="macro", labels=labels, zero_division=0.0)),
    )


def heat(sums: Numbers, classes: Classes) -> float:
    """What sums on held-out texts are multiplied with to be the best probabilities."""
    balance = len(classes) / (len(LABELS) * np.bincount(classes, minlength=len(LABELS)))[classes]

    def loss(factor: float) -> float:
        grown = np.exp(factor * (sums - sums.max(1, keepdims=True)))
        likely = grown / grown.sum(1, keepdims=True)
        return float(log_loss(classes, likely, sample_weight=balance, labels=range(len(LABELS))))

    return min(_HEATS, key=loss)


def to_model(
    language: str,
    fitted: Fit,
    heat: float,
    sources: tuple[Source, ...],
    figures: dict[str, float],
) -> Model:
    """Round what was fitted."""
    return make(
        language,
        fitted.hashed.ravel().tolist(),
        [(float(bad), float(good)) for bad, good in fitted.plain],
        (float(fitted.bias[0]), float(fitted.bias[1])),
        heat,
        sources=sources,
        figures=figures,
    )
