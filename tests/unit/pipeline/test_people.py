"""Who is to be talked to, and who is not, on invented posts."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
import pytest

from pipeline.cli.people import _safe, _write_csv
from pipeline.kibana.words import PERSON_KINDS
from pipeline.people import Kind, Person, Post, asking, people, person_of
from pipeline.reasons import channels
from schemas.forgotten import anonymous
from schemas.mention import Author, Channel, Thread

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def post(name: str, who: str | None, days: float = 1, **fields: object) -> Post:
    made = Post(
        id=f"forum:{name}",
        channel="forum",
        published_at=NOW - timedelta(days=days),
        site="forum.example",
        author=None if who is None else Author(handle=who),
    )
    return msgspec.structs.replace(made, **fields)


def several(who: str, count: int, **fields: object) -> list[Post]:
    return [post(f"{who}{n}", who, n + 1, **fields) for n in range(count)]


def found(*posts: Post, replies: tuple[Post, ...] = ()) -> dict[str, Person]:
    every = people("Brise", posts, replies, NOW)
    assert [p.left_out is not None for p in every] == sorted(p.left_out is not None for p in every)
    return {person.author.handle or person.author.name or "": person for person in every}


def convert(name: str, value: object) -> object:
    """A field of a post, from JSON."""
    (hint,) = (field.type for field in msgspec.structs.fields(Post) if field.name == name)
    return msgspec.convert(value, hint)


def test_authors_are_told_apart_and_put_together() -> None:
    assert person_of(post("1", None)) is None
    assert person_of(post("1", "Erika")) == person_of(post("2", "@erika"))
    named = Author(name="Erika Muster")

    def who(channel: str, site: str) -> str | None:
        return person_of(post("1", None, channel=channel, site=site, author=named))

    assert who("review", "a.example") != who("review", "b.example")
    assert who("news", "a.example") == who("news", "b.example")


def test_languages_are_those_that_a_text_tells() -> None:
    said = [{"code": "fr", "confidence": 1.0}, {"code": "de"}, {"code": "fr"}, {}]
    posts = [
        post(str(n), "erika", n, language=convert("language", value))
        for n, value in enumerate(said)
    ]
    assert found(*posts)["erika"].languages == ("fr", "de")


def test_under_pseudonyms_people_are_the_same_and_nobody_is_named() -> None:
    author = anonymous(Author(id="17", handle="erika.m", name="Erika Muster", followers=9), b"salt")
    (person,) = people("Brise", several("x", 3, author=author), (), NOW)
    assert (person.mentions, person.followers) == (3, 9)
    assert b"rika" not in msgspec.json.encode(person)


def test_one_viral_post_makes_nobody_heard() -> None:
    viral = [post("v", "viral", engagement={"likes": 9_000}, interactions=9_000)]
    steady = several("steady", 4, engagement={"likes": 40}, interactions=40)
    both = found(*viral, *steady, post("v2", "twice", engagement={}, interactions=9_000))
    assert both["viral"].parts.resonance == 0
    assert both["steady"].parts.resonance == pytest.approx(0.54, abs=0.01)
    assert both["steady"].score > both["viral"].score
    assert "one post with reactions, which does not count" in both["viral"].reasons
    assert "40 reactions usually, the best post left out" in both["steady"].reasons


def test_who_is_nobody_to_talk_to_is_left_out_with_the_reason() -> None:
    copy = convert("duplicate", {"of": "forum:x", "authors": 12})
    reasons = {
        name: person.left_out
        for name, person in found(
            *several("ours", 2, origin="own"),
            *several("colleague", 2, origin="staff"),
            *several("noisy", 2, noise=convert("noise", {"score": 0.8})),
            *several("chorus", 2, duplicate=copy),
            *several("echo", 2, thread=Thread(kind="repost")),
            *(msgspec.structs.replace(one, author=Author(handle="robot", kind="bot"))
              for one in several("robot", 1)),
            *several("erika", 2),
        ).items()
    }  # fmt: skip
    assert reasons == {
        "ours": "is one of our own accounts",
        "colleague": "works here",
        "noisy": "looks like a bot or spam in 2 of 2 posts",
        "chorus": "says the same as many others at once in 2 of 2 posts",
        "echo": "only passes on what others say",
        "robot": "is a bot, as the platform says",
        "erika": None,
    }


def test_our_name_elsewhere_and_desks_are_nobody_to_talk_to() -> None:
    ours = post("1", None, author=Author(handle="acme", name="Acme"), origin="own")
    elsewhere = post("2", None, site="social.example", author=Author(handle="acme1", name="ACME"))
    names = ("dpa/ilp", "Redaktion Haus", "ab", "Tom Wirtz")
    press = [post(name, None, channel="news", author=Author(name=name)) for name in names]
    shop = post("3", None, author=Author(handle="s", name="Shop", kind="organisation"))
    known = {
        p.author.handle or p.author.name: p
        for p in people("Brise", [ours, elsewhere, *press, shop], (), NOW)
    }
    assert known["acme1"].left_out == "bears the name of one of our own accounts"
    desk = "signs as a desk or an agency, not as a person"
    assert [known[name].left_out for name in names] == [desk, desk, desk, None]
    assert known["s"].left_out is None
    assert "an organisation" in known["s"].reasons


def test_who_helps_is_found_by_answers_in_threads() -> None:
    asked = convert("intents", [{"kind": "question"}])
    questions = [post(f"q{n}", f"asks{n}", intents=asked) for n in range(2)]

    def answer(name: str, author: str, to: str) -> Post:
        return post(name, author, thread=Thread(kind="reply", parent_id=to, root_id=to))

    replies = (
        answer("a1", "kind", "forum:q0"),
        answer("a2", "kind", "forum:q1"),
        answer("a3", "asks0", "forum:q0"),  # the asker's own word is no answer
        answer("a4", "once", "forum:q0"),
    )
    assert set(asking(questions)) == {"forum:q0", "forum:q1"}
    known = found(*questions, replies=replies)
    assert known["kind"].kinds == ("helper",)
    assert "answered 2 questions of 2 people" in known["kind"].reasons
    assert (known["kind"].answers, known["kind"].stories) == (2, 0)
    assert known["asks0"].answers == 0
    assert known["once"].kinds == ("voice",)


def test_kinds_follow_from_where_and_how_often() -> None:
    known = found(
        *several("press", 2, channel="news"),
        *several("blog", 1, channel="blog"),
        *several("regular", 3),
        *several("guest", 2),
    )
    assert {name: person.kinds for name, person in known.items()} == {
        "press": ("journalist",),
        "blog": ("blogger",),
        "regular": ("forum regular",),
        "guest": ("voice",),
    }


def test_every_part_of_the_score_counts_and_what_is_unknown_does_not() -> None:
    base = several("base", 3)
    topic = ("Brise|negative",)
    known = found(
        *base,
        *several("large", 3, author=Author(handle="large", followers=50_000)),
        *several("small", 3, author=Author(handle="small", followers=3)),
        *several("ill", 3, topic_sentiment=topic),
        *several("well", 3, topic_sentiment=("Klarvent|negative", "Brise|positive")),
        *(post(f"old{n}", "old", 80 + n) for n in range(3)),
        *several("often", 12),
    )
    assert known["base"].parts.reach is None
    assert known["large"].score > known["base"].score > known["small"].score
    assert known["well"].score > known["base"].score > known["ill"].score
    assert known["often"].score > known["base"].score > known["old"].score
    assert "0% positive, 100% negative" in known["ill"].reasons
    assert "spoke last 80 days ago" in known["old"].reasons
    assert "50,000 followers" in known["large"].reasons
    assert all(0 <= person.score <= 100 for person in known.values())
    half = several("half", 4)
    copied = [
        msgspec.structs.replace(one, duplicate=convert("duplicate", {"of": "forum:x"}))
        for one in half[:2]
    ]
    mixed = found(*copied, *half[2:])["half"]
    assert mixed.parts.independence == 0.5
    assert "2 of 4 posts are copies of others'" in mixed.reasons


def test_a_name_cannot_be_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _safe("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert _safe(-1) == -1
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    _write_csv(list(found(*several("=1+1", 2)).values()))
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [row["handle"] for row in rows] == ["'=1+1"]
    assert rows[0]["topic"] == "Brise"


def test_every_reason_is_said_in_german_too() -> None:
    copy = convert("duplicate", {"of": "forum:x", "authors": 12})
    asked = convert("intents", [{"kind": "question"}])
    toned = convert("topic_sentiment", ["Brise|positive"])
    posts = [
        *several("ours", 1, origin="own"),
        *several("colleague", 1, origin="staff"),
        *several("noisy", 2, noise=convert("noise", {"score": 0.8})),
        *several("chorus", 2, duplicate=copy),
        *several("echo", 2, thread=Thread(kind="repost")),
        *several("robot", 1, author=Author(handle="robot", kind="bot")),
        *several("dpa", 1, channel="news", author=Author(name="dpa")),
        *several("shop", 2, author=Author(handle="shop", kind="organisation", followers=12_000)),
        *several("heard", 3, engagement={}, interactions=40, topic_sentiment=toned),
        post("viral", "viral", engagement={}, interactions=9_000, site=None),
        post("q", "asks", intents=asked),
        post("now", "now", 0),
    ]
    answer = post("a", "kind", thread=Thread(kind="reply", parent_id="forum:q"))
    said = {
        lang: [
            {*person.reasons, person.left_out or ""}
            for person in people("Brise", posts, [answer], NOW, lang)
        ]
        for lang in ("de", "en")
    }
    german, english = (set().union(*said[lang]) for lang in ("de", "en"))
    assert german & english == {""}
    assert len(german) == len(english) > 20
    assert {
        "3 Beiträge in Foren auf forum.example",
        "beantwortete 1 Frage von 1 Person",
        "12.000 Follower",
        "üblicherweise 40 Reaktionen, ohne den besten Beitrag",
        "100 % positiv, 0 % negativ",
        "2 von 2 Beiträgen sind von anderen übernommen",
        "sprach zuletzt vor 1 Tag davon",
        "zeichnet als Redaktion oder Agentur, nicht als Person",
    } <= german


def test_every_channel_can_be_named() -> None:
    for lang in ("de", "en"):
        assert all(channels([name], lang) for name in get_args(Channel))


def test_all_kinds_of_people_have_a_name() -> None:
    assert tuple(PERSON_KINDS) == get_args(Kind)
