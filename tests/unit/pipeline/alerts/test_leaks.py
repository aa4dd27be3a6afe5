import logging
from datetime import UTC, datetime

import msgspec
import pytest
from pydantic import SecretStr

from pipeline.alerts.history import facts
from pipeline.alerts.leaks import LEAST, Leak, Prints, key_of, passages, print_of
from pipeline.errors import ConfigError
from pipeline.settings import Privacy, Settings
from schemas.leak import decode_print
from schemas.mention import Author, Collector, EnrichedMention, Match, Producer

NOW = datetime(2026, 1, 5, tzinfo=UTC)
BY = Producer(name="test", version="1")
KEY = key_of(Settings(privacy=Privacy(salt=SecretStr("pepper"))))
PLAN = (
    "Der Vorstand beschließt am neunten Mai, das Werk Ost zum Jahresende zu schließen und die "
    "Fertigung der Baureihe Graureiher nach Süden zu verlegen. Bis dahin gilt Stillschweigen."
)


def prints(key: bytes = KEY, text: str = PLAN) -> Prints:
    made = print_of(text, key, NOW)
    assert made is not None
    known = Prints(KEY)
    known.learn(b"plan", msgspec.json.encode(made))
    return known


@pytest.mark.parametrize(
    "said",
    [
        PLAN,
        "Aus sicherer Quelle: „das WERK OST zum Jahresende zu schließen, und die…“ Was sagt ihr?",
        "das <b>Werk</b> Ost, zum Jahres\u00adende zu schließen & und die",
        "das W\u0435rk Ost zum J\u0430hresende zu schließen und die",  # Cyrillic look-alikes
    ],
)
def test_a_passage_is_recognised_however_it_is_written(said: str) -> None:
    (leak,) = prints().find(said)
    assert leak.document == "plan"
    assert leak.passages >= LEAST


def test_what_only_sounds_like_it_is_not() -> None:
    known = prints()
    assert known.find("Das Werk schließt zum Jahresende, die Fertigung geht nach Süden.") == []
    assert known.find("") == []
    # One passage is chance, unless it is said by one of us.
    one = "das Werk Ost zum Jahresende zu"
    assert known.find(one) == []
    assert known.find(one, staff=True) == [Leak("plan", 1)]


def test_nothing_of_the_document_is_in_its_fingerprint() -> None:
    made = print_of(PLAN, KEY, NOW)
    assert made is not None
    sent = msgspec.json.encode(made)
    assert decode_print(sent) == made
    assert made.passages == len(made.hashes) // 8 == len(PLAN.split()) - 5
    assert not any(word.encode() in sent for word in PLAN.split() if len(word) > 3)
    # Without the key nobody can try sentences out.
    assert not set(passages(PLAN, KEY)) & set(passages(PLAN, b"another"))


def test_stock_phrases_and_what_is_public_do_not_count() -> None:
    assert print_of("Zu kurz für eine Spur", KEY, NOW) is None
    assert print_of(PLAN, KEY, NOW, passages(PLAN, KEY)) is None
    with pytest.raises(ValueError, match="cut the document"):
        print_of(" ".join(f"w{number}" for number in range(100_010)), KEY, NOW)


def test_documents_come_go_and_need_the_same_salt(caplog: pytest.LogCaptureFixture) -> None:
    known = prints()
    known.learn(b"plan", msgspec.json.encode(print_of("eins zwei drei vier fünf " * 3, KEY, NOW)))
    assert known.find(PLAN) == []
    known.learn(b"plan", None)
    assert not known
    with caplog.at_level(logging.WARNING):
        assert not prints(b"another")
        known.learn(b"plan", b"{}")
    assert "another salt" in caplog.text
    assert "cannot be read" in caplog.text
    assert not known
    with pytest.raises(ConfigError, match="MENTIONS_PRIVACY__SALT"):
        key_of(Settings())


def test_a_leak_is_a_fact_and_its_words_never_rise() -> None:
    mention = EnrichedMention(
        id="t:1",
        revision=1,
        channel="forum",
        text=f"{PLAN} #werkost @vorstand",
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="s"),
        author=Author(name="Erika Muster"),
        matches=(Match(topic="Bahn", kind="brand", clause="x", spans=(), by=BY),),
    )
    leak, topic = facts(mention, prints())
    assert (leak.topic, leak.passages > LEAST, leak.confidential) == ("plan", True, False)
    assert topic.topic == "Bahn"
    assert (leak.terms, topic.terms) == ((), ())
    # It need not match any topic of the watchlist.
    assert [one.topic for one in facts(msgspec.structs.replace(mention, matches=()), prints())] == [
        "plan"
    ]
    (plain,) = facts(mention)
    assert "stillschweigen" in plain.terms
