"""What people say plainly, and what only looks like it."""

import re

import pytest

from pipeline.enrich import sentiment
from pipeline.enrich.parts import Text
from pipeline.enrich.sentiment.grams import TOKEN
from pipeline.enrich.sentiment.phrases import Phrases, load
from pipeline.enrich.text import view
from schemas.mention import Sentiment

_TRAINED = {language: sentiment.build("trained", language) for language in ("de", "en")}

PLAIN = (
    ("de", "Funktioniert nicht", "negative"),
    ("de", "Nie wieder!", "negative"),
    ("de", "Der Akku hält nicht lange", "negative"),
    ("de", "Geht nicht", "negative"),
    ("de", "Mein Paket kommt nicht an", "negative"),
    ("de", "Keine Antwort", "negative"),
    ("de", "Finger weg!", "negative"),
    ("de", "Kann man vergessen", "negative"),
    ("de", "Die App startet nicht mehr", "negative"),
    ("de", "Seit gestern funktioniert das WLAN nicht", "negative"),
    ("de", "An der Hotline geht keiner ran", "negative"),
    ("de", "Warte seit drei Wochen auf mein Geld", "negative"),
    ("de", "Login klappt nicht", "negative"),
    ("de", "Nicht zu empfehlen", "negative"),
    ("de", "Bestellung nie angekommen", "negative"),
    ("de", "Einmal und nie wieder", "negative"),
    ("de", "Niemand meldet sich", "negative"),
    ("de", "Würde ich nicht noch einmal kaufen", "negative"),
    ("de", "Das ist doch ein Witz", "negative"),
    ("de", "Geht gar nicht", "negative"),
    ("de", "Seit dem Update lädt die Seite nicht", "negative"),
    ("de", "Ich bekomme keine Rückmeldung", "negative"),
    ("de", "Der Drucker druckt nicht", "negative"),
    ("de", "Das kann doch nicht wahr sein", "negative"),
    ("de", "Drei Mails geschrieben, keine Reaktion", "negative"),
    ("de", "Immer wieder gern", "positive"),
    ("de", "Kann ich nur empfehlen", "positive"),
    ("de", "Läuft einwandfrei", "positive"),
    ("de", "Nichts zu meckern", "positive"),
    ("de", "Geht nicht besser", "positive"),
    ("de", "Hat alles geklappt", "positive"),
    ("de", "Gerne wieder", "positive"),
    ("de", "Jederzeit wieder", "positive"),
    ("de", "Klappt wunderbar", "positive"),
    ("de", "Da kann man nicht meckern", "positive"),
    ("de", "Es gibt nichts zu beanstanden", "positive"),
    ("de", "Nie wieder ist jetzt", "neutral"),
    ("de", "Geht nicht um Geld", "neutral"),
    ("de", "Der Zug hält nicht in Ulm", "neutral"),
    ("de", "Funktioniert das nicht auch mit dem Vorgänger?", "neutral"),
    ("de", "Es geht nicht darum, wer angefangen hat", "neutral"),
    ("de", "Wenn es nicht funktioniert, bitte den Stecker ziehen", "neutral"),
    ("de", "Ich komme heute nicht", "neutral"),
    ("de", "Der Laden öffnet nicht vor neun", "neutral"),
    ("de", "Die Antwort kommt morgen", "neutral"),
    ("en", "Does not work", "negative"),
    ("en", "Never again", "negative"),
    ("en", "Stopped working after two days", "negative"),
    ("en", "Still waiting for my refund", "negative"),
    ("en", "No reply from support", "negative"),
    ("en", "Avoid at all costs", "negative"),
    ("en", "Would not buy again", "negative"),
    ("en", "Keeps crashing", "negative"),
    ("en", "Works like a charm", "positive"),
    ("en", "Can't fault it", "positive"),
    ("en", "Would buy again", "positive"),
    ("en", "Nothing to complain about", "positive"),
    ("en", "Does it not work with the older model?", "neutral"),
    ("en", "It is not about the money", "neutral"),
    ("en", "The train does not stop in Ulm", "neutral"),
)
LOOKS_LIKE_ONE = (
    ("de", "Nie wieder Krieg", "neutral"),
    ("de", "Niemals vergessen", "neutral"),
    ("de", "Nicht funktioniert hat nichts", "neutral"),
    ("de", "Funktioniert nicht nur gut", "positive"),
    ("de", "Nie wieder Faschismus!", "neutral"),
    ("de", "Geht es morgen nicht um elf weiter?", "neutral"),
    ("de", "Das Spiel läuft morgen nicht auf Sat1", "neutral"),
    ("de", "Sie kommt nicht an die Börse", "neutral"),
    ("de", "Darauf kommt es nicht an", "neutral"),
    ("de", "Ohne Helm geht es nicht", "neutral"),
    ("de", "Ich gehe heute nicht hin", "neutral"),
    ("de", "Finger weg vom Herd", "neutral"),
    ("de", "Der Vertrag läuft nicht automatisch aus", "neutral"),
    ("de", "Klappt das morgen nicht?", "neutral"),
    ("de", "Kann man vergessene Passwörter zurücksetzen?", "neutral"),
    ("de", "Das Gerät startet nicht vor 6 Uhr", "neutral"),
    ("de", "Nicht vergessen: morgen ist Feiertag", "neutral"),
    ("de", "Für die Anmeldung ist keine Antwort nötig", "neutral"),
    ("de", "Was soll das kosten?", "neutral"),
    ("de", "Sie wird nicht wieder kandidieren", "neutral"),
    ("de", "Läuft das auch unter Linux?", "neutral"),
    ("de", "Das Geschäft schließt nicht vor acht", "neutral"),
    ("de", "Der Vorstand antwortet nicht auf Fragen zur Fusion", "neutral"),
    ("de", "Der Bus hält nicht am Markt", "neutral"),
    ("de", "Wir haben noch nichts gehört, melden uns aber", "neutral"),
    ("de", "Es gibt keine Hilfe vom Bund", "neutral"),
    ("de", "Das Buch ist nicht lieferbar", "neutral"),
    ("de", "Mehr geht nicht", "positive"),
    ("de", "Schneller geht es nicht, danke", "positive"),
    ("de", "Warum funktioniert das Portal nicht?", "negative"),
    ("de", "Wieso meldet sich keiner?", "negative"),
    ("de", "es funktioniert nicht und niemand hilft", "negative"),
    ("en", "I will never again be as young", "neutral"),
    ("en", "Stay away from the edge", "neutral"),
    ("en", "He would not buy the company", "neutral"),
    ("en", "No answer is needed", "neutral"),
    ("de", "Funktioniert nicht mehr ohne Karte", "neutral"),
    ("de", "Nicht erreichbar? Nicht erreichbar!", "negative"),
    ("de", "Nie! Wieder!", "negative"),
    ("de", "Bin mehr als zufrieden", "positive"),
    ("de", "Läuft ohne Macken rund", "positive"),
    ("de", "Hält, was er verspricht", "positive"),
    ("en", "I can't recommend it enough", "positive"),
    ("en", "Cannot recommend this hotel highly enough", "positive"),
    ("en", "cannot recommend highly enough", "positive"),
    ("en", "Could not recommend this place enough", "positive"),
    ("en", "Couldn't recommend them more", "positive"),
    ("en", "Can't recommend it", "negative"),
    ("en", "Can't recommend it any more", "negative"),
    ("en", "No complaints", "positive"),
)
NO_PRAISE = (
    ("de", "Läuft nicht einwandfrei"),
    ("de", "Das läuft leider nicht rund"),
    ("de", "Läuft selten rund"),
    ("de", "Läuft kaum fehlerfrei"),
    ("de", "Lief nicht alles glatt"),
    ("de", "Hat leider alles nicht funktioniert"),
    ("de", "Funktioniert nicht problemlos"),
    ("de", "hält was er nicht verspricht"),
    ("de", "läuft alles andere als rund"),
    ("de", "alles andere als zufrieden"),
    ("de", "Bin alles andere als zufrieden"),
    ("de", "Der Service ist alles andere als gut"),
    ("en", "Works not perfectly"),
    ("en", "Works anything but perfectly"),
    ("en", "Works less than perfectly"),
    ("en", "Works far from perfectly"),
    ("en", "Anything but helpful"),
)


