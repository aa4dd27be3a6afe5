"""``mentions mark``: an analyst's word on whether a mention is about the topic it matches."""

import getpass
from typing import TYPE_CHECKING

import click

from pipeline.cli._shared import emit, json_option, settings
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from schemas.mention import EnrichedMention

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

    from pipeline import corrections  # noqa: PLC0415
    from pipeline.enrich.relevance import Relevances  # noqa: PLC0415
    from pipeline.enrich.text import view  # noqa: PLC0415
    from pipeline.republish import republishing  # noqa: PLC0415
    from pipeline.search import history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from schemas.mention import encode_over  # noqa: PLC0415

    config = settings(ctx)
    with (
        republishing(config) as again,
        explained(config.elasticsearch),
        connect_sync(config.elasticsearch) as client,
    ):
        found = history.find(client, config.elasticsearch.alias, mention_id)
        if found is None:
            msg = f"no mention {mention_id} is indexed; 'mentions search' finds ids with --json"
            raise ConfigError(msg)
        mention = found.mention
        topic = _chosen(mention, topic)
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
        version = mention.matches[0].by.version.encode()
        mention.matches = tuple(
            msgspec.structs.replace(match, relevance=None) for match in mention.matches
        )
        title = view(mention.title) if mention.title else None
        mention.matches = Relevances(marks).judge(mention, view(mention.text), title)
        again.publish([(mention, encode_over(found.value, mention))], version)
    if as_json:
        emit([mention])
    else:
        click.echo(f"{mention_id}: {verdict} for {topic}.")


def _chosen(mention: "EnrichedMention", topic: str | None) -> str:
    """The topic meant, which the mention must match."""
    matched = list(dict.fromkeys(match.topic for match in mention.matches))
    if topic is None and len(matched) == 1:
        return matched[0]
    if topic is None or topic not in matched:
        msg = f"say which with --topic: it matches {', '.join(map(repr, matched)) or 'no topic'}"
        raise ConfigError(msg)
    return topic
