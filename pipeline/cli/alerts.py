"""``mentions alerts``: what is unusual now, and what the rules would have said of the past."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pipeline.cli._shared import console, emit, json_option, moment, settings, table
from pipeline.cli._staying import host_option, port_option, turning, until_signalled
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.alerts.history import Fact
    from pipeline.settings import Settings
    from schemas.alert import Alert
    from schemas.coverage import Coverage

__all__ = ["command"]

_SWEEP: Final = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
_WEEK: Final = 604_800.0
_BAR: Final = 40


@click.group(
    epilog="""\b
Examples:
  mentions alerts watch                        publish alerts until interrupted; one process
  mentions alerts notify                       tell them, and teams' work, to the channels
  mentions alerts list --since 7d              what was alerted
  mentions alerts backtest --since 30d         what the rules would have said, and how often
  mentions alerts backtest --since 30d --sweep how the number of alerts follows the threshold
  mentions alerts backtest --sweep --plot a.svg    the same as a picture, by rule

\b
What each kind of alert means: docs/alerts.en.md, docs/alerts.de.md"""
)
def command() -> None:
    """Watch for what is unusual, and try the rules on history."""


@command.command()
@click.option("--verbose", "-v", is_flag=True, help="Show what the Kafka client says.")
@port_option
@host_option
@json_option
@click.pass_context
def watch(ctx: click.Context, *, verbose: bool, port: int, host: str, as_json: bool) -> None:
    """Publish alerts to mentions.alerts until interrupted."""
    from pipeline import logs  # noqa: PLC0415 - not needed for --help
    from pipeline.alerts.watch import watch as run  # noqa: PLC0415

    logs.setup(verbose=verbose)

    def tell(alert: "Alert") -> None:
        if as_json:
            emit([alert])
        else:
            click.echo(_line(alert))

    config = settings(ctx)
    with turning(config).watched(host, port) as loop:
        run(config, tell, until_signalled(), loop.turn)


@command.command()
@click.option("--verbose", "-v", is_flag=True, help="Show what the Kafka client says.")
@port_option
@host_option
@click.pass_context
def notify(ctx: click.Context, *, verbose: bool, port: int, host: str) -> None:
    """Tell alerts, and the work of teams, to the channels of the settings until interrupted."""
    from pipeline import logs  # noqa: PLC0415
    from pipeline.notify import notify as run  # noqa: PLC0415

    logs.setup(verbose=verbose)
    config = settings(ctx)
    if not config.channels:
        msg = "no channels: add a [[channels]] table to mentions.toml"
        raise ConfigError(msg)
    with turning(config).watched(host, port) as loop:
        run(config, until_signalled(), loop.turn)


@command.command("list")
@click.option("--since", callback=moment, help="From then on: 15m, 2h, 7d or an RFC 3339 time.")
@json_option
@click.pass_context
def list_(ctx: click.Context, since: datetime | None, *, as_json: bool) -> None:
    """List the alerts that were published, the oldest first."""
    from pipeline.alerts.watch import published  # noqa: PLC0415

    _show("Alerts", published(settings(ctx), since), as_json=as_json)


@command.command()
@click.option("--since", callback=moment, default="30d", show_default=True, help="2h, 7d, a time.")
@click.option("--sweep", is_flag=True, help="Compare thresholds instead of listing alerts.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --sweep: draw it by rule, an .svg or .png; needs the extra train.",
)
@json_option
@click.pass_context
def backtest(
    ctx: click.Context, since: datetime, *, sweep: bool, plot: Path | None, as_json: bool
) -> None:
    """Replay the indexed history: when each rule would have spoken, and how often a week."""
    from pipeline.alerts.watch import engine, replay  # noqa: PLC0415

    if plot is not None and not sweep:
        msg = "--plot is for --sweep"
        raise click.UsageError(msg)
    config = settings(ctx)
    found, ledger = _history(config, since)
    start, end = since.timestamp(), datetime.now(UTC).timestamp()
    if sweep:
        rows = []
        for chance in _SWEEP:
            chosen = config.alerts.model_copy(update={"chance": chance})
            made = engine(config.model_copy(update={"alerts": chosen}))
            alerts = [a for a in replay(made, found, start, end, ledger) if a.name != "incomplete"]
            by_rule = Counter(alert.name for alert in alerts)
            weekly = {name: count * _WEEK / (end - start) for name, count in by_rule.items()}
            rows.append((chance, weekly))
        if plot is not None:
            _draw(rows, config.alerts.chance, plot)
        _show_sweep([(chance, sum(rules.values())) for chance, rules in rows], as_json=as_json)
        return
    alerts = list(replay(engine(config), found, start, end, ledger))
    _show(f"{len({fact.id for fact in found})} mentions of topics read", alerts, as_json=as_json)
    if not as_json:
        counts = Counter((alert.name, alert.topic) for alert in alerts)
        table(
            "How often",
            ["kind", "topic", "alerts", "a week"],
            [
                (kind, topic, count, round(count * _WEEK / (end - start), 2))
                for (kind, topic), count in counts.most_common()
            ],
        )


def _history(config: "Settings", since: datetime) -> "tuple[list[Fact], list[Coverage]]":
    """What is to be known of mentions since then, and before that to tell what is usual.

    Returns:
        Facts and the ledger's messages, each in their order.
    """
    from pipeline.alerts.history import facts  # noqa: PLC0415
    from pipeline.alerts.ledger import KEPT  # noqa: PLC0415
    from pipeline.alerts.watch import LEARN, prints  # noqa: PLC0415
    from pipeline.reader import records  # noqa: PLC0415
    from pipeline.search import coverage, history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from schemas import topics  # noqa: PLC0415

    documents = prints(config)
    for record in records(config, config.kafka.topic(topics.LEAKS)):
        documents.learn(record.key, record.value)
    where = config.elasticsearch
    with explained(where), connect_sync(where) as client:
        found = [
            fact
            for mention in history.mentions(client, where.alias, since - LEARN)
            for fact in facts(mention, documents if mention.published_at >= since else None)
        ]
        ledger = list(coverage.read(client, where.alias, since - timedelta(seconds=KEPT)))
    # Said in the future is said when it was collected, which is not how the index is ordered.
    return sorted(found), sorted(ledger, key=lambda said: said.end)


def _line(alert: "Alert") -> str:
    when = f"{alert.at.astimezone():%Y-%m-%d %H:%M}"
    return f"{when}  {alert.severity:8} {alert.name:10} {alert.topic}: {alert.why}"


def _show(title: str, alerts: "Sequence[Alert]", *, as_json: bool) -> None:
    if as_json:
        emit(alerts)
        return
    rows = [
        (
            f"{alert.at.astimezone():%Y-%m-%d %H:%M}",
            alert.severity,
            alert.name,
            alert.topic,
            alert.why,
            ", ".join(alert.mentions[:2]),
        )
        for alert in alerts
    ]
    columns = ["at", "severity", "kind", "topic", "why", "mentions"]
    table(f"{title}: {len(rows)} alerts", columns, rows)


def _draw(rows: "Sequence[tuple[float, dict[str, float]]]", now: float, to: Path) -> None:
    try:
        from pipeline.plots import sweep  # noqa: PLC0415 - matplotlib is slow to import
    except ModuleNotFoundError as error:
        msg = f"{error.name} is missing; install it with: pip install 'mention-pipeline[train]'"
        raise ConfigError(msg) from error
    names = sorted({name for _, rules in rows for name in rules})
    a_week = {name: [rules.get(name, 0.0) for _, rules in rows] for name in names}
    sweep([chance for chance, _ in rows], a_week, now, to)


def _show_sweep(rows: "Sequence[tuple[float, float]]", *, as_json: bool) -> None:
    if as_json:
        emit({"chance": chance, "a_week": a_week} for chance, a_week in rows)
        return
    most = max(a_week for _, a_week in rows) or 1.0
    console.print("Alerts a week by alerts.chance")
    for chance, a_week in rows:
        console.print(f"{chance:8.0e} {a_week:7.2f} {'█' * round(_BAR * a_week / most)}")
