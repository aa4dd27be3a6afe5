"""Who is to be talked to and who is spoken of, from the index; and who is forgotten is gone."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from schemas import encode
from schemas.alert import Alert
from schemas.coverage import Coverage, Stretch, encode_coverage
from schemas.headers import alert_headers, mention_headers
from schemas.mention import (
    Author,
    Collector,
    Duplicate,
    Engagement,
    EnrichedMention,
    Intent,
    Match,
    Noise,
    Producer,
    Reason,
    Span,
    TargetSentiment,
    Thread,
)
from tests.support.installation import Installation, json_lines
from tests.support.messages import publish

BY = Producer(name="test", version="1")
NOW = datetime.now(UTC).replace(microsecond=0)
ERIKA = Author(id="17", handle="Erika.M", name="Erika Muster", followers=5_000)
WATCHLIST = """
[[watchlist]]
topic = "Brise"
kind = "brand"
terms = ["Brise"]
[[watchlist]]
topic = "Luvensa"
kind = "competitor"
terms = ["Luvensa"]
"""


def said(name: str, topic: str, author: Author, days: float = 1, **fields: object) -> Any:
    at = NOW - timedelta(days=days)
    made = EnrichedMention(
        id=f"push:{name}",
        revision=int(at.timestamp() * 1_000),
        channel="forum",
        site="forum.example",
        text="Die Brise läuft",
        published_at=at,
        collected_at=at,
        processed_at=at,
        collector=Collector(source="forum"),
        author=author,
        engagement=Engagement(likes=20),
        matches=(Match(topic=topic, kind="brand", clause=topic, spans=(), by=BY),),
    )
    return msgspec.structs.replace(made, **fields)


def everything() -> list[EnrichedMention]:
    asked = (Intent(kind="question", words=("wie",), spans=(), by=BY),)
    noise = Noise(score=0.9, reasons=(Reason(name="x", weight=0.9),), by=BY)

    def copy(of: str) -> Duplicate:
        return Duplicate(of=of, similarity=1, authors=9, by=BY)

    tone = TargetSentiment(
        topic="Brise", label="positive", score=1, confidence=1, span=Span(0, 3), by=BY
    )
    hers = [said(f"e{n}", "Brise", ERIKA, n + 1, targets=(tone,)) for n in range(3)]
    questions = [
        said(f"q{n}", "Brise", Author(handle=f"asks{n}"), 2, intents=asked) for n in range(2)
    ]
    answers = [
        said(
            f"a{n}", "Brise", Author(handle="otto"), 1, matches=(),
            thread=Thread(kind="reply", parent_id=f"push:q{n}", root_id=f"push:q{n}"),
        )
        for n in range(2)
    ]  # fmt: skip
    bots = [said(f"b{n}", "Luvensa", Author(handle="bot"), 1, noise=noise) for n in range(4)]
    copies = [
        # Two copies of one lead that is here, three of one that was said long before.
        said("lead", "Luvensa", Author(handle="press", kind="organisation"), 3, channel="news"),
        *(
            said(f"c{n}", "Luvensa", Author(handle=f"c{n}"), 2, duplicate=copy(lead))
            for n, lead in enumerate(["push:lead"] * 2 + ["push:gone"] * 3)
        ),
    ]
    ours = [said("own", "Brise", Author(handle="brise"), 1, origin="own")]
    return [*hers, *questions, *answers, *bots, *copies, *ours]


def coverage() -> Coverage:
    """The forum was read for the last half of ten days."""
    start, end = NOW - timedelta(days=5), NOW
    return Coverage(
        source="forum", kind="files", agent="h:1", start=start, end=end, expected=60,
        polls=9, complete=Stretch(start, end),
    )  # fmt: skip


def indexed(installation: Installation, name: str) -> dict[str, dict[str, Any]]:
    index = f"{installation.alias}-{name}"
    installation.client.indices.refresh(index=index, ignore_unavailable=True)
    hits = installation.client.search(index=index, size=100, ignore_unavailable=True)["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits["hits"]}


def test_people_and_share_of_voice_and_a_person_who_is_forgotten(
    installation: Installation,
) -> None:
    installation.configure(WATCHLIST)
    made = everything()
    publish(
        installation,
        "mentions.enriched",
        [(one.id.encode(), encode(one), mention_headers(one)) for one in made],
    )
    publish(installation, "mentions.coverage", [(b"forum", encode_coverage(coverage()), [])])
    alert = Alert(
        id="spike:Brise:1", kind="spike", topic="Brise", severity="warning", at=NOW, since=NOW,
        observed=2, why="2 mentions", count=2, mentions=("push:e0", "push:q0"),
    )  # fmt: skip
    about = alert_headers(alert.id, alert.kind, alert.at)
    publish(
        installation, "mentions.alerts", [(alert.id.encode(), msgspec.json.encode(alert), about)]
    )
    installation.start("worker", "--stages", "enrich,index,record")
    installation.wait(lambda: installation.count() == len(made), "all are indexed")
    installation.wait(lambda: len(indexed(installation, "alerts")) == 1, "the alert is indexed")
    installation.wait(lambda: len(indexed(installation, "coverage")) == 1, "and the ledger")

    share_of_voice(installation)

    # Who is asked for is answered with the reasons.
    shown = json_lines(installation.run("people", "--topic", "Brise", "--json").stdout)
    best = {person["author"]["handle"]: person for person in shown}
    assert set(best) == {"Erika.M", "otto", "asks0", "asks1"}
    assert best["Erika.M"]["kinds"] == ["forum regular"]
    assert "5,000 followers" in best["Erika.M"]["reasons"]
    assert "100% positive, 0% negative" in best["Erika.M"]["reasons"]
    assert best["otto"]["kinds"] == ["helper"]
    everybody = json_lines(installation.run("people", "--topic", "Brise", "--all", "--json").stdout)
    assert {p["author"]["handle"]: p.get("left_out") for p in everybody}["brise"] == (
        "is one of our own accounts"
    )
    table = installation.run("people", "--topic", "Brise", "--kind", "helper", "--csv").stdout
    assert [row["handle"] for row in csv.DictReader(io.StringIO(table))] == ["otto"]
    assert "@otto" in installation.run("people", "--topic", "Brise").stdout
    german = installation.run("people", "--topic", "Brise", "--lang", "de", "--json").stdout
    assert any("5.000 Follower" in person["reasons"] for person in json_lines(german))
    misspelt = installation.run("people", "--topic", "Brize", code=1).stderr
    assert "did you mean 'Brise'?" in misspelt
    misspelt = installation.run("people", "--topic", "Brize", "--lang", "de", code=1).stderr
    assert "gemeint war 'Brise'?" in misspelt

    installation.run("people", "--update")
    first = indexed(installation, "people")
    handles = {(one["topic"], one["author"]["handle"]) for one in first.values()}
    assert {("Brise", "Erika.M"), ("Luvensa", "press")} <= handles
    assert not handles & {("Brise", "brise"), ("Luvensa", "bot")}
    assert {"Erika Muster", "otto"} <= {one["who"] for one in first.values()}
    installation.run("people", "--update")
    assert set(indexed(installation, "people")) == set(first)
    unmapped = set().union(*first.values()) - set(
        installation.client.indices.get_mapping(index=f"{installation.alias}-people")[
            f"{installation.alias}-people"
        ]["mappings"]["properties"]
    )
    assert unmapped == {"id"}

    receipt = json.loads(
        installation.run("forget", "--author", "@erika.m", "--yes", "--json").stdout
    )
    assert (receipt["left"], receipt["people"], receipt["alerts"]) == ({}, 1, 1)
    assert indexed(installation, "alerts")[alert.id]["mentions"] == ["push:q0"]
    newest = {row["key"]: row["value"] for row in installation.tail("mentions.alerts")}
    assert newest[alert.id]["mentions"] == ["push:q0"]
    installation.run("people", "--update")
    left = json.dumps(indexed(installation, "people"))
    assert "otto" in left
    assert "rika" not in left


def share_of_voice(installation: Installation) -> None:
    (answer,) = json_lines(installation.run("share", "--since", "10d", "--json").stdout)
    brise, luvensa = sorted(answer["voices"], key=lambda voice: voice["topic"])
    counts = {
        voice["topic"]: tuple(voice[way]["count"] for way in ("mentions", "stories", "people"))
        for voice in (brise, luvensa)
    }
    # Of Luvensa's ten mentions four are a bot's; six are two stories, one led from before.
    assert counts == {"Brise": (6, 6, 6), "Luvensa": (10, 6, 6)}
    assert luvensa["mentions"]["share"] == 10 / 16
    assert brise["coverage"] == luvensa["coverage"]
    assert 0.45 <= brise["coverage"] <= 0.55
    (forum,) = answer["coverage"]
    assert (forum["source"], forum["complete"]) == ("forum", brise["coverage"])
    shown = installation.run("share", "--topics", "Brise", "--since", "10d").stdout
    assert "6 (100%)" in shown
    assert "forum: 5" in shown
