"""``python -m tests.faults``: break things, and count what was lost, doubled or stale."""

import sys
import tempfile
from pathlib import Path

import click
import msgspec
from rich.progress import Progress

from pipeline.cli._shared import console, table
from pipeline.errors import StackError
from pipeline.stack import spare
from tests.faults.harness import Report, run


@click.command(
    epilog="""\b
Examples:
  python -m tests.faults                                       every fault once
  python -m tests.faults --faults 200 --mentions 200000        the full form, 36 minutes and more
  python -m tests.faults --faults 30 --only SIGSTOP            some of them, often
  python -m tests.faults --seed 7 --keep /tmp/faults --json"""
)
@click.option("--faults", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--mentions",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="Events to publish: new, edited and deleted mentions, old versions, poison.",
)
@click.option(
    "--together",
    type=click.IntRange(1, 5),
    default=3,
    show_default=True,
    help="Most faults at a time.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Repeats faults, their order and length, and the load.",
)
@click.option("--only", default="", help="Faults whose name holds this, and no others.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep data and logs in this folder.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
def command(
    *,
    faults: int,
    mentions: int,
    together: int,
    seed: int,
    only: str,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Run real servers, a load and faults; exit code 1 when anything is lost, doubled or stale."""
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as temporary,
        Progress(console=console, disable=as_json or not console.is_terminal) as progress,
    ):
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # Elasticsearch runs as another user
        task = progress.add_task("Rounds", total=None)

        def tell(said: str) -> None:
            done, _, rest = said.partition("/")
            total, _, what = rest.partition(" ")
            progress.update(task, completed=int(done), total=int(total), description=what)
            if not as_json:
                click.echo(said, err=True)

        try:
            report = run(
                spare(folder / "data"),
                folder,
                faults=faults,
                mentions=mentions,
                together=together,
                seed=seed,
                only=only,
                progress=tell,
            )
        except (TimeoutError, StackError) as error:
            click.echo(f"faults: {error}", err=True)
            sys.exit(1)
    _show(report, as_json=as_json)
    sys.exit(0 if report.verdict.good else 1)


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
        return
    rows = [
        (
            row.fault,
            row.injected,
            row.sent,
            row.lost,
            row.doubled,
            row.stale,
            *(f"{seconds:.0f}" for seconds in row.recovery),
        )
        for row in report.rows
    ]
    verdict = report.verdict
    wrong = (len(verdict.lost), len(verdict.doubled), len(verdict.stale))
    rows.append(("all", report.injected, report.sent, *wrong, "", ""))
    columns = ["fault", "injected", "sent", "lost", "doubled", "stale", "recovery", "worst"]
    table(f"Faults, {report.seconds / 60:.0f} minutes", columns, rows)
    for what in ("lost", "doubled", "stale"):
        for name, number in list(getattr(verdict, what).items())[:10]:
            click.echo(f"{what}: {name}, round {number + 1}")
    for name, count in sorted(report.ended.items()):
        click.echo(f"ended by itself and started again: {name}, {count} times")


if __name__ == "__main__":
    command()
