import re

from benchmarks.corpus import HANDLE, HASHTAG, LENGTHS, LINK, MARKS, mentions

MADE = [mention.text for mention in mentions(4_000)]


def test_texts_are_as_long_as_the_real_ones() -> None:
    lengths = sorted(map(len, MADE))
    middle = lengths[len(lengths) // 2]
    assert abs(middle - LENGTHS[4]) < 15
    assert LENGTHS[0] <= lengths[0]
    assert lengths[-1] <= LENGTHS[-1]


def test_as_many_have_a_link_a_hashtag_and_a_handle() -> None:
    for name, wanted in (("link", LINK), ("hashtag", HASHTAG), ("handle", HANDLE)):
        share = sum(bool(re.search(MARKS[name], text)) for text in MADE) / len(MADE)
        assert abs(share - wanted) < 0.03, name


def test_a_length_that_is_asked_for_is_kept() -> None:
    assert {len(mention.text) for mention in mentions(200, length=500)} <= {499, 500}
