"""Fingerprints of any text can be sent; how alike they are is tested with the window."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich import duplicates
from pipeline.enrich.text import view
from schemas.fingerprint import decode, encode
from schemas.mention import Collector, RawMention


def mention(text: str, when: datetime) -> RawMention:
    return RawMention(
        id="t:any",
        revision=1,
        channel="other",
        text=text,
        published_at=when,
        collected_at=when,
        collector=Collector(source="test"),
    )


@given(st.text() | st.text(st.characters(max_codepoint=255)))
def test_words_are_the_same_the_fast_way(text: str) -> None:
    assert duplicates._words(text) == re.findall(r"\w+", text)


@given(st.text(max_size=600), st.datetimes(timezones=st.just(UTC)))
def test_every_text_of_any_time_has_a_fingerprint_that_can_be_sent(
    text: str, when: datetime
) -> None:
    made = duplicates.fingerprint(view(text), mention(text, when))
    assert decode(encode(made)) == made
