"""``mentions mark``: an analyst's word on a mention: is it about the topic, what is its tone …?"""

import getpass

import click

from pipeline.cli._shared import emit, json_option, settings
from pipeline.verdicts import OF, VERDICTS, WITHDRAWN, Word

__all__ = ["command"]


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
@click.argument("verdict", type=click.Choice(VERDICTS))
@click.option("--topic", help="Which topic; needed where the mention matches several.")
@click.option("--entity", help="Which entity, as written in the text.")
@click.option("--of", type=click.Choice(OF), help="What to withdraw; by default relevance.")
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
    if of is not None and verdict != WITHDRAWN:
        msg = "--of goes with withdrawn"
        raise click.UsageError(msg)
    from pipeline.marking import say  # noqa: PLC0415 - not needed for --help

    word = Word(
        mention=mention_id,
        verdict=verdict,
        by=getpass.getuser(),
        topic=topic,
        entity=entity,
        of=of,
        note=note,
    )
    mention, what = say(settings(ctx), word)
    if as_json:
        emit([mention])
    else:
        click.echo(f"{mention_id}: {verdict} for {what}.")
