"""Why a mention looks like noise, and who speaks for us."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich import noise as module
from pipeline.enrich.noise import BY, Origins, noise, rate_told, with_earlier
from pipeline.enrich.text import view
from pipeline.enrich.window import MOST_RATED
from pipeline.settings import Own
from schemas.mention import Author, Collector, Duplicate, Noise, RawMention

NOW = datetime(2026, 3, 4, tzinfo=UTC)
PLAIN = "Die Anlage läuft seit gestern wieder, danke an den Techniker"


def mention(text: str = PLAIN, author: Author | None = None, **fields: Any) -> RawMention:
    return RawMention(
        id="mastodon:1",
        revision=1,
        channel="microblog",
        text=text,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
        author=author,
        **fields,
    )


def reasons(text: str = PLAIN, author: Author | None = None) -> dict[str, float]:
    made = noise(mention(text, author), view(text))
    if made is None:
        return {}
    assert made.score == round(min(max(sum(r.weight for r in made.reasons), 0), 1), 2)
    return {reason.name: reason.weight for reason in made.reasons}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Schau https://a.example/b", "little but links"),
        ("https://a.example https://b.example https://c.example ja", "many links"),
        (PLAIN + " #a #b #c #d #e #f", "many hashtags"),
        (PLAIN + " @a @b @c @d @e", "many handles"),
        ("So kannst du schnell Geld verdienen", "words of advertising"),
        ("Click here for a free iPhone", "words of advertising"),
        ("Die N\u043erdluft ist gut", "disguised letters"),
        ("Die N\u043erdluft &amp; so", "disguised letters"),
        ("DAS IST WIRKLICH DAS LETZTE WAS ICH VON EUCH GEKAUFT HABE UND SAGE", "all capitals"),
    ],
)
def test_reasons_in_the_text(text: str, name: str) -> None:
    assert name in reasons(text)


@pytest.mark.parametrize("part", module._LURES)
@given(data=st.data())
def test_words_of_advertising_have_the_part_they_are_looked_for_by(
    part: str, data: st.DataObject
) -> None:
    lure = data.draw(st.from_regex(re.compile(module._LURES[part], re.ASCII), fullmatch=True))
    assert part in lure
    assert "words of advertising" in reasons(f"{PLAIN}. {lure.title()}!")


@given(st.text(st.sampled_from("ABZÄЖabzäж 1.,ß\u0345")) | st.text())
def test_capitals_are_counted_where_they_may_be_most(prose: str) -> None:
    prose *= 10
    capitals = sum(map(str.isupper, prose))
    shouted = capitals > 40 and capitals > 0.7 * sum(map(str.isalpha, prose))
    assert module._is_shouted(prose) == shouted


@pytest.mark.parametrize(
    ("author", "name"),
    [
        (Author(kind="bot"), "the platform calls it a bot"),
        (Author(created_at=NOW - timedelta(100), posts=20_000), "posts without rest"),
        (Author(created_at=NOW - timedelta(100), posts=9_000), "posts very often"),
        (Author(created_at=NOW - timedelta(2)), "new account"),
        (Author(followers=3, following=2_000), "follows many, followed by few"),
        (Author(handle="petra84629174"), "made-up handle"),
    ],
)
def test_reasons_in_the_author(author: Author, name: str) -> None:
    assert name in reasons(author=author)


@pytest.mark.parametrize(
    ("text", "author"),
    [
        (PLAIN, None),
        (PLAIN, Author(handle="ute_79", verified=True, followers=300, following=900)),
        (PLAIN, Author(created_at=NOW - timedelta(3_000), posts=9_000)),
        (f"{PLAIN} https://a.example #luft", None),
        ("\u042d\u0442\u043e \u0441\u043e\u0440 \u0430 Nordluft", None),
    ],
)
def test_nothing_speaks_against_what_people_write(text: str, author: Author | None) -> None:
    assert reasons(text, author) == {}


def test_verified_authors_are_trusted_more() -> None:
    author = Author(kind="bot", verified=True)
    assert reasons(author=author) == {"the platform calls it a bot": 0.5, "verified": -0.3}


@pytest.mark.parametrize(
    ("repeats", "authors", "names"),
    [
        (0, 9, []),
        (1, 0, ["says it again"]),
        (3, 0, ["says it again and again"]),
        (0, 10, ["many say it at once"]),
    ],
)
def test_copies_add_their_reasons(repeats: int, authors: int, names: list[str]) -> None:
    copy = Duplicate(of="t:1", similarity=1, repeats=repeats, authors=authors, by=BY)
    found = with_earlier(None, None, copy, 0)
    assert [reason.name for reason in found.reasons] == names if found else not names
    bot = noise(mention(author=Author(kind="bot")), view(PLAIN))
    assert bot is not None
    more = with_earlier(bot, None, copy, 0)
    assert more is not None
    assert [reason.name for reason in more.reasons] == [bot.reasons[0].name, *names]
    assert more.score >= bot.score


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (19, {}),
        (20, {"many posts within an hour": 0.2}),
        (49, {"many posts within an hour": 0.2}),
        (50, {"posts nearly every minute": 0.4}),
        (MOST_RATED, {"posts nearly every minute": 0.4}),
    ],
)
def test_how_much_was_said_within_the_hour_is_a_reason(
    rate: int, expected: dict[str, float]
) -> None:
    found = with_earlier(None, None, None, rate)
    assert _weights(found) == expected
    assert with_earlier(None, None, None, rate_told(found)) == found


@pytest.mark.parametrize(
    ("posts", "rate", "expected"),
    [
        (9_000, 20, {"posts very often": 0.2}),
        (9_000, 50, {"posts nearly every minute": 0.4}),
        (90_000, 50, {"posts without rest": 0.4}),
        (90_000, 20, {"posts without rest": 0.4}),
    ],
)
def test_one_rate_counts_the_heavier(posts: int, rate: int, expected: dict[str, float]) -> None:
    author = Author(created_at=NOW - timedelta(100), posts=posts)
    found = noise(mention(author=author), view(PLAIN))
    assert _weights(with_earlier(found, author, None, rate)) == expected


def test_verified_authors_are_trusted_more_whatever_is_said_of_them() -> None:
    expected = {"verified": -0.3, "posts nearly every minute": 0.4}
    assert _weights(with_earlier(None, Author(verified=True), None, 50)) == expected
    author = Author(created_at=NOW - timedelta(100), posts=9_000, verified=True)
    found = noise(mention(author=author), view(PLAIN))
    assert _weights(with_earlier(found, author, None, 50)) == expected


def _weights(found: Noise | None) -> dict[str, float]:
    return {reason.name: reason.weight for reason in found.reasons} if found else {}


@given(st.text(max_size=300))
def test_any_text_has_a_score_from_0_to_1(text: str) -> None:
    reasons(text, Author(kind="bot", followers=0, following=10_000, created_at=NOW))


@pytest.mark.parametrize(
    ("fields", "origin"),
    [
        ({"author": Author(handle="NordLuft")}, "own"),
        ({"author": Author(url="https://s.example/@nordluft")}, "own"),
        ({"author": Author(handle="eva@s.example")}, "staff"),
        ({"author": Author(id="42")}, "staff"),
        ({"author": Author(id="43")}, None),
        ({"author": Author(handle="nordluftfan")}, None),
        ({"author": Author(handle="ute")}, "staff"),
        ({"site": "shop.example"}, "own"),
        ({"site": "blog.nordluft.example"}, "own"),
        ({"site": "notnordluft.example"}, None),
        ({}, None),
    ],
)
def test_origin(fields: dict[str, Any], origin: str | None) -> None:
    origins = Origins(
        Own(
            accounts=("@Nordluft", "https://s.example/@nordluft"),
            staff=("@eva@s.example", "mastodon:42", "reddit:43", "mastodon:@Ute"),
            sites=("nordluft.example", "https://shop.example/de"),
        )
    )
    assert origins.of(mention(**fields)) == origin
    assert Origins(Own()).of(mention(**fields)) is None
