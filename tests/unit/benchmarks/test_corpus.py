import re

from benchmarks.corpus import HANDLE, HASHTAG, LENGTHS, LINK, MARKS, mentions, new_words

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


def test_new_words_go_on_to_come_as_in_the_real_ones() -> None:
    shares = new_words(MADE[:2_369])
    assert abs(shares[0] - 0.39) < 0.04
    assert abs(shares[1] - 0.24) < 0.04
    assert abs(shares[7] - 0.151) < 0.03
