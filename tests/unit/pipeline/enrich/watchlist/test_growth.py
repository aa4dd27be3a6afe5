"""What a mention costs does not grow with the watchlist."""

import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from benchmarks.watchlist import mention, topics
from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from tests.support import demo


def lines(watchlist: Watchlist, texts: Sequence[str]) -> tuple[int, int]:
    """How many lines of Python it takes to search texts, and how much is found.

    Lines, unlike seconds, are the same on every machine, however busy it is.
    """
    count = 0
    pairs = [(mention(text), view(text)) for text in texts]

    def trace(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        found = [watchlist.search(*pair) for pair in pairs]
    finally:
        sys.settrace(before)
    return count, sum(len(field.matches) for (field,) in found)


def test_ten_thousand_queries_cost_less_than_twice_a_hundred() -> None:
    texts = [one.text for one in demo.raw(datetime(2026, 3, 12, 12, tzinfo=UTC))]
    counted = Counter(word for text in texts for word in re.findall(r"[^\W\d_]{4,}", text.lower()))
    words = [word for word, _ in counted.most_common() if word not in {"nicht", "oder", "und"}]
    few, many = (
        lines(Watchlist(topics(random.Random(1), count, words)), texts[:300])
        for count in (100, 10_000)
    )
    # Ten topics match in both, and hardly any of the invented names does.
    assert 30 < few[1] <= many[1] < 2 * few[1]
    assert many[0] < 2 * few[0]
