"""``mentions mark``: an analyst's word on a mention: is it about the topic, what is its tone …?"""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast, get_args

import click

from pipeline.cli._shared import emit, json_option, settings
from pipeline.errors import ConfigError
from schemas.mention import EntityKind, Label, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.search.history import Stored
    from pipeline.settings import Settings
    from schemas.amendment import Value
    from schemas.mention import EnrichedMention, Kind

__all__ = ["command"]

_RELEVANCE: Final = ("relevant", "irrelevant")
_TONES: Final = get_args(Label)
_TOPIC: Final = ("about", "not-about")
_ENTITY: Final = (*get_args(EntityKind), "no-entity")
_OF: Final = ("relevance", *get_args(Part))


@click.command(
    epilog="""\b
Examples:
  mentions mark feeds:42 irrelevant                 a tram, not the company
  mentions mark feeds:43 relevant --topic Bahn      of several topics, this one
  mentions mark feeds:42 negative --note irony      the tone of the text
  mentions mark feeds:42 positive --topic Bahn      the tone towards one topic
  mentions mark feeds:42 about --topic Strike       a topic that was missed
  mentions mark feeds:42 not-about --topic Bahn     a topic that is none
  mentions mark feeds:42 product --entity "Fan 3"   a name that was missed, or is of this kind
  mentions mark feeds:42 no-entity --entity Fan     a name that is none
  mentions mark feeds:42 withdrawn                  take the word on relevance back
  mentions mark feeds:42 withdrawn --of target --topic Bahn      or another

\b
The mention says so at once, in the index and for every consumer, and whenever it is enriched again:
amendments.by, .at and .before say who, when and what it was; matches.relevance.marked_by likewise.
From 30 marks of a topic on, relevant and irrelevant, its other mentions are judged by them:
  mentions search 'matches.relevance.score:<0.5'
Tones are labels to train on: mentions train sentiment --corrections"""
)
@click.argument("mention_id")
@click.argument(
    "verdict",
    type=click.Choice([*_RELEVANCE, *_TONES, *_TOPIC, *_ENTITY, "withdrawn"]),
)
@click.option("--topic", help="Which topic; needed where the mention matches several.")
@click.option("--entity", help="Which entity, as written in the text.")
@click.option("--of", type=click.Choice(_OF), help="What to withdraw; by default relevance.")
@click.option("--note", help="Why, for those who come after.")
@json_option
@click.pass_context
def command(  # noqa: PLR0917 - click's signature
    ctx: click.Context,
    mention_id: str,
    verdict: str,
    topic: str | None,
    entity: str | None,
    of: str | None,
    note: str | None,
    *,
    as_json: bool,
) -> None:
    """Say of the mention MENTION_ID what the pipeline did not see."""
    if of is not None and verdict != "withdrawn":
        msg = "--of goes with withdrawn"
        raise click.UsageError(msg)
    config = settings(ctx)
    part = _part(verdict, of, topic)
    if part is None:
        mention, what = _marked(config, mention_id, verdict, topic, note)
    else:
        mention, what = _amended(config, mention_id, (part, topic, entity), verdict, note)
    if as_json:
        emit([mention])
    else:
        click.echo(f"{mention_id}: {verdict} for {what}.")


def _part(verdict: str, of: str | None, topic: str | None) -> Part | None:
    """Which finding a word is about; None: relevance."""
    if verdict == "withdrawn":
        return next((part for part in get_args(Part) if part == of), None)
    if verdict in _TONES:
        return "target" if topic is not None else "sentiment"
    if verdict in _TOPIC:
        return "topic"
    return "entity" if verdict in _ENTITY else None


def _changed(
    config: "Settings",
    mention_id: str,
    change: "Callable[[Stored], tuple[bytes, str]]",
) -> "tuple[EnrichedMention, str]":
    """Look a mention up, let it be changed, and publish it again."""
    from pipeline.republish import republishing  # noqa: PLC0415 - not needed for --help
    from pipeline.search import history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from schemas.mention import encode_over  # noqa: PLC0415

    with (
        republishing(config) as again,
        explained(config.elasticsearch),
        connect_sync(config.elasticsearch) as client,
    ):
        found = history.find(client, config.elasticsearch.alias, mention_id)
        if found is None:
            msg = f"no mention {mention_id} is indexed; 'mentions search' finds ids with --json"
            raise ConfigError(msg)
        version, what = change(found)
        again.publish([(found.mention, encode_over(found.value, found.mention))], version)
    return found.mention, what