def judged(language: str, text: str) -> Sentiment:
    return _TRAINED[language].score(view(text))


@pytest.mark.parametrize(("language", "text", "label"), [*PLAIN, *LOOKS_LIKE_ONE])
def test_plain_words(language: str, text: str, label: str) -> None:
    assert judged(language, text).label == label


@pytest.mark.parametrize(("language", "text"), NO_PRAISE)
@pytest.mark.parametrize("backend", ["trained", "lexicon"])
def test_what_takes_praise_back_is_no_part_of_it(backend: str, language: str, text: str) -> None:
    told = sentiment.build(backend, language).score(view(text))
    assert told.label != "positive"
    assert all(term.weight < 1.5 for term in told.terms)


@pytest.mark.parametrize("backend", ["trained", "lexicon"])
@pytest.mark.parametrize(
    ("language", "before", "said"),
    [
        ("de", "Das Essen war kalt. ", "Nie wieder!"),
        ("de", "Alles gut. ", "Finger weg!"),
        ("en", "Cold food. ", "Never again!"),
    ],
)
def test_a_clause_starts_behind_the_sign_before_it(
    backend: str, language: str, before: str, said: str
) -> None:
    text, again = view(before + said), view(before + said)
    (tone,) = sentiment.build(backend, language).judge([Text(text)])
    assert said[:-1] in {term.text for term in tone.sentiment.terms}
    clause = tone.clause(text, len(before), len(text.prose))
    assert clause is not None
    assert clause.label == "negative"
    assert clause == tone.clause(again, len(before), len(text.prose))


