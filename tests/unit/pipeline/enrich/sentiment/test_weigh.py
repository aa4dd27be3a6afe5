"""Tokens weighed together, against a plain reading of the model."""

from array import array

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.enrich.sentiment.grams import BUCKETS, GRAM, TOKEN, pieces
from pipeline.enrich.sentiment.weigh import Weigher, square

WEIGHTS = array("b", np.random.default_rng(1).integers(-128, 128, 2 * BUCKETS).tolist())
WEIGHER = Weigher(WEIGHTS)


def plain(token: str) -> list[float]:
    buckets = pieces(token)
    much = [GRAM if place else 1.0 for place in range(len(buckets))]
    return [
        *[
            sum(one * WEIGHTS[2 * bucket + side] for one, bucket in zip(much, buckets, strict=True))
            for side in (0, 1)
        ],
        square(len(buckets) - 1) if buckets else 0.0,
    ]


@given(st.text(st.sampled_from("aabcZÄßéİΣ\u03c3²ж' !?.\n:-)🙂"), max_size=80))
@example("a bb ccc dddd eeeee Füße don't SOOOOO")
@example("ΑΣ ΣΑ a b c d e f g h")
@example("a")
@example("! ? 🙂 :-) ...")
@example("")
def test_together_as_one_by_one(text: str) -> None:
    tokens = [match[0] for match in TOKEN.finditer(text)]
    assert WEIGHER.sums(tokens).T.tolist() == [plain(token) for token in tokens]