def _marked(
    config: "Settings", mention_id: str, verdict: str, topic: str | None, note: str | None
) -> "tuple[EnrichedMention, str]":
    """A word on relevance."""
    import msgspec  # noqa: PLC0415 - not needed for --help

    from pipeline import corrections  # noqa: PLC0415
    from pipeline.enrich.relevance import Relevances  # noqa: PLC0415
    from pipeline.enrich.text import view  # noqa: PLC0415

    def change(found: "Stored") -> tuple[bytes, str]:
        mention = found.mention
        chosen = _chosen(mention, topic)
        marks = corrections.read(config)
        if verdict == "withdrawn":
            if marks.pop((mention_id, chosen), None) is None:
                msg = f"{mention_id} has no mark for {chosen!r}"
                raise ConfigError(msg)
            corrections.publish(config, withdrawn=[(mention_id, chosen)])
        else:
            made = corrections.mark(
                mention, chosen, relevant=verdict == "relevant", by=getpass.getuser(), note=note
            )
            corrections.publish(config, [made])
            marks[mention_id, chosen] = made
        version = mention.matches[0].by.version.encode()
        mention.matches = tuple(
            msgspec.structs.replace(match, relevance=None) for match in mention.matches
        )
        title = view(mention.title) if mention.title else None
        mention.matches = Relevances(marks).judge(mention, view(mention.text), title)
        return version, chosen

    return _changed(config, mention_id, change)


def _amended(
    config: "Settings",
    mention_id: str,
    where: tuple[Part, str | None, str | None],
    verdict: str,
    note: str | None,
) -> "tuple[EnrichedMention, str]":
    """A word on anything else: the mention is enriched again, with what is in force."""
    from pipeline import amendments, reprocess  # noqa: PLC0415 - not needed for --help
    from schemas.amendment import Amendment  # noqa: PLC0415

    part, topic, entity = where

    def change(found: "Stored") -> tuple[bytes, str]:
        chain = reprocess.in_force(config)
        kinds = {watched.topic: watched.kind for watched in chain.watchlist.topics}
        known = amendments.read(config)
        said = known.setdefault(mention_id, {})
        if verdict == "withdrawn":
            name = _withdrawn(found.mention, part, topic, entity)
            if said.pop((part, name), None) is None:
                msg = (
                    f"{mention_id} has no such amendment: {', '.join(map(_named, said)) or 'none'}"
                )
                raise ConfigError(msg)
            amendments.publish(config, withdrawn=[(mention_id, part, name)])
        else:
            name, value = _value(found.mention, verdict, topic, entity, kinds)
            made = Amendment(
                mention=mention_id,
                part=part,
                name=name,
                value=value,
                by=getpass.getuser(),
                at=datetime.now(UTC),
                note=note,
            )
            said[part, name] = made
            amendments.publish(config, [made])
        chain.amend(known)
        reprocess.changed(chain, [found])
        return chain.watchlist.by.version.encode(), name or "the text"

    return _changed(config, mention_id, change)


def _withdrawn(
    mention: "EnrichedMention", part: Part, topic: str | None, entity: str | None
) -> str:
    """The name of the amendment that is meant."""
    if part == "sentiment":
        return ""
    if part == "entity":
        return _given(entity, "--entity")
    return topic if topic is not None else _chosen(mention, topic)


def _value(
    mention: "EnrichedMention",
    verdict: str,
    topic: str | None,
    entity: str | None,
    kinds: "Mapping[str, Kind]",
) -> "tuple[str, Value | None]":
    """What an amendment is about, and what it says."""
    from pipeline.enrich.amend import occurrences  # noqa: PLC0415 - not needed for --help

    if verdict in _TONES:
        return _chosen(mention, topic) if topic is not None else "", cast("Value", verdict)
    if verdict == "not-about":
        return _chosen(mention, topic), None
    if verdict == "about":
        name = _given(topic, "--topic")
        if name not in kinds:
            msg = f"no watchlist topic {name!r}, but: {', '.join(map(repr, sorted(kinds)))}"
            raise ConfigError(msg)
        return name, kinds[name]
    name = _given(entity, "--entity")
    known = {text for one in mention.entities for text in (one.text, one.name or one.text)}
    if verdict == "no-entity":
        if name not in known:
            msg = f"no such entity, but: {', '.join(map(repr, sorted(known))) or 'none'}"
            raise ConfigError(msg)
        return name, None
    if name not in known and not occurrences(name, mention.text):
        msg = f"{name!r} does not stand in the text"
        raise ConfigError(msg)
    return name, cast("Value", verdict)


def _given(name: str | None, option: str) -> str:
    if not name:
        msg = f"say which with {option}"
        raise ConfigError(msg)
    return name


def _named(place: tuple[Part, str]) -> str:
    return " ".join(filter(None, place))


def _chosen(mention: "EnrichedMention", topic: str | None) -> str:
    """The topic meant, which the mention must match."""
    matched = list(dict.fromkeys(match.topic for match in mention.matches))
    if topic is None and len(matched) == 1:
        return matched[0]
    if topic is None or topic not in matched:
        msg = f"say which with --topic: it matches {', '.join(map(repr, matched)) or 'no topic'}"
        raise ConfigError(msg)
    return topic
