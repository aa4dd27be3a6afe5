"""Reviews: stars over time, and the reasons given."""

from typing import Final

from pipeline.kibana.dashboards._shared import INTENT, TOPIC, Dashboard, Row
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import COUNT, Bars, Figure, Listing, Measure, Split, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["REVIEWS"]

_RATED: Final = "_exists_:stars"
_STARS: Final = Measure("average", Words("Sterne im Mittel", "Average stars"), "stars", decimals=2)
_LEVELS: Final = Split(
    Words("Sterne", "Stars"),
    (
        ("stars:<2.5", Words("1 bis 2", "1 to 2")),
        ("stars:[2.5 TO 3.5]", Words("3", "3")),
        ("stars:>3.5", Words("4 bis 5", "4 to 5")),
    ),
)

REVIEWS: Final = Dashboard(
    name="reviews",
    title=Words("Bewertungen", "Reviews"),
    about=Words("Sterne über die Zeit und die Gründe dafür", "Stars over time, and the reasons"),
    tour=Words(
        "**Bewertungen.** Alle Skalen sind auf 1 bis 5 Sterne gebracht. Die Gründe sind die "
        "Themen, die Worte und die Anliegen in schlechten Bewertungen. Wenige Bewertungen "
        "schwanken stark: auf die Anzahl achten.",
        "**Reviews.** All scales are brought to 1 to 5 stars. The reasons are the topics, "
        "words and intents of bad reviews. Few reviews vary a lot: mind the number.",
    ),
    since="now-90d",
    rows=(
        Row(
            5,
            (
                Figure(title=Words("Bewertungen", "Reviews"), query=_RATED),
                Figure(title=Words("Sterne", "Stars"), query=_RATED, measure=_STARS),
                Figure(
                    title=Words("Schlechte", "Bad ones"),
                    query=_RATED,
                    measure=Measure("count", Words("1 bis 2 Sterne", "1 to 2"), only="stars:<2.5"),
                ),
            ),
        ),
        Row(
            12,
            (
                Trend(
                    title=Words("Sterne im Mittel", "Average stars over time"),
                    query=_RATED,
                    measure=_STARS,
                    shape="line",
                ),
                Trend(
                    title=Words("Anzahl nach Sternen", "Number by stars"), query=_RATED, by=_LEVELS
                ),
            ),
        ),
        Row(
            12,
            (
                Bars(
                    title=Words("Themen schlechter Bewertungen", "Topics of bad reviews"),
                    query="stars:<2.5",
                    of=TOPIC,
                ),
                Bars(
                    title=Words("Worte schlechter Bewertungen", "Words of bad reviews"),
                    query="stars:<2.5",
                    of=Values("sentiment.terms.text", Words("Wort", "Word"), 20),
                ),
                Bars(
                    title=Words("Anliegen nach Sternen", "Intent, by stars"),
                    query=f"{_RATED} AND _exists_:intents.kind",
                    of=INTENT,
                    by=_LEVELS,
                ),
            ),
        ),
        Row(
            12,
            (
                Trend(
                    title=Words("Sterne je Produkt", "Average stars, by product"),
                    query=f"{_RATED} AND _exists_:topic_of.product",
                    measure=_STARS,
                    by=Values("topic_of.product", Words("Produkt", "Product"), 5),
                    shape="line",
                ),
                Listing(
                    title=Words("Wo bewertet wird", "Where it is rated"),
                    query=_RATED,
                    rows=(Values("site", Words("Website", "Site"), 15),),
                    columns=(COUNT, _STARS),
                ),
            ),
        ),
        Row(
            16,
            (
                Mentions(
                    title=Words("Bewertungen, die schlechtesten zuerst", "Reviews, worst first"),
                    query=_RATED,
                    columns=("stars", "topics", "title", "text", "author.name", "site", "url"),
                    sort=(("stars", "asc"),),
                ),
            ),
        ),
    ),
)
