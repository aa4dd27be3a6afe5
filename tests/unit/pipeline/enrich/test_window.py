"""Near copies are found, the earliest leads, and doing things again changes nothing."""

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.duplicates import fingerprints
from pipeline.enrich.text import view
from pipeline.enrich.window import LIKE, MOST_RATED, Window
from schemas.fingerprint import Fingerprint
from schemas.mention import Author, Collector, Duplicate, RawMention, Thread

CHANCE = random.Random(3)
VOCABULARY = ["".join(CHANCE.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(400)]
SHORT = "Die neue Anlage von Nordluft läuft seit gestern wieder ruhig und riecht nicht mehr"
NOW = 1_700_000_000_000


def words(seed: int, count: int) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=count))


def print_of(
    text: str, collected_at: int = NOW, author: str | None = None, kind: Any = "post"
) -> Fingerprint:
    when = datetime.fromtimestamp(collected_at / 1_000, UTC)
    mention = RawMention(
        id="t:any",
        revision=1,
        channel="other",
        text=text,
        published_at=when,
        collected_at=when,
        collector=Collector(source="test"),
        author=Author(handle=author) if author else None,
        thread=Thread(kind=kind),
    )
    (made,) = fingerprints([(view(text), mention)])
    return made


def answer(texts: dict[str, str], mention_id: str, size: int = 100) -> Duplicate | None:
    window = Window(size)
    for name, text in texts.items():
        window.add([(name, print_of(text))])
    return find(window, mention_id, texts[mention_id])


def find(window: Window, name: str, text: str, collected_at: int = NOW) -> Duplicate | None:
    return window.find({name: print_of(text, collected_at)}).get(name)


@pytest.mark.parametrize(
    "copy",
    [
        SHORT,
        SHORT.upper(),
        f"RT @nutzer: {SHORT}",
        f"{SHORT} https://l.example/x #luft",
        f"Gerade gelesen: {SHORT} Was meint ihr?",
        SHORT.replace("gestern", "vorgestern"),
        SHORT.replace(" ", "  ").replace("e", "\u0435"),  # with Cyrillic letters
    ],
)
def test_a_copy_carries_the_first_mention_and_how_alike_it_is(copy: str) -> None:
    found = answer({"t:1": SHORT, "t:2": words(1, 20), "t:3": copy}, "t:3")
    assert found is not None
    assert found.of == "t:1"
    assert LIKE <= found.similarity <= 1
    assert found.by.name == "minhash"


def test_a_long_text_is_found_where_it_was_cut_off_both_ways_round() -> None:
    long = words(5, 400)
    assert (found := answer({"t:1": long, "t:2": long[:280]}, "t:2")) is not None
    assert found.of == "t:1"
    assert (found := answer({"t:1": long[:280], "t:2": long}, "t:2")) is not None
    assert found.of == "t:1"


def test_a_common_beginning_makes_no_copy() -> None:
    head = words(5, 60)
    texts = {"t:1": f"{head} {words(6, 300)}", "t:2": f"{head} {words(7, 300)}"}
    assert answer(texts, "t:2") is None


@pytest.mark.parametrize("text", ["Danke!", "ok super", "", "@a @b https://c.example/d so gut"])
def test_very_short_texts_are_no_copies(text: str) -> None:
    assert answer({"t:1": text, "t:2": text}, "t:2") is None


def test_the_first_leads_all_and_is_no_copy() -> None:
    texts = {f"t:{n}": f"{SHORT} {words(n, 2)}" for n in range(20)}
    assert answer(texts, "t:0") is None
    leads = {found.of for n in range(1, 20) if (found := answer(texts, f"t:{n}"))}
    assert leads == {"t:0"}


def test_what_is_added_again_keeps_its_place() -> None:
    window = Window(50)
    for name in ("t:1", "t:2", "t:1", "t:1"):
        window.add([(name, print_of(SHORT))])
    assert find(window, "t:1", SHORT) is None
    assert (found := find(window, "t:2", SHORT)) is not None
    assert found.of == "t:1"
    # An edit of the first, into something that only the second is like, leads no further.
    window.add([("t:1", print_of(f"{SHORT} und das ist gut"))])
    assert find(window, "t:1", f"{SHORT} und das ist gut") is None


def test_an_old_mention_is_no_copy_of_a_much_newer_one() -> None:
    window = Window(50)
    window.add([("t:new", print_of(SHORT))])
    window.add([("t:old", print_of(SHORT, NOW - 3_600_000))])
    assert find(window, "t:old", SHORT, NOW - 3_600_000) is None


def test_a_deleted_mention_leads_no_story() -> None:
    window = Window(50)
    for name in ("t:1", "t:2", "t:3"):
        window.add([(name, print_of(SHORT))])
    window.forget("t:1")
    window.forget("t:unknown")
    assert find(window, "t:2", SHORT) is None
    window.add([("t:4", print_of(f"{SHORT} ja"))])
    assert find(window, "t:4", f"{SHORT} ja") is None  # t:2 and t:3 stood behind t:1
    window.add([("t:5", print_of(SHORT))])
    window.add([("t:6", print_of(SHORT))])
    assert (found := find(window, "t:6", SHORT)) is not None
    assert found.of == "t:4"


