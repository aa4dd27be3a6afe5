import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.text import looks_like_html, to_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("nur Text", "nur Text"),
        ("<p>Hallo <b>Welt</b></p><p>da<br>und dort</p>", "Hallo Welt\nda\nund dort"),
        ("a &amp; b &uuml;ber", "a & b über"),
        ("<script>x()</script>a<style>b{}</style><!-- c -->", "a"),
        ("<ul><li>eins</li><li>zwei</li></ul>", "eins\nzwei"),
        ("<p>offen <b>und falsch</p>", "offen und falsch"),
        ("a\x00b", "a b"),
    ],
)
def test_what_a_reader_sees(markup: str, text: str) -> None:
    assert to_text(markup) == text


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_markup_gives_some_text(markup: str) -> None:
    assert "\x00" not in to_text(markup)


def test_html_is_told_from_text() -> None:
    assert looks_like_html("a <b>c</b>")
    assert looks_like_html("Bahn &amp; Bus")
    assert not looks_like_html("1 < 2 und 3 > 2, A&B; C")
