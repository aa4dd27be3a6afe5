"""The right people: who speaks about a topic and is heard, and why they are worth talking to."""

from typing import Final

from pipeline.kibana.dashboards._shared import (
    AUTHORS,
    CHANNEL,
    LANGUAGE,
    NO_TONE,
    REACTIONS,
    TONE,
    TOPIC,
    Dashboard,
    Row,
)
from pipeline.kibana.data_views import PEOPLE as FOUND
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import AUTHOR, COUNT, Bars, Figure, Listing, Measure, Values
from pipeline.kibana.words import Words

__all__ = ["PEOPLE", "PEOPLE_COLUMNS"]

PEOPLE_COLUMNS: Final = (
    "topics", "rank", "who", "score", "kinds", "reasons", "author.url", "examples",
)  # fmt: skip

_NAMED: Final = f"_exists_:{AUTHOR}"
_WHO: Final = Values("who", Words("Wer", "Who"), 10)
_KIND: Final = Values("kinds", Words("Rolle", "Kind"), 5)
# An author is found once a topic; names, not profiles, are counted, as in the table.
_PEOPLE: Final = Measure("unique_count", Words("Leute", "People"), "who")
_SCORE: Final = Measure("max", Words("Wert", "Score"), "score", decimals=1)


def _part(field: str, words: Words) -> Measure:
    return Measure("average", words, f"parts.{field}", decimals=2)


_PARTS: Final = (
    _SCORE,
    _part("reach", Words("Reichweite", "Reach")),
    _part("resonance", Words("Widerhall", "Resonance")),
    _part("independence", Words("Eigenständigkeit", "Independence")),
    _part("tone", Words("Ton", "Tone")),
    Measure("max", Words("Folgende", "Followers"), "followers"),
)

PEOPLE: Final = Dashboard(
    name="people",
    title=Words("Die richtigen Leute", "The right people"),
    about=Words(
        "Wer worüber spricht und gehört wird: Reichweite, Widerhall, Eigenständigkeit, Gründe",
        "Who speaks about what and is heard: reach, resonance, independence, reasons",
    ),
    tour=Words(
        "**Die richtigen Leute.** Oben ein Thema wählen. Die Tabelle nennt je Thema die Besten; "
        "was ihren Wert ausmacht, steht daneben, jeder Anteil von 0 bis 1; die Liste darunter sagt "
        "die Gründe in Worten. Bots, eigene Leute und wer nur abschreibt, fehlen mit Absicht. "
        "Erneuert wird mit *mentions people --update*. Die unteren Diagramme zählen Erwähnungen. "
        "Hier stehen personenbezogene Daten: nur für den Zweck verwenden, zu dem sie erhoben sind.",
        "**The right people.** Choose a topic at the top. The table names the best for each topic, "
        "with what makes their score beside it, each part from 0 to 1; the list below gives the "
        "reasons in words. Bots, our own people and those who only copy are missing on purpose. "
        "*mentions people --update* renews it. The charts at the bottom count mentions. This is "
        "personal data: use it only for what it was collected for.",
    ),
    since="now-90d",
    controls=NO_TONE,
    rows=(
        Row(
            5,
            (
                Figure(
                    title=Words("Ansprechbare", "People to talk to"), view=FOUND, measure=_PEOPLE
                ),
                Figure(
                    title=Words("Presse und Blogs", "Press and blogs"),
                    view=FOUND,
                    query="kinds:(journalist OR blogger)",
                    measure=_PEOPLE,
                ),
                Figure(
                    title=Words("Stammgäste und Helfende", "Regulars and helpers"),
                    view=FOUND,
                    query='kinds:("forum regular" OR helper)',
                    measure=_PEOPLE,
                ),
                Figure(title=Words("Stimmen insgesamt", "All voices"), measure=AUTHORS),
            ),
        ),
        Row(
            16,
            (
                Listing(
                    title=Words("Die Besten je Thema", "The best for each topic"),
                    view=FOUND,
                    rows=(TOPIC, _WHO),
                    columns=_PARTS,
                ),
            ),
        ),
        Row(
            16,
            (
                Mentions(
                    title=Words("Wer, und warum", "Who, and why"),
                    view=FOUND,
                    columns=PEOPLE_COLUMNS,
                    sort=(("score", "desc"),),
                ),
            ),
        ),
        Row(
            12,
            (
                Bars(
                    title=Words("Rollen je Thema", "Kinds for each topic"),
                    view=FOUND,
                    of=TOPIC,
                    measure=_PEOPLE,
                    by=_KIND,
                ),
                Bars(
                    title=Words("In welcher Sprache", "In which language"),
                    view=FOUND,
                    of=LANGUAGE,
                    measure=_PEOPLE,
                    by=_KIND,
                ),
                Bars(
                    title=Words("Wo man sie trifft", "Where to meet them"),
                    view=FOUND,
                    of=CHANNEL,
                    measure=_PEOPLE,
                    by=_KIND,
                ),
            ),
        ),
        Row(
            12,
            (
                Listing(
                    title=Words("Wer worüber spricht", "Who speaks about what"),
                    query=f"{_NAMED} AND _exists_:topics",
                    rows=(TOPIC, Values(AUTHOR, Words("Konto", "Account"), 5)),
                    columns=(COUNT, REACTIONS),
                ),
                Bars(
                    title=Words("Von wem sie sprechen", "Whom they speak of"),
                    query=_NAMED,
                    of=Values("handles", Words("Konto", "Account"), 15),
                    by=TONE,
                ),
            ),
        ),
    ),
)