def test_equal_texts_have_one_lead_even_where_all_share_one_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Window, "_checksums", lambda _, entries: [0] * len(entries.kinds))
    texts = {f"t:{n}": words(n % 3, 12) for n in range(30)}
    leads = [found and found.of for n in texts for found in [answer(texts, n)]]
    assert leads == [None] * 3 + ["t:0", "t:1", "t:2"] * 9


def test_memory_is_bounded_and_a_story_outlives_its_lead() -> None:
    window = Window(64)
    leads = []
    for number in range(1_000):
        text = SHORT if number % 10 == 0 else words(number, 12)
        window.add([(f"t:{number}", print_of(text))])
        if number % 10 == 0:
            found = find(window, f"t:{number}", text)
            leads.append(found.of if found else None)
    assert len(window) == 64
    assert max(map(len, window._others.values()), default=0) <= 64
    assert leads[0] is None
    assert None not in leads[1:]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5)), max_size=60), st.data())
def test_who_adds_what_twice_makes_no_difference(
    mentions: list[tuple[int, int]], data: st.DataObject
) -> None:
    texts = {f"t:{name}": words(seed, 12) for name, seed in dict(mentions).items()}
    once, again = Window(500), Window(500)
    for name, text in texts.items():
        once.add([(name, print_of(text))])
        again.add([(name, print_of(text))])
        if name in data.draw(st.sets(st.sampled_from(sorted(texts)), max_size=3)):
            again.add([(name, print_of(text))])
    for name, text in texts.items():
        assert find(once, name, text) == find(again, name, text)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(-90, 90), st.integers(0, 9)),
        max_size=60,
    ),
    st.data(),
)
def test_how_many_are_added_at_once_makes_no_difference(
    said: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    messages = [
        (f"t:{name}", print_of(words(seed, 12 + 60 * (seed % 2)), NOW + minute * 60_000, f"a{who}"))
        for name, seed, minute, who in said
    ]
    for size in (8, 32, 500):
        one_by_one, in_batches = Window(size), Window(size)
        for message in messages:
            one_by_one.add([message])
        left = messages
        while left:
            count = data.draw(st.integers(1, len(left)))
            in_batches.add(left[:count])
            left = left[count:]
        asked = dict(messages)
        assert in_batches.find(asked) == one_by_one.find(asked)
        assert in_batches.rates(asked) == one_by_one.rates(asked)


@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.integers(0, 120), st.sampled_from(["eva", "udo", None])),
        max_size=80,
    )
)
def test_counts_what_an_author_said_in_the_hour_before(
    said: list[tuple[int, int, str | None]],
) -> None:
    window = Window(500)
    first: dict[str, Fingerprint] = {}
    expected = {}
    for number, minute, author in sorted(said, key=lambda each: each[1]):
        name, print_ = f"t:{number}", print_of(words(number, 9), NOW + minute * 60_000, author)
        window.add([(name, print_)])
        if name not in first:
            since = NOW + (minute - 60) * 60_000
            times = [
                each.published_at
                for each in first.values()
                if author and each.author == print_.author
            ]
            expected[name] = min(
                sum(time is not None and time >= since for time in times), MOST_RATED
            )
            first[name] = print_
    assert window.rates(first) == {name: rate for name, rate in expected.items() if rate}
    assert window.rates(["t:unknown"]) == {}


def test_what_came_without_its_time_and_reposts_are_no_rate() -> None:
    window = Window(500)
    late, estimated, repost = (
        print_of(SHORT, NOW, "eva"),
        msgspec.structs.replace(print_of(SHORT, NOW, "eva"), published_at=None),
        print_of(SHORT, NOW, "eva", "repost"),
    )
    window.add([("t:0", estimated), ("t:1", repost), ("t:2", late), ("t:3", estimated)])
    assert window.rates(["t:0", "t:1", "t:2", "t:3"]) == {}
    # An old one that is found only now was not said just before.
    window.add([("t:4", msgspec.structs.replace(late, published_at=NOW - 7_200_000))])
    window.add([("t:5", late)])
    assert window.rates(["t:4", "t:5"]) == {"t:5": 1}


def test_counts_who_repeats_and_how_many_say_the_same() -> None:
    window = Window(200)
    minute = 60_000
    said = [
        ("t:1", SHORT, -90 * minute, "old", "post"),  # too long ago
        ("t:2", SHORT, -9 * minute, "eva", "post"),
        ("t:3", f"{SHORT} ja", -8 * minute, "udo", "post"),
        ("t:4", SHORT, -7 * minute, "ida", "post"),
        ("t:5", SHORT, -6 * minute, "ina", "repost"),
        ("t:6", SHORT, -5 * minute, "eva", "post"),
        ("t:7", SHORT, 0, "eva", "post"),
        ("t:8", SHORT, minute, "lea", "post"),  # later
    ]
    for name, text, when, author, kind in said:
        window.add([(name, print_of(text, NOW + when, author, kind))])
    found = window.find({"t:7": print_of(SHORT, NOW, "eva"), "t:5": print_of(SHORT, NOW - 6)})
    assert (found["t:7"].of, found["t:7"].repeats, found["t:7"].authors) == ("t:1", 2, 2)
    assert (found["t:5"].repeats, found["t:5"].authors) == (0, 3)
