"""``mentions watchlist``: try queries, see what they would change, put them in force."""

import getpass
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from pipeline.cli._shared import console, emit, json_option, moment, settings, table
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.enrich.watchlist import Watchlist
    from pipeline.enrich.watchlist.compare import TopicChange
    from pipeline.settings import Settings
    from schemas.mention import EnrichedMention, Match
    from schemas.watchlist import WatchedTopic, WatchlistVersion

__all__ = ["command"]

_since = click.option(
    "--since", callback=moment, default="30d", show_default=True, help="Said since: 2h, 7d, a time."
)
_topic = click.option("--topic", help="Only this topic.")
_CHOSEN: Final = "the file"


@click.group(
    epilog="""\b
Examples:
  mentions watchlist check                          can all queries be understood?
  mentions watchlist test 'Streik bei der Bahn'     what would match, and why
  mentions watchlist explain feeds:42               why an indexed mention does, or does not
  mentions watchlist diff                           the file against what is in force
  mentions watchlist preview --since 30d            what the file would gain and lose
  mentions watchlist publish --note 'new product'   put the file in force, everywhere
  mentions watchlist versions                       what was in force when
  mentions watchlist publish --number 3             go back to an earlier content

\b
The query language: docs/watchlist.en.md, docs/watchlist.de.md"""
)
def command() -> None:
    """Try watchlist queries, see what they change, put them in force."""


@command.command()
@json_option
@click.pass_context
def check(ctx: click.Context, *, as_json: bool) -> None:
    """Check that every query of the file can be understood; exit code 1 when one cannot."""
    from pipeline.advice import language  # noqa: PLC0415
    from pipeline.enrich.watchlist import Watchlist, mistakes  # noqa: PLC0415 - not for --help

    config = settings(ctx)
    lang = language(config.language)
    found = list(mistakes(config.watchlist, config.queries))
    if as_json:
        emit(
            {"topic": name, "position": m.position, "code": m.code, "message": m.message(lang)}
            for name, m in found
        )
    for name, mistake in () if as_json else found:
        click.echo(f"{name}: {mistake.shown(lang)}")
    if found:
        sys.exit(1)
    watchlist = Watchlist(config.watchlist, config.queries)
    if not as_json:
        click.echo(f"{len(watchlist.topics)} topics, {watchlist.size} terms: all understood.")
        for name in watchlist.always:
            click.echo(f"{name}: no word of it must occur, so it is judged for every mention.")


@command.command()
@click.argument("text")
@click.option("--title", help="The mention's title.")
@click.option("--channel", default="other", show_default=True)
@click.option("--lang", help="The language; by default it is found out.")
@click.option("--source", default="test", show_default=True)
@click.option("--author", help="The author's handle.")
@click.option("--followers", type=int)
@click.option("--site")
@click.option("--url")
@click.option("--rating", type=float, help="Stars, 1 to 5.")
@click.option("--live", is_flag=True, help="Against the version in force, not the file.")
@json_option
@click.pass_context
def test(ctx: click.Context, /, text: str, *, live: bool, as_json: bool, **fields: Any) -> None:  # noqa: ANN401 - click's
    """Show which topics TEXT would match, and why."""
    from pipeline.enrich.watchlist.compare import found_in  # noqa: PLC0415

    config = settings(ctx)
    watchlist = _in_force(config) if live else _of_file(config)
    mention = _mention(config, text, fields)
    matches = list(found_in(watchlist, mention))
    if as_json:
        emit(matches)
    elif matches:
        _show_matches("Matches", mention, matches)
    else:
        click.echo("No topic matches.")


@command.command()
@click.argument("mention_id")
@_topic
@click.option("--live", is_flag=True, help="Against the version in force, not the file.")
@json_option
@click.pass_context
def explain(
    ctx: click.Context, mention_id: str, topic: str | None, *, live: bool, as_json: bool
) -> None:
    """Show why an indexed mention matches, and with --topic every part of its query."""
    from pipeline.enrich.watchlist.compare import found_in  # noqa: PLC0415
    from pipeline.search import history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    config = settings(ctx)
    watchlist = _in_force(config) if live else _of_file(config)
    if topic is not None:
        _known(topic, [one.topic for one in watchlist.topics])
    with explained(config.elasticsearch), connect_sync(config.elasticsearch) as client:
        found = history.find(client, config.elasticsearch.alias, mention_id)
    if found is None:
        msg = f"no mention {mention_id} is indexed; 'mentions search' finds ids with --json"
        raise ConfigError(msg)
    mention = found.mention
    now = [match for match in found_in(watchlist, mention) if topic in {None, match.topic}]
    parts = watchlist.steps(topic, mention) if topic is not None else []
    if as_json:
        emit([{"indexed": mention.matches, "now": now, "steps": parts}])
        return
    indexed = [match for match in mention.matches if topic in {None, match.topic}]
    _show_matches("As it was indexed", mention, indexed)
    _show_matches(f"By {'the version in force' if live else _CHOSEN}", mention, now)
    for clause in parts:
        for step in clause:
            mark = "yes" if step.holds else "no "
            click.echo(f"  {mark}  {'  ' * step.depth}{step.text}")
        click.echo()


