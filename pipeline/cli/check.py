"""``mentions check``: is the configuration right, and does everything it names answer?"""

import sys
from collections.abc import Callable, Iterator
from functools import partial

import click
from msgspec import Struct

from pipeline.cli._directory import known
from pipeline.cli._shared import emit, json_option, settings, table
from pipeline.errors import PipelineError
from pipeline.settings import NotifyChannel, Settings, mistakes

__all__ = ["command"]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str
    """What was found; for a problem also what to do."""


@click.command(
    epilog="""\b
Examples:
  mentions check
  mentions -c /etc/mentions.toml check --json    exit code 1 where anything is wrong"""
)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Check the settings, sources, Kafka, topics, Elasticsearch, and Kibana where it is set."""
    findings = list(_findings(settings(ctx)))
    if as_json:
        emit(findings)
    else:
        rows = [
            (finding.what, "ok" if finding.ok else "PROBLEM", finding.detail)
            for finding in findings
        ]
        table("Check", ["what", "result", "detail"], rows)
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


def _findings(config: Settings) -> Iterator[Finding]:
    yield Finding(what="configuration", ok=True, detail="read")
    yield from (_source({**entry.table, "name": name}) for name, entry in known(config).items())
    yield _tried("watchlist", _watchlist, config)
    for channel in config.channels:
        yield _tried(f"channel {channel.name}", partial(_channel, channel), config)
    if config.page.people:
        yield _tried("page", _page, config)
    if config.second_pass.on:
        yield _tried("second pass", _second, config)
    yield _tried("Kafka", _kafka, config)
    yield _tried("Elasticsearch", _elasticsearch, config)
    if "kibana" in config.model_fields_set:  # nothing but its dashboards needs one
        yield _tried("Kibana", _kibana, config)


def _tried(what: str, look: Callable[[Settings], str], config: Settings) -> Finding:
    try:
        return Finding(what=what, ok=True, detail=look(config))
    except (PipelineError, ValueError) as error:
        return Finding(what=what, ok=False, detail=str(error))


def _source(entry: dict[str, object]) -> Finding:
    from pydantic import ValidationError  # noqa: PLC0415 - not needed for --help

    from agents.errors import AgentError  # noqa: PLC0415
    from agents.source import build, config_model  # noqa: PLC0415

    what = f"source {entry.get('name', '?')}"
    try:
        build(entry).close()
    except ValidationError as error:
        model = config_model(entry)
        said = [*mistakes(error, model), *_how_to_get(error, model)]
        return Finding(what=what, ok=False, detail="; ".join(said))
    except AgentError as error:
        return Finding(what=what, ok=False, detail=str(error))
    return Finding(what=what, ok=True, detail=str(entry["type"]))


def _how_to_get(error: object, model: type) -> Iterator[str]:
    """For each credential that is missing: what to request, and where."""
    from pydantic import BaseModel, SecretStr, ValidationError  # noqa: PLC0415

    assert isinstance(error, ValidationError)  # noqa: S101 - the caller caught one
    assert issubclass(model, BaseModel)  # noqa: S101 - every source has one
    for mistake in error.errors(include_url=False, include_input=False):
        name = str(mistake["loc"][0]) if mistake["loc"] else ""
        field = model.model_fields.get(name)
        if field is None or SecretStr.__name__ not in str(field.annotation):
            continue
        if field.description:
            yield f"{name} is: {' '.join(field.description.split())}"
        yield "docs/sources.md says more"


def _watchlist(config: Settings) -> str:
    from pipeline.enrich.chain import Chain  # noqa: PLC0415

    chain = Chain.build(config)
    return f"{len(config.watchlist)} topics, {chain.watchlist.size} terms; models loaded"


def _channel(channel: NotifyChannel, _config: Settings) -> str:
    from pipeline.senders import sender  # noqa: PLC0415

    sender(channel)
    return "its address is there; nothing was sent"


def _page(config: Settings) -> str:
    from pipeline.page.guard import tokens  # noqa: PLC0415
    from pipeline.page.tls import context  # noqa: PLC0415

    return f"{'https' if context(config.page) else 'http'}, for {', '.join(tokens(config.page))}"


def _second(_config: Settings) -> str:
    from pipeline.enrich.sentiment.second import Reader, Second  # noqa: PLC0415

    return f"model loaded; for {', '.join(sorted(Second(Reader()).languages))}"


def _kafka(config: Settings) -> str:
    from pipeline import admin  # noqa: PLC0415

    if changes := admin.diff(config):
        names = ", ".join(sorted({change.topic for change in changes}))
        msg = f"answers, but these topics differ: {names}; mend with 'mentions topics create'"
        raise ValueError(msg)
    return f"{config.kafka.bootstrap}: all topics are as they should be"


def _elasticsearch(config: Settings) -> str:
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.probe import probe  # noqa: PLC0415

    with connect_sync(config.elasticsearch) as client, explained(config.elasticsearch):
        found = probe(client)
    extras = "with" if found.analysis else "without"
    return f"{config.elasticsearch.url}: version {found.version}, {extras} language analyzers"


def _kibana(config: Settings) -> str:
    from pipeline.kibana.client import Client  # noqa: PLC0415

    with Client(config.kibana) as client:
        found = client.find("/api/status")
    if not isinstance(found, dict) or "status" not in found:
        msg = f"what answers at {config.kibana.url} is no Kibana: set MENTIONS_KIBANA__URL"
        raise ValueError(msg)
    version = found.get("version", {}).get("number")  # who is not logged in is told the state alone
    return f"{config.kibana.url}: {f'version {version}' if version else 'answers'}"
