"""``mentions mark``: an analyst's word on whether a mention is about the topic it matches."""

import getpass

import click

from pipeline.cli._shared import emit, json_option, settings
from pipeline.errors import ConfigError

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions mark feeds:42 irrelevant                a tram, not the company
  mentions mark feeds:43 relevant --topic Bahn     of several topics, this one
  mentions mark feeds:42 withdrawn                 take the word back

\b
The mention says so at once, in the index and for every consumer, and whenever it is enriched again.
From 30 marks of a topic on, of both kinds, its other mentions are judged by them:
  mentions search 'matches.relevance.score:<0.5'"""
)
@click.argument("mention_id")
@click.argument("verdict", type=click.Choice(["relevant", "irrelevant", "withdrawn"]))
@click.option("--topic", help="Which topic; needed where the mention matches several.")
@click.option("--note", help="Why, for those who come after.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    mention_id: str,
    verdict: str,
    topic: str | None,
    note: str | None,
    *,
    as_json: bool,
) -> None:
    """Say whether the mention MENTION_ID is about a topic that it matches."""
    import msgspec  # noqa: PLC0415 - not needed for --help

    from pipeline import admin, corrections, reprocess  # noqa: PLC0415
    from pipeline.enrich.relevance import Relevances  # noqa: PLC0415
    from pipeline.enrich.text import view  # noqa: PLC0415
    from pipeline.search import history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    config = settings(ctx)
    with explained(config.elasticsearch), connect_sync(config.elasticsearch) as client:
        mention = history.find(client, config.elasticsearch.alias, mention_id)
    if mention is None:
        msg = f"no mention {mention_id} is indexed; 'mentions search' finds ids with --json"
        raise ConfigError(msg)
    matched = list(dict.fromkeys(match.topic for match in mention.matches))
    if topic is None and len(matched) == 1:
        topic = matched[0]
    if topic not in matched:
        msg = f"say which with --topic: it matches {', '.join(map(repr, matched)) or 'no topic'}"
        raise ConfigError(msg)
    marks = corrections.read(config)
    if verdict == "withdrawn":
        if marks.pop((mention_id, topic), None) is None:
            msg = f"{mention_id} has no mark for {topic!r}"
            raise ConfigError(msg)
        corrections.publish(config, withdrawn=[(mention_id, topic)])
    else:
        made = corrections.mark(
            mention, topic, relevant=verdict == "relevant", by=getpass.getuser(), note=note
        )
        corrections.publish(config, [made])
        marks[mention_id, topic] = made
    bare = tuple(msgspec.structs.replace(match, relevance=None) for match in mention.matches)
    mention.matches = bare
    title = view(mention.title) if mention.title else None
    mention.matches = Relevances(marks).judge(mention, view(mention.text), title)
    with admin.producer(config) as producer:
        version = next(match.by.version for match in bare).encode()
        reprocess.publish(producer, config, [mention], version)
    if as_json:
        emit([mention])
    else:
        click.echo(f"{mention_id}: {verdict} for {topic}.")
