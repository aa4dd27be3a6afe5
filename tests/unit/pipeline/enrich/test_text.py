"""The view: what is changed, what is hidden, and the way back to the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich import text as module
from pipeline.enrich.text import composed, view

# Texts made of what the view changes, hides or must keep.
PIECES = st.sampled_from(
    (
        *("Bahn", "\u00fc", "u\u0308", "&amp;", "&uuml;", "&#8364;", "&nope;", "\u200b", "\u00ad"),
        *("\u0130", "I\u0307", "\uff22", "\u2026", "\ufb01", "\x00", "\u00b4", "\ufe0f", "\u0301"),
        *(" ", "\n", "&", "\u00df", "https://a.example/b?c=1&amp;d", "@nutzer", "x@y.example"),
        *(
            "<b>",
            "</p>",
            "<br/>",
            "<a href='x'>",
            "<",
            "<!-- x -->",
            "\u043e",
            "\u0434",
            "N\u043er",
        ),
        *("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\U000e0067"),
        *("#tag", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
    )
)
TEXTS = st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=60)


@given(TEXTS)
def test_every_change_is_found_where_it_is_looked_for(text: str) -> None:
    every = [match.span() for match in module._CHANGED.finditer(text)]
    looked = [match.span() for match in module._changes(text)]
    assert [span for span in every if composed(text[slice(*span)]) != text[slice(*span)]] == [
        span for span in looked if composed(text[slice(*span)]) != text[slice(*span)]
    ]
    assert set(looked) <= set(every)


@given(TEXTS)
def test_positions_lead_back_to_the_original(text: str) -> None:
    seen = view(text)
    end = 0
    for index in range(len(seen.text)):
        span = seen.span(index, index + 1)
        assert 0 <= span.start < span.end <= len(text)
        assert span.start >= end or span.end == end  # one original may make several characters
        end = span.end


@given(TEXTS, st.data())
def test_the_way_back_leads_there_again(text: str, data: st.DataObject) -> None:
    seen = view(text)
    start = data.draw(st.integers(0, max(len(seen.text) - 1, 0)))
    end = data.draw(st.integers(start, len(seen.text)))
    if start < end:
        found, until = seen.place(seen.span(start, end))
        assert found <= start
        assert end <= until
        assert seen.span(found, until) == seen.span(start, end)


@given(TEXTS)
def test_prose_and_lower_case_keep_all_positions(text: str) -> None:
    seen = view(text)
    assert len(seen.prose) == len(seen.text) == len(seen.text.lower())


@given(TEXTS)
def test_marks_are_in_order_and_apart(text: str) -> None:
    end = 0
    for mark in view(text).marks:
        assert end <= mark.start < mark.end <= len(view(text).text)
        end = mark.end


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("f&uuml;r M&#252;ller &amp; S&ouml;hne", "für Müller & Söhne"),
        ("Bahn\u00adhof\u200b", "Bahnhof"),
        ("Bahn&shy;hof&#8203;s", "Bahnhofs"),
        ("\uff22\uff41\uff48\uff4e", "Bahn"),
        ("u\u0308ber", "über"),
        ("a\x00b", "a b"),
        ("na\u00a0ja\u2026", "na ja..."),
        ("&unbekannt; & so", "&unbekannt; & so"),
        ("\u0130stanbul", "Istanbul"),
        ("wie geht\u00b4s", "wie geht's"),
        (
            "Nordluft\u2122, Nordluft&trade; und Nordluft\u2120",
            "Nordluft , Nordluft  und Nordluft ",
        ),
        ("<p>Nord<b>luft</b> &amp; Co<br/>neu</p>", "\nNordluft & Co\nneu\n"),
        ("<style>p { color: red }</style>gut<!-- so -->", " gut "),
        ("ich <3 dich, a <b und c> d", "ich <3 dich, a <b und c> d".replace("<b und c>", "")),
        ("N\u043erdluft und B\u03bfsch", "Nordluft und Bosch"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ],
)
def test_reads_as_people_do(text: str, seen: str) -> None:
    assert view(text).text == seen


def test_spans_cover_what_was_written() -> None:
    text = "Die B\u00adahn f&uuml;hrt"
    seen = view(text)
    start = seen.text.index("Bahn")
    assert seen.written(seen.span(start, start + 4)) == "B\u00adahn"
    start = seen.text.index("führt")
    assert seen.written(seen.span(start, start + 5)) == "f&uuml;hrt"
    seen = view("Nordluft&trade; ist super")
    assert seen.written(seen.span(0, 8)) == "Nordluft"
    start = seen.text.index("super")
    assert seen.written(seen.span(start, start + 5)) == "super"


def test_hides_links_addresses_and_handles_only() -> None:
    seen = view("@amt Zug https://a.example/x mail: a.b@c.example #Bahn 5 €")
    assert seen.prose.split() == ["Zug", "mail:", "#Bahn", "5", "€"]


@given(st.text(alphabet="aäßZ 1.,!#", max_size=50))
def test_a_plain_text_is_left_alone(text: str) -> None:
    seen = view(text)
    assert seen.text is text
    assert seen.starts is None


@given(TEXTS, st.data())
def test_what_is_cut_out_leads_back_to_the_original(text: str, data: st.DataObject) -> None:
    seen = view(text)
    places = st.integers(0, len(seen.text))
    cuts = sorted(set(data.draw(st.lists(places, max_size=6))))
    parts = list(zip(cuts[::2], cuts[1::2], strict=False))
    part = seen.cut(parts)
    assert part.text == "\n".join(seen.text[start:end] for start, end in parts)
    assert len(part.prose) == len(part.text)
    position = 0
    for start, end in parts:
        for offset in range(end - start):
            place = position + offset
            assert part.span(place, place + 1) == seen.span(start + offset, start + offset + 1)
        position += end - start + 1
    for mark in part.marks:
        assert part.span(mark.start, mark.end) in [seen.span(m.start, m.end) for m in seen.marks]


def test_the_letters_of_a_flag_are_kept_and_of_nothing_else() -> None:
    england = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    seen = view(f"a\U000e0067\U000e007f{england}\u200b{england[:-1]}!")
    assert seen.text == f"a{england}\U0001f3f4!"
    assert [seen.written(seen.span(mark.start, mark.end)) for mark in seen.marks] == [
        england,
        "\U0001f3f4",
    ]
