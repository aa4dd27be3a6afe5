"""The query language: what binds how, what is refused, where, and with which advice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.advice import language
from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist, WatchlistError
from pipeline.enrich.watchlist.grammar import literal, parse
from pipeline.enrich.watchlist.mistakes import _MESSAGES, Mistake
from pipeline.enrich.watchlist.tree import All, Any, Field, Near, Node, Not, Term
from pipeline.settings import WatchTopic


def shape(node: Node) -> str:
    match node:
        case Term() | Field():
            return node.written
        case Not(part):
            return f"not({shape(part)})"
        case All(parts):
            return f"all({', '.join(map(shape, parts))})"
        case Any(parts):
            return f"any({', '.join(map(shape, parts))})"
        case Near(left, right, distance, ordered):
            return f"{'before' if ordered else 'near'}{distance}({shape(left)}, {shape(right)})"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a OR b AND c", "any(a, all(b, c))"),
        ("a b c", "all(a, b, c)"),
        ("a AND NOT b", "all(a, not(b))"),
        ("a NOT b NEAR/2 c", "all(a, not(near2(b, c)))"),
        ("a BEFORE/3 b NEAR/0 c", "near0(before3(a, b), c)"),
        ("(a OR b) NEAR/1 (c)", "near1(any(a, b), c)"),
        ('"a b" OR a*b[case]', 'any("a b", a*b[case])'),
        ("\u201ea b\u201c", '"a b"'),
        ("ORDNUNG NOTE ANDERS", "all(ORDNUNG, NOTE, ANDERS)"),
        ('a (lang:(de OR "en") rating:1..2)', 'all(a, all(lang:(de OR "en"), rating:1..2))'),
        ("$x OR c", "any(all(a, b), c)"),
        ('"a (b" OR c', 'any("a (b", c)'),
    ],
)  # fmt: skip
def test_what_binds_how(query: str, expected: str) -> None:
    if "*b" in query:
        query, expected = query.replace("a*b", "abc*d"), expected.replace("a*b", "abc*d")
    assert shape(parse(query, {"x": "a b"})) == expected


NAMED = {"loop": "$pool", "pool": "a $loop", "bad": "a OR", "many": "a " * 4_000, "strike": "a"}


@pytest.mark.parametrize(
    ("query", "code", "position"),
    [
        (" ", "empty", 0),
        ("a OR", "operand_end", 2),
        ("(a AND NOT", "operand_end", 7),
        ("OR a", "operand", 0),
        ("a AND OR b", "operand", 6),
        ("a ()", "operand", 3),
        ("(a", "open_parenthesis", 0),
        ("a (b (c)", "open_parenthesis", 2),
        ("a) b", "close_parenthesis", 1),
        ('a "b', "open_quote", 2),
        ("a:b", "field", 0),
        ("14:30", "character", 2),
        ("a[case", "character", 1),
        ("a UND b", "operator", 2),
        ("a and b", "operator", 2),
        ("a NEAR b", "near", 2),
        ("a NEAR/x b", "near", 2),
        ("a BEFORE/101 b", "near", 2),
        ("a NEAR/3 (b c)", "near_part", 2),
        ("lang:de NEAR/3 b", "near_part", 8),
        ("a chanel:news", "field", 2),
        ("a channel:", "value_missing", 2),
        ("channel:(news OR blogs)", "value", 8),
        ("lang:deutsch", "value", 5),
        ("rating:[1 TO 3]", "range", 7),
        ("a rating:good", "range", 9),
        ("followers:1000..", "range", 10),
        ("a[form]", "option", 2),
        ("a[forms", "character", 1),
        ("abc[compound case]", "option_clash", 0),
        ("abc*[forms]", "option_clash", 0),
        ("C++[forms]", "option_clash", 0),
        ("ab[compound]", "words_short", 0),
        ("x ab*", "wild_short", 2),
        ("a*b*c*d*efgh*", "wild_many", 0),
        ("#b*hn", "wild_sign", 0),
        ("a **", "no_words", 2),
        ("a $strikes", "reference", 2),
        ("a $loop", "inner", 2),
        ("a OR $bad", "inner", 5),
        ("$many $many", "large", 0),
        ("NOT a", "negative", 4),
        ("a OR NOT b", "negative", 9),
        ("(NOT a) AND NOT b", "negative", 5),
        ("(" * 16 + "a" + ")" * 16, "deep", 15),
        ("NOT " * 100 + "a", "deep", 0),
        ("a" * 10_001, "long", 10_000),
    ],
)
def test_a_mistake_is_said_with_its_place(query: str, code: str, position: int) -> None:
    with pytest.raises(Mistake) as refused:
        parse(query, NAMED)
    assert (refused.value.code, refused.value.position) == (code, position)
    for lang in ("de", "en"):
        said = refused.value.message(lang)
        assert "{" not in said
        assert "\n" not in said


def test_the_line_and_a_caret_are_shown() -> None:
    with pytest.raises(WatchlistError) as refused:
        Watchlist(
            [WatchTopic(topic="Bahn", kind="brand", query="Bahn\nAND chanel:news")], lang="de"
        )
    assert str(refused.value).splitlines() == [
        (
            "Watchlist-Thema 'Bahn': ein Feld chanel gibt es nicht (gemeint war channel?); Felder: "
            "lang, source, channel, author, site, url, rating, followers. Für den Text selbst: "
            '"chanel:news"'
        ),
        "  AND chanel:news",
        "      ^",
    ]


def test_a_mistake_in_a_named_query_is_shown_there() -> None:
    with pytest.raises(Mistake) as refused:
        parse("x $bad", NAMED)
    assert refused.value.shown("en").splitlines()[1:] == ["  a OR", "    ^"]


def test_every_message_is_there_in_both_languages() -> None:
    assert all(set(texts) == {"de", "en"} for texts in _MESSAGES.values())


def test_the_language_is_the_environment_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert language() == "en"
    monkeypatch.setenv("LANG", "de_AT.UTF-8")
    assert language() == "de"
    assert language("en") == "en"


@given(st.text(alphabet='ab "()[]:$*?#@.\\\nANDORTEFb/5', max_size=40))
def test_any_text_is_a_query_or_a_mistake(query: str) -> None:
    try:
        assert shape(parse(query, {"a": "b"}))
    except Mistake as error:
        mistake = error
    else:
        topic = WatchTopic(topic="t", kind="theme", query=query)
        Watchlist([topic], {"a": "b"}).find(view("a b ab abab #a @b a.b"))
        return
    assert 0 <= mistake.position <= len(query)
    assert mistake.shown("de")


@pytest.mark.parametrize("term", ["OR", "(", '"', "a*b", "Really?", "x:y", "$a"])
def test_a_plain_term_is_taken_as_it_stands(term: str) -> None:
    assert literal(term).text == term
    watchlist = Watchlist([WatchTopic(topic="t", kind="theme", terms=(term + term,))])
    assert len(watchlist.find(view(f"x {term}{term} y")).matches) == 1
