"""The roles on the real server, with security on: each may do its own, and nothing else.

The server at hand can't keep roles and accounts in an index of its own, so they are given to it as
files, made from the same description as the requests.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import elasticsearch
import pytest
import tenacity
from pydantic import SecretStr
from rich.progress import Progress

from pipeline.outcome import Ok, Retry
from pipeline.search.client import connect, connect_sync
from pipeline.search.probe import Capabilities
from pipeline.search.roles import roles
from pipeline.search.templates import apply
from pipeline.search.writer import Delete, Upsert, Writer
from pipeline.settings import Elasticsearch as Config
from pipeline.stack import spare
from pipeline.stack.elasticsearch import Elasticsearch
from pipeline.stack.java import find
from schemas.mention import Author, Collector, EnrichedMention
from tests.support.secure import let_in

ALIAS = "mentions"
PASSWORD = "only-for-this-test"  # noqa: S105 - of a server that lives for a minute
BARE = Capabilities(version="9.5.3")


class Secured(Elasticsearch):
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


def config_of(server: Elasticsearch, name: str) -> Config:
    return Config(url=server.address, username=name, password=SecretStr(PASSWORD), alias=ALIAS)


def client_of(server: Elasticsearch, name: str) -> elasticsearch.Elasticsearch:
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