@command.command()
@json_option
@click.pass_context
def diff(ctx: click.Context, *, as_json: bool) -> None:
    """Compare the file with what is in force; exit code 1 when they differ."""
    from rich.markup import escape  # noqa: PLC0415

    from pipeline import versions  # noqa: PLC0415

    config = settings(ctx)
    known = versions.read(config)
    if not known:
        click.echo("No version was published: the file of each worker is in force.", err=True)
        return
    live = known[-1]
    old = {f"topic {one.topic}": _as_line(one) for one in live.topics}
    new = {f"topic {one.topic}": _as_line(one) for one in versions.watched(config)}
    old |= {f"query ${name}": query for name, query in versions.queries_of(live).items()}
    new |= {f"query ${name}": query for name, query in config.queries.items()}
    rows = [
        (name, old.get(name, ""), new.get(name, ""))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    if as_json:
        emit({"what": name, "in_force": before, "file": after} for name, before, after in rows)
    elif rows:
        cells = [[escape(cell) for cell in row] for row in rows]
        table(f"Version {live.version} and the file", ["what", "in force", "file"], cells)
    else:
        click.echo(f"No difference: version {live.version} is in force.")
    sys.exit(1 if rows else 0)


@command.command()
@_since
@_topic
@json_option
@click.pass_context
def preview(
    ctx: click.Context, since: datetime | None, topic: str | None, *, as_json: bool
) -> None:
    """Run the file over the indexed history: what would be gained, what lost, with examples.

    Both the version in force and the file search the texts themselves; while no version was
    published, the file is compared with the matches that were indexed.
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from pipeline import versions  # noqa: PLC0415
    from pipeline.enrich.watchlist.compare import Comparison  # noqa: PLC0415
    from pipeline.search import history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    config = settings(ctx)
    new = _of_file(config)
    known = versions.read(config)
    old = versions.compiled(known[-1]) if known else None
    name = f"version {known[-1].version}" if known else "as it was indexed"
    if topic is not None:
        _known(topic, [one.topic for one in (*(old.topics if old else ()), *new.topics)])
    comparison = Comparison(old, new, topic)
    where = config.elasticsearch
    with (
        explained(where),
        connect_sync(where) as client,
        Progress(console=Console(stderr=True), transient=True, disable=as_json) as bar,
    ):
        task = bar.add_task("Reading", total=history.count(client, where.alias, since))
        for mention in history.mentions(client, where.alias, since):
            comparison.look(mention)
            bar.advance(task)
    if as_json:
        emit(comparison.changes)
        return
    _show_changes(f"{comparison.mentions} mentions, {name} against the file", comparison.changes)


@command.command()
@click.option("--note", help="Why, for those who come after.")
@click.option("--number", type=int, help="Put the content of an earlier version in force again.")
@json_option
@click.pass_context
def publish(ctx: click.Context, note: str | None, number: int | None, *, as_json: bool) -> None:
    """Put the file in force: all workers pick it up within seconds, without a restart."""
    from pipeline import versions  # noqa: PLC0415

    config = settings(ctx)
    topics, queries = versions.watched(config), config.queries
    if number is not None:
        chosen = [one for one in versions.read(config) if one.number == number]
        if not chosen:
            msg = f"there is no version {number}; 'mentions watchlist versions' lists them"
            raise ConfigError(msg)
        topics, queries = chosen[-1].topics, versions.queries_of(chosen[-1])
        note = note or f"as version {number}"
    made = versions.publish(config, topics, queries, by=getpass.getuser(), note=note)
    if as_json:
        emit([made] if made else [])
    elif made:
        click.echo(f"Version {made.version} is in force: {len(made.topics)} topics.")
        click.echo("For what was indexed before: mentions reprocess --since 30d")
    else:
        click.echo("Nothing to do: this content is in force already.")


@command.command("versions")
@json_option
@click.pass_context
def versions_(ctx: click.Context, *, as_json: bool) -> None:
    """List all versions, the one in force last."""
    from pipeline import versions  # noqa: PLC0415

    known: Sequence[WatchlistVersion] = versions.read(settings(ctx))
    if as_json:
        emit(known)
        return
    rows = [
        (
            one.version,
            f"{one.published_at.astimezone():%Y-%m-%d %H:%M}",
            one.by,
            len(one.topics),
            one.note,
        )
        for one in known
    ]
    table("Watchlist versions", ["version", "published", "by", "topics", "note"], rows)


def _of_file(config: "Settings") -> "Watchlist":
    from pipeline.enrich.watchlist import Watchlist  # noqa: PLC0415

    return Watchlist(config.watchlist, config.queries, lang=config.language)


def _in_force(config: "Settings") -> "Watchlist":
    from pipeline import versions  # noqa: PLC0415

    known = versions.read(config)
    if not known:
        msg = (
            "no version was published yet; put the file in force with 'mentions watchlist publish'"
        )
        raise ConfigError(msg)
    return versions.compiled(known[-1])


def _known(topic: str, names: "Sequence[str]") -> None:
    from pipeline.advice import nearest  # noqa: PLC0415

    if topic not in names:
        close = nearest(topic, names)
        msg = f"no watchlist topic {topic!r}" + (f"; did you mean {close!r}?" if close else "")
        raise ConfigError(msg)


def _mention(config: "Settings", text: str, fields: dict[str, Any]) -> "EnrichedMention":
    """A mention with these fields; its language is found out unless stated."""
    from datetime import UTC  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from pipeline.enrich import language  # noqa: PLC0415
    from pipeline.enrich.text import view  # noqa: PLC0415
    from schemas.mention import EnrichedMention, Language  # noqa: PLC0415

    now = datetime.now(UTC)
    author = {"handle": fields["author"], "followers": fields["followers"]}
    given = {
        "id": "test:1",
        "revision": 1,
        "text": text,
        "title": fields["title"],
        "channel": fields["channel"],
        "site": fields["site"],
        "url": fields["url"],
        "published_at": now,
        "collected_at": now,
        "collector": {"source": fields["source"]},
        "author": author if any(author.values()) else None,
        "rating": {"value": fields["rating"]} if fields["rating"] is not None else None,
    }
    try:
        mention = msgspec.convert(given, EnrichedMention)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from error
    if fields["lang"]:
        mention.language = Language(code=fields["lang"])
    else:
        wanted = config.enrichment
        detector = language.build(wanted.language_backend, wanted.languages)
        mention.language = detector.detect(view(text).prose)
    return mention


def _show_matches(title: str, mention: "EnrichedMention", matches: "Sequence[Match]") -> None:
    from pipeline.enrich.watchlist.compare import excerpt  # noqa: PLC0415

    rows = [
        (
            _marked(match.topic),
            _marked(match.clause),
            match.where,
            _marked(excerpt(_field(mention, match.where), match)),
            match.by.version,
        )
        for match in matches
    ]
    table(title, ["topic", "clause", "in", "text", "version"], rows)


def _field(mention: "EnrichedMention", where: str) -> str:
    return (mention.title or "") if where == "title" else mention.text


def _marked(text: str) -> str:
    """A stranger's text, fit for a table."""
    from rich.markup import escape  # noqa: PLC0415

    from pipeline.cli.search import _clean  # noqa: PLC0415

    return escape(_clean(text))


def _show_changes(title: str, changes: "Sequence[TopicChange]") -> None:
    rows = [(one.topic, one.before, one.after, one.gained, one.lost) for one in changes]
    table(title, ["topic", "now", "then", "gained", "lost"], rows)
    for change in changes:
        for sign, examples in (("+", change.examples_gained), ("-", change.examples_lost)):
            for example in examples:
                line = f"{sign} {change.topic}: {example.match.clause}: {example.excerpt}"
                console.print(_marked(line), soft_wrap=True, highlight=False)
                console.print(f"    {example.id}", soft_wrap=True, highlight=False, markup=False)


def _as_line(topic: "WatchedTopic") -> str:
    terms = ", ".join(topic.terms) + (" (case counts)" if topic.case_sensitive else "")
    parts = [topic.kind, *([terms] if topic.terms else []), *([topic.query] if topic.query else [])]
    return "; ".join(parts)
