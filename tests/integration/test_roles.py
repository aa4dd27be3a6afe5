"""The roles on the real server, with security on: each may do its own, and nothing else.

The server at hand can't keep roles and accounts in an index of its own, so they are given to it as
files, made from the same description as the requests.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import elasticsearch
import msgspec
import pytest
import tenacity
from pydantic import SecretStr
from rich.progress import Progress

from pipeline import retention
from pipeline.outcome import Ok, Retry
from pipeline.people import Parts, Person
from pipeline.search import people
from pipeline.search.alerts import naming
from pipeline.search.client import connect, connect_sync
from pipeline.search.probe import Capabilities
from pipeline.search.roles import roles
from pipeline.search.templates import apply
from pipeline.search.writer import Delete, Upsert, Writer
from pipeline.settings import Elasticsearch as Config
from pipeline.settings import Retention, Settings
from pipeline.stack import spare
from pipeline.stack.java import find
from pipeline.stages.archive import Archive
from pipeline.stages.record import Record
from schemas.alert import Alert
from schemas.coverage import Coverage, encode_coverage
from schemas.dead import Mark
from schemas.figures import Figures
from schemas.mention import Author, Collector, EnrichedMention
from schemas.work import Subject, Work, key
from tests.support.quick import QuickElasticsearch
from tests.support.records import Record as Message
from tests.support.secure import let_in

ALIAS = "mentions"
PASSWORD = "only-for-this-test"  # noqa: S105 - of a server that lives for a minute
BARE = Capabilities(version="9.5.3")


class Secured(QuickElasticsearch):
    """The embedded server with security on, and roles and accounts in files."""

    def _configure(self) -> None:
        super()._configure()
        config = self.folder / "config"
        with (config / "elasticsearch.yml").open("a", encoding="utf-8") as file:
            file.write("xpack.license.self_generated.type: trial\n")
        text = (config / "elasticsearch.yml").read_text("utf-8")
        secured = text.replace("xpack.security.enabled: false", "xpack.security.enabled: true")
        (config / "elasticsearch.yml").write_text(secured, "utf-8")
        made = {"admin": {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}}
        made |= roles(ALIAS)
        for body in made.values():
            body.pop("applications", None)  # Kibana's, which is not here
        users = {role.removeprefix(f"{ALIAS}_"): (PASSWORD, role) for role in made}
        let_in(config, users, made)

    def healthy(self) -> bool:
        """Whether it answers those who may ask."""
        if self._launching():
            return False
        with client_of(self, "admin") as client:
            try:
                return client.cluster.health()["status"] in {"green", "yellow"}
            except (elasticsearch.ApiError, elasticsearch.TransportError):
                return False


def config_of(server: Secured, name: str) -> Config:
    return Config(url=server.address, username=name, password=SecretStr(PASSWORD), alias=ALIAS)


def client_of(server: Secured, name: str) -> elasticsearch.Elasticsearch:
    return connect_sync(config_of(server, name))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    settings = spare(tmp_path_factory.mktemp("secured"))
    port = int(settings.elasticsearch.url.rpartition(":")[2])
    made = Secured(settings.stack.data / "elasticsearch", "127.0.0.1", port, "512m")
    with Progress(disable=True) as progress:
        made.fetch(progress)
    made.launch(find())
    try:
        waiting = tenacity.Retrying(
            stop=tenacity.stop_after_delay(150), wait=tenacity.wait_fixed(0.3), reraise=True
        )
        for attempt in waiting:
            with attempt:
                assert made.healthy(), made.log.read_text("utf-8")
        yield made
    finally:
        made.terminate()
        tenacity.Retrying(
            stop=tenacity.stop_after_delay(30), wait=tenacity.wait_fixed(0.2), reraise=True
        )(_ended, made)


def _ended(server: Secured) -> None:
    assert not server.starting()


PERSON = {"author": {"name": "Erika Muster"}, "handles": ["erika"], "url": "https://erika.example/"}
"""What no document beside the mentions has; were it there, analysts would not see it."""
SAID = datetime(2026, 3, 5, 12, tzinfo=UTC)


def mention(name: str) -> EnrichedMention:
    return EnrichedMention(
        id=name,
        revision=1,
        channel="forum",
        text="Der Bus kommt",
        published_at=SAID,
        collected_at=SAID,
        collector=Collector(source="test"),
        author=Author(name="Erika Muster", handle="erika", followers=7),
    )


async def test_each_role_may_do_its_own_and_nothing_else(server: Secured) -> None:
    with client_of(server, "ops") as ops:
        changes = apply(ops, config_of(server, "ops"), BARE)
        assert {change.action for change in changes} == {"created"}

    async with connect(config_of(server, "indexer")) as there:
        outcomes = await Writer(there, ALIAS).write(
            [Upsert(mention("a:1")), Upsert(mention("a:2"))]
        )
        assert {type(outcome) for outcome in outcomes} == {Ok}, outcomes
        for index in ("coverage", "figures", "dead-letters"):
            await there.index(index=f"{ALIAS}-{index}", document=PERSON)
        outcomes = await Writer(there, ALIAS).write([Delete("a:2", 2)])
        assert {type(outcome) for outcome in outcomes} == {Ok}, outcomes
    with client_of(server, "ops") as ops:
        assert {change.action for change in apply(ops, config_of(server, "ops"), BARE)} == {
            "unchanged"
        }
        ops.indices.refresh(index=f"{ALIAS}-*")
        with pytest.raises(elasticsearch.AuthorizationException):
            ops.search(index=ALIAS)

    with client_of(server, "lead") as lead:
        (hit,) = search(lead)
        assert hit["author"]["name"] == "Erika Muster"
    with client_of(server, "analyst") as analyst:
        (hit,) = search(analyst)
        assert hit["text"] == "Der Bus kommt"
        assert "author" not in hit
        by_author = {"terms": {"field": "author.handle"}}
        found = analyst.search(index=ALIAS, size=0, aggs={"authors": by_author})
        assert found["aggregations"]["authors"]["buckets"] == []
        assert not analyst.search(index=ALIAS, q="author.handle:erika")["hits"]["hits"]
        assert not analyst.field_caps(index=ALIAS, fields="author.*")["fields"].get("author.name")

    reads_what_the_pipeline_says_of_itself(server)

    for name in ("lead", "analyst", "indexer"):
        with client_of(server, name) as client:
            with pytest.raises(elasticsearch.AuthorizationException):
                client.indices.delete(index=f"{ALIAS}-2026.03")
            with pytest.raises(elasticsearch.AuthorizationException):
                client.indices.delete_index_template(name=f"{ALIAS}-months")
            with pytest.raises(elasticsearch.AuthorizationException):
                client.search(index="other")
    for name in ("lead", "analyst"):
        async with connect(config_of(server, name)) as there:
            (outcome,) = await Writer(there, ALIAS).write([Upsert(mention("a:3"))])
            assert isinstance(outcome, Retry)
            assert "refuses access" in outcome.reason
    with (
        connect_sync(Config(url=server.address)) as stranger,
        pytest.raises(elasticsearch.AuthenticationException),
    ):
        stranger.search(index=ALIAS)

    await alerts_are_for_all_and_people_for_leads(server)

    # Without the licence for it, nothing is shown in place of everything.
    with client_of(server, "admin") as admin:
        admin.license.post_start_basic(acknowledge=True)
    with (
        client_of(server, "analyst") as analyst,
        pytest.raises(elasticsearch.AuthorizationException),
    ):
        analyst.search(index=ALIAS)
    with client_of(server, "lead") as lead:
        assert len(search(lead)) == 1


async def alerts_are_for_all_and_people_for_leads(server: Secured) -> None:
    async with connect(config_of(server, "indexer")) as there:
        for index in ("alerts", "work", "people"):
            await there.index(
                index=f"{ALIAS}-{index}", document=PERSON | {"team": "press"}, refresh=True
            )
    for index in ("alerts", "work", "coverage", "figures"):
        with client_of(server, "lead") as lead:
            (hit,) = search(lead, index)
            assert hit["author"]["name"] == "Erika Muster"
        with client_of(server, "analyst") as analyst:
            (hit,) = search(analyst, index)
            assert not hit.keys() & PERSON.keys()
    with client_of(server, "lead") as lead:
        assert len(search(lead, "people")) == 1
    with (
        client_of(server, "analyst") as analyst,
        pytest.raises(elasticsearch.AuthorizationException),
    ):
        analyst.search(index=f"{ALIAS}-people")


def reads_what_the_pipeline_says_of_itself(server: Secured) -> None:
    for name in ("lead", "analyst", "ops"):
        with client_of(server, name) as client:
            for index in ("coverage", "figures"):
                assert len(client.search(index=f"{ALIAS}-{index}")["hits"]["hits"]) == 1
    with client_of(server, "lead") as lead:
        assert len(lead.search(index=f"{ALIAS}-dead-letters")["hits"]["hits"]) == 1
    for name in ("analyst", "ops"):
        with client_of(server, name) as client, pytest.raises(elasticsearch.AuthorizationException):
            client.search(index=f"{ALIAS}-dead-letters")


def search(client: elasticsearch.Elasticsearch, beside: str = "") -> list[dict[str, Any]]:
    found = client.search(index=f"{ALIAS}-{beside}" if beside else ALIAS)
    return [hit["_source"] for hit in found["hits"]["hits"]]


ONLY_WRITTEN = ("alerts", "coverage", "dead-letters", "figures", "work")
COVERAGE = Coverage(source="it", kind="feeds", agent="a", start=SAID, end=SAID, expected=300)
FIGURES = Figures(stage="enrich", process="a", start=SAID, end=SAID, sent=3, batches=2, seconds=1)
ALERT = Alert(
    id="silence:Bahn:1",
    kind="silence",
    rule="silence",
    topic="Bahn",
    severity="info",
    at=SAID,
    since=SAID,
    observed=0,
    why="0 mentions",
    mentions=("a:1",),
)
WORK = Work(
    team="press",
    mention="a:1",
    state="answered",
    number=3,
    since=SAID,
    changed_at=SAID,
    subject=Subject(
        priority="high", due=SAID, escalates_at=SAID, published_at=SAID, channel="forum"
    ),
)


def set_up(server: Secured) -> None:
    with client_of(server, "ops") as ops:
        apply(ops, config_of(server, "ops"), BARE)


def json_of(value: object) -> bytes:
    return msgspec.json.encode(value)


async def handled(stage: Record | Archive, messages: list[Message]) -> None:
    await stage.start()
    try:
        outcomes = await stage.handle(messages)
        assert all(isinstance(outcome, Ok) for outcome in outcomes), outcomes
    finally:
        await stage.close()


async def test_what_is_only_written_cannot_be_read_back(server: Secured) -> None:
    set_up(server)
    settings = Settings(elasticsearch=config_of(server, "indexer"))
    await handled(
        Record(settings),
        [
            Message(None, encode_coverage(COVERAGE), topic="mentions.coverage"),
            Message(None, json_of(FIGURES), topic="mentions.figures"),
            Message(None, json_of(ALERT), topic="mentions.alerts"),
            Message(key("press", "a:1"), json_of(WORK), topic="mentions.work"),
            Message(key("press", "a:2"), None, topic="mentions.work", offset=1),
        ],
    )
    mark = json_of(Mark(action="dropped", at=SAID))
    await handled(Archive(settings), [Message(b"a:9", b"{", topic="mentions.dead-letter")])
    await handled(Archive(settings), [Message(b"0:0", mark, topic="mentions.dead-letter-marks")])
    with client_of(server, "admin") as admin:
        admin.indices.refresh(index=f"{ALIAS}-*")
        for name in ONLY_WRITTEN:
            assert admin.count(index=f"{ALIAS}-{name}")["count"], name
        letter = admin.get(index=f"{ALIAS}-dead-letters", id="0:0")["_source"]
        assert (letter["key"], letter["action"]) == ("a:9", "dropped")
    with client_of(server, "indexer") as indexer:
        for name in ONLY_WRITTEN:
            with pytest.raises(elasticsearch.AuthorizationException):
                indexer.search(index=f"{ALIAS}-{name}")
            with pytest.raises(elasticsearch.AuthorizationException):
                indexer.get(index=f"{ALIAS}-{name}", id="0:0")


def person(name: str) -> Person:
    parts = Parts(
        reach=None,
        resonance=None,
        relevance=None,
        presence=0.5,
        recency=0.5,
        tone=0.5,
        independence=1.0,
    )
    return Person(
        id=name,
        topic="Bahn",
        score=50.0,
        kinds=("voice",),
        author=Author(handle=name),
        reasons=("3 stories",),
        parts=parts,
        followers=None,
        mentions=3,
        stories=3,
        answers=0,
        sites=(),
        channels=("forum",),
        last=SAID,
        examples=("a:1",),
    )


def test_people_are_renewed_as_the_indexer_and_stay(server: Secured) -> None:
    set_up(server)
    now = datetime.now(UTC)
    with client_of(server, "indexer") as indexer:
        for number, names in enumerate((("anna", "otto"), ("anna", "otto"), ("anna",))):
            at = now + timedelta(seconds=number)
            found = [person(name) for name in names]
            people.write(indexer, ALIAS, "Bahn", found, since=SAID, now=at)
            query = {"term": {"topic": "Bahn"}}
            hits = indexer.search(index=f"{ALIAS}-people", query=query)["hits"]["hits"]
            assert sorted(hit["_id"] for hit in hits) == list(names)


def test_the_keeper_ends_what_is_over_and_keeps_snapshots_and_writes_nothing(
    server: Secured,
) -> None:
    set_up(server)
    old = datetime.now(UTC) - timedelta(days=400)
    with client_of(server, "admin") as admin:
        for name, clock in (("figures", "end"), ("dead-letters", "at"), ("alerts", "at")):
            body = {clock: old.isoformat(), "mentions": ["a:7"]}
            admin.index(index=f"{ALIAS}-{name}", id="old", document=body, refresh=True)
        admin.index(index=f"{ALIAS}-2020.01", id="a:7", document={"id": "a:7"}, refresh=True)
    kept = Retention(index_months=12)
    settings = Settings(elasticsearch=config_of(server, "keeper"), retention=kept)
    with client_of(server, "keeper") as keeper:
        assert list(naming(keeper, ALIAS, ["a:7"])) == ["old"]  # to forget it

        def over() -> dict[str, int]:
            found = [*retention._months(keeper, settings, datetime.now(UTC))]
            found += retention._aged(keeper, settings, datetime.now(UTC))
            done = [*retention.apply(settings, found)]
            assert done == found
            return {step.name.removeprefix(f"{ALIAS}-"): step.count for step in found}

        said = over()
        assert said["2020.01"] == 1
        assert {"figures", "dead-letters", "alerts"} <= said.keys()
        assert over() == {}
        with pytest.raises(elasticsearch.AuthorizationException):
            keeper.index(index=f"{ALIAS}-2026.03", id="a:8", document={"id": "a:8"})

        snapshots = {"type": "fs", "settings": {"location": ALIAS}}
        keeper.snapshot.create_repository(name=ALIAS, repository=snapshots)
        taken: dict[str, Any] = {
            "repository": ALIAS,
            "snapshot": "one",
            "wait_for_completion": True,
            "include_global_state": False,
        }
        made = keeper.snapshot.create(**taken, indices=f"{ALIAS}-*")
        assert made["snapshot"]["shards"]["failed"] == 0
        keeper.indices.delete(index=f"{ALIAS}-figures")
        keeper.snapshot.restore(**taken, indices=f"{ALIAS}-figures")
        assert keeper.indices.exists(index=f"{ALIAS}-figures")
        keeper.snapshot.delete(repository=ALIAS, snapshot="one")
    for name in ("ops", "indexer", "lead"):
        with client_of(server, name) as client, pytest.raises(elasticsearch.AuthorizationException):
            client.snapshot.create(repository=ALIAS, snapshot="two")
