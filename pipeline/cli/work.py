"""``mentions work``: who has to deal with which routed mention, and what became of it."""

import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from pipeline.cli._shared import emit, json_option, settings, table
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.work.book import Shelf
    from schemas.work import Action, Step, Work

__all__ = ["command"]

_STATES: Final = ("new", "assigned", "answered", "dismissed")


@click.group(
    epilog="""\b
Examples:
  mentions work list                                what is open, the most urgent first
  mentions work list --team service --overdue
  mentions work take feeds:42                       it is yours, unless somebody was first
  mentions work assign feeds:42 --to bob --team service
  mentions work answer feeds:42 --note "refund promised"
  mentions work dismiss feeds:42 feeds:43 --note spam
  mentions work show feeds:42                       its whole story: who, what, when

\b
Exit codes:
  0  done
  1  something was refused, or nobody has decided yet (is the stage 'work' running?)"""
)
def command() -> None:
    """See and do the work that routed mentions are."""


@command.command("list")
@click.option("--team", help="Only this team's.")
@click.option("--state", type=click.Choice(_STATES), multiple=True, help="By default what is open.")
@click.option("--mine", is_flag=True, help="Only what is assigned to you.")
@click.option("--overdue", is_flag=True, help="Only what is open and past its time.")
@click.option("--escalated", is_flag=True, help="Only what was escalated.")
@json_option
@click.pass_context
def list_(
    ctx: click.Context,
    team: str | None,
    state: tuple[str, ...],
    *,
    mine: bool,
    overdue: bool,
    escalated: bool,
    as_json: bool,
) -> None:
    """List work, what is due first at the top."""
    from pipeline.work.book import read  # noqa: PLC0415 - not needed for --help

    now, me = datetime.now(UTC), getpass.getuser()
    chosen = [
        one
        for one in read(settings(ctx))
        if (team is None or one.team == team)
        and one.state in (state or ("new", "assigned"))
        and (not mine or one.assignee == me)
        and (not overdue or _overdue(one, now))
        and (not escalated or one.escalated_at is not None)
    ]
    chosen.sort(key=lambda one: (one.subject.due, one.team, one.mention))
    if as_json:
        emit(chosen)
        return
    rows = [
        (
            one.mention,
            one.team,
            ", ".join(filter(None, [one.state, one.assignee, *_flags(one, now)])),
            f"{one.subject.due.astimezone():%m-%d %H:%M}",
            ", ".join(filter(None, [*one.subject.topics, one.subject.label])),
            one.subject.site or one.subject.channel,
        )
        for one in chosen
    ]
    columns = ["mention", "team", "state", "due", "about", "on"]
    table(f"Work: {len(rows)}", columns, rows)


@command.command()
@click.argument("mention_id")
@click.option("--team", help="Whose; needed where several teams have it.")
@json_option
@click.pass_context
def show(ctx: click.Context, mention_id: str, team: str | None, *, as_json: bool) -> None:
    """Show the story of one piece of work."""
    from pipeline.work.book import read  # noqa: PLC0415 - not needed for --help

    one = _found(read(settings(ctx)), mention_id, team)
    if as_json:
        emit([one])
        return
    who = f", {one.assignee}" if one.assignee else ""
    flags = "".join(f", {flag}" for flag in _flags(one, datetime.now(UTC)))
    click.echo(f"{one.mention} is {one.team}'s: {one.state}{who}{flags}")
    click.echo(f"{one.subject.priority}, due {one.subject.due.astimezone():%Y-%m-%d %H:%M}")
    for step in one.steps:
        click.echo(f"{step.at.astimezone():%Y-%m-%d %H:%M}  {_told(step)}")


def _order(action: "Action", doc: str, *, to: bool = False) -> None:
    """Add the sub-command of an action."""

    def run(
        ctx: click.Context,
        mention_ids: tuple[str, ...],
        team: str | None,
        note: str | None,
        to: str | None = None,
        *,
        as_json: bool,
    ) -> None:
        _give(ctx, action, mention_ids, team=team, note=note, to=to, as_json=as_json)

    run.__doc__ = doc
    made: Callable[..., Any] = click.pass_context(run)
    for option in (
        json_option,
        click.option("--note", help="Why, or what was answered."),
        click.option("--team", help="Whose work; needed where several teams have it."),
        *([click.option("--to", required=True, help="To whom.")] if to else []),
        click.argument("mention_ids", nargs=-1, required=True),
    ):
        made = option(made)
    command.command(action)(made)


_order("take", "Take work on, unless somebody else has.")
_order("assign", "Give work to somebody, whoever has it now.", to=True)
_order("answer", "Say that a mention was answered.")
_order("dismiss", "Say that nothing has to be done.")
_order("reopen", "Give work back, or open it again: nobody has it then.")


def _give(
    ctx: click.Context,
    action: "Action",
    mention_ids: Sequence[str],
    *,
    team: str | None,
    note: str | None,
    to: str | None,
    as_json: bool,
) -> None:
    """Give orders and tell what became of them."""
    from pipeline.work import desk  # noqa: PLC0415 - not needed for --help
    from pipeline.work.book import read  # noqa: PLC0415

    config = settings(ctx)
    shelf = read(config)
    works = [_found(shelf, mention_id, team) for mention_id in mention_ids]
    answers = desk.give(
        config,
        [desk.order(one, action, getpass.getuser(), to=to, note=note) for one in works],
    )
    failed = 0
    for one, answer in zip(works, answers, strict=True):
        if answer is None:
            failed += 1
            msg = f"{one.mention}: nobody has decided yet: the order stands in mentions.work-orders"
            click.echo(f"mentions: {msg} (is 'mentions worker --stages work' running?)", err=True)
            continue
        now, step = answer
        failed += step.refused is not None
        if as_json:
            emit([now])
        if step.refused is not None:
            click.echo(f"mentions: {one.mention}: refused: {step.refused}", err=True)
        elif not as_json:
            click.echo(f"{one.mention}: {now.state}{_by(now)}.")
    sys.exit(1 if failed else 0)


def _found(shelf: "Shelf", mention_id: str, team: str | None) -> "Work":
    """The work that is meant."""
    found = [one for one in shelf if one.mention == mention_id and team in {None, one.team}]
    if not found:
        whose = f" of {team}" if team else ""
        msg = f"{mention_id} is no work{whose}; 'mentions work list' shows what is"
        raise ConfigError(msg)
    if len(found) > 1:
        teams = ", ".join(sorted(one.team for one in found))
        msg = f"{mention_id}: say whose with --team: {teams}"
        raise ConfigError(msg)
    return found[0]


def _overdue(one: "Work", now: datetime) -> bool:
    return one.state in {"new", "assigned"} and one.subject.due < now


def _flags(one: "Work", now: datetime) -> list[str]:
    return [
        *(["overdue"] if _overdue(one, now) else []),
        *(["escalated"] if one.escalated_at else []),
    ]


def _by(one: "Work") -> str:
    return f", {one.assignee}" if one.assignee else ""


def _told(step: "Step") -> str:
    parts = [
        f"{step.by}: {step.action}",
        f"to {step.to}" if step.to else "",
        f"({step.note})" if step.note else "",
        f"refused: {step.refused}" if step.refused else "",
    ]
    return " ".join(filter(None, parts))
