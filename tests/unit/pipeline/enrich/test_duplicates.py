"""Fingerprints of any text can be sent; how alike they are is tested with the window."""

from datetime import UTC, datetime

import pytest
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


@given(
    st.lists(st.text(max_size=600) | st.text(st.sampled_from("gut Bahn"), min_size=350)),
    st.datetimes(timezones=st.just(UTC)),
)
def test_every_text_of_any_time_has_a_fingerprint_that_can_be_sent(
    texts: list[str], when: datetime
) -> None:
    said = [(view(text), mention(text, when)) for text in texts]
    made = duplicates.fingerprints(said)
    assert [decode(encode(one)) for one in made] == made
    assert [one for each in said for one in duplicates.fingerprints([each])] == made, (
        "whatever the company"
    )


def test_a_long_text_has_two() -> None:
    text = " ".join(f"wort{number}" for number in range(200))
    said = [
        (view(part), mention(part, datetime.now(UTC))) for part in (text, text[:340], text[:280])
    ]
    long, shorter, head = duplicates.fingerprints(said)
    assert shorter.head is None
    assert long.head == head.whole != long.whole


@pytest.mark.parametrize("characters", [149, 351, 20_000, 40_000])
def test_many_texts_are_made_in_portions(characters: int) -> None:
    text = ("Die Bahn kommt heute wieder zu spät an. " * 1_000)[:characters]
    said = [(view(text), mention(text, datetime.now(UTC)))] * 300
    assert duplicates.fingerprints(said) == 300 * duplicates.fingerprints(said[:1])