def test_phrases_do_not_overlap() -> None:
    phrases = Phrases([("=geht nicht", -1.5), ("nicht =auf", -1.0), ("=auf , auf", 1.0)])
    text = "geht nicht auf, auf"
    tokens = [(0, "geht"), (5, "nicht"), (11, "auf"), (16, "auf")]
    found = list(phrases.among(text, tokens, 0, len(text)))
    assert [(at, text[one.start : one.end]) for at, one in found] == [
        (0, "geht nicht"),
        (11, "auf, auf"),
    ]
    assert not list(phrases.among(text, tokens, 12, len(text)))


@pytest.mark.parametrize(
    ("line", "weight", "text", "found"),
    [
        ("=geht nicht mehr? !ohne", -1.5, "geht nicht mehr ohne", None),
        ("=geht nicht mehr? !ohne", -1.5, "geht nicht mehr mit", "geht nicht mehr"),
        ("=geht .. gut", 1.5, "geht nicht gut", None),
        ("=geht .. gut", 1.5, "geht alles andere  als gut", None),
        ("=geht .. gut", 1.5, "geht alles gut", "geht alles gut"),
        ("=geht .. schlecht", -1.5, "geht nicht schlecht", "geht nicht schlecht"),
    ],
)
def test_what_may_not_stand_in_a_phrase(
    line: str, weight: float, text: str, found: str | None
) -> None:
    phrase = Phrases([(line, weight)]).find(text, 0, "geht", 0, len(text))
    assert (phrase and text[phrase.start : phrase.end]) == found


def test_a_phrase_is_found_where_one_like_it_stands_before() -> None:
    text = "nicht da? nicht da! nicht da!"
    phrases = Phrases([("nicht =da", -1.5)])
    found = [phrases.find(text, at, "da", 0, len(text)) for at in (6, 16, 26)]
    assert [one and one.start for one in found] == [None, 10, 20]


def test_a_phrase_is_a_term_with_its_place() -> None:
    told = judged("de", "Seit dem Umzug funktioniert das WLAN leider nicht mehr.")
    first = told.terms[0]
    assert (first.text, first.weight < 0) == ("funktioniert das WLAN leider nicht mehr", True)
    assert first.span is not None
    assert (first.span.start, first.span.end) == (15, 54)
    assert not {"nicht", "funktioniert"} & {term.text for term in told.terms}


def test_a_clause_and_a_title_have_their_phrases() -> None:
    text = view("Der Versand ging schnell, aber das Ding funktioniert nicht")
    (tone,) = _TRAINED["de"].judge([Text(text, view("Finger weg!"))])
    clause = tone.clause(text, 26, len(text.prose))
    assert clause is not None
    assert clause.label == "negative"
    assert {"funktioniert nicht", "Finger weg"} <= {term.text for term in tone.sentiment.terms}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("das geht nicht", "geht nicht"),
        ("das GEHT   nicht mehr!", "GEHT   nicht mehr"),
        ("das geht mir jetzt nicht", "geht mir jetzt nicht"),
        ("das geht und kostet nicht", None),
        ("das geht nicht um uns", None),
        ("das geht, nicht", None),
        ("geht das nicht?", None),
        ("warum geht das nicht?", "geht das nicht"),
        ("wenn das nicht geht", None),
        ("alles gut. Finger weg", "Finger weg"),
        ("meine Finger weg", None),
        ("mehr geht nicht", None),
        ("hält, was er verspricht", "hält, was er verspricht"),
        ("haelt was er versprach", "haelt was er versprach"),
        ("eins geht nicht. zwei geht nicht", "geht nicht"),
        (f"geht {'x' * 200} nicht", None),
    ],
)
def test_the_signs_of_a_phrase(text: str, found: str | None) -> None:
    phrases = Phrases(
        [
            ("=geht .. nicht|nich mehr? >", -1.5),
            ("mehr =geht nicht >", 0.0),
            ("nicht mehr? =geht >", -1.5),
            ("< =finger weg >", -1.5),
            ("=hält , was .. verspr*", 1.5),
        ]
    )
    words = ("geht", "finger", "hält", "haelt")
    at, token = next((text.lower().index(word), word) for word in words if word in text.lower())
    assert phrases.finds(token)
    assert not phrases.finds("nicht")
    phrase = phrases.find(text, at, token, 0, len(text))
    said = phrase and phrase.word.weight and text[phrase.start : phrase.end]
    assert (said or None) == found


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_line_that_is_shipped_can_be_read(language: str) -> None:
    lines = load(language)
    assert len({line for line, _ in lines}) == len(lines)
    twins = {(f"{line} >", weight) for line, weight in lines} & set(lines)
    assert not twins, "what is found anywhere is found at the end of a clause"
    assert all(-3 < weight < 3 for _, weight in lines)
    found = Phrases(lines)._found
    assert [word for word in found if not TOKEN.fullmatch(word)] == []
    for known in found.values():
        for one in known:
            re.compile(one.pattern)
