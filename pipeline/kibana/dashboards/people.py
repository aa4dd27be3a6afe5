"""The right people: who speaks about what, how much and how well heard."""

from typing import Final

from pipeline.kibana.dashboards._shared import (
    AUTHORS,
    CHANNEL,
    REACTIONS,
    TONE,
    TOPIC,
    Dashboard,
    Row,
)
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import AUTHOR, COUNT, Bars, Figure, Listing, Measure, Values
from pipeline.kibana.words import Words

__all__ = ["PEOPLE"]

_NAMED: Final = f"_exists_:{AUTHOR}"
_FOLLOWERS: Final = Measure("max", Words("Folgende", "Followers"), "author.followers")
_TONE: Final = Measure("average", Words("Ton", "Tone"), "sentiment.score", decimals=2)

PEOPLE: Final = Dashboard(
    name="people",
    title=Words("Die richtigen Leute", "The right people"),
    about=Words(
        "Wer worüber spricht, wie oft und mit welchem Widerhall",
        "Who speaks about what, how often, and how well heard",
    ),
    tour=Words(
        "**Die richtigen Leute.** Oben ein Thema wählen: Wer spricht oft darüber, wer findet "
        "Widerhall? Viele Folgende heißt nicht viel Wirkung; Reaktionen je Erwähnung sagen mehr. "
        "Hier stehen personenbezogene Daten: nur für den Zweck verwenden, zu dem sie erhoben sind.",
        "**The right people.** Choose a topic at the top: who speaks about it often, who is well "
        "heard? Many followers are not much influence; reactions per mention say more. This is "
        "personal data: use it only for what it was collected for.",
    ),
    since="now-90d",
    rows=(
        Row(
            5,
            (
                Figure(title=Words("Stimmen", "Voices"), query=_NAMED, measure=AUTHORS),
                Figure(
                    title=Words("Bestätigte Konten", "Verified accounts"),
                    query=f"{_NAMED} AND author.verified:true",
                    measure=AUTHORS,
                ),
                Figure(
                    title=Words("Organisationen", "Organisations"),
                    query=f"{_NAMED} AND author.kind:organisation",
                    measure=AUTHORS,
                ),
            ),
        ),
        Row(
            14,
            (
                Listing(
                    title=Words("Wer Widerhall findet", "Who is well heard"),
                    query=_NAMED,
                    rows=(Values(AUTHOR, Words("Konto", "Account"), 25),),
                    columns=(REACTIONS, COUNT, _FOLLOWERS, _TONE),
                ),
                Listing(
                    title=Words("Wer worüber spricht", "Who speaks about what"),
                    query=f"{_NAMED} AND _exists_:topics",
                    rows=(TOPIC, Values(AUTHOR, Words("Konto", "Account"), 5)),
                    columns=(COUNT, REACTIONS),
                ),
            ),
        ),
        Row(
            12,
            (
                Bars(
                    title=Words("Größte Reichweite", "Largest audience"),
                    query=_NAMED,
                    of=Values(AUTHOR, Words("Konto", "Account"), 15),
                    measure=_FOLLOWERS,
                ),
                Bars(title=Words("Wo sie sprechen", "Where they speak"), query=_NAMED, of=CHANNEL),
                Bars(
                    title=Words("Von wem sie sprechen", "Whom they speak of"),
                    query=_NAMED,
                    of=Values("handles", Words("Konto", "Account"), 15),
                    by=TONE,
                ),
            ),
        ),
        Row(
            16,
            (
                Mentions(
                    title=Words("Die größte Reichweite zuerst", "Largest audience first"),
                    query="_exists_:author.followers",
                    columns=(
                        "author.name",
                        "author.url",
                        "author.followers",
                        "topics",
                        "text",
                        "url",
                    ),
                    sort=(("author.followers", "desc"),),
                ),
            ),
        ),
    ),
)
