"""``mentions train``: a sentiment model from one's own labels, kept only if it is better."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli._shared import console, emit, json_option, settings, table
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.models import Models
    from pipeline.settings import Settings
    from pipeline.training import Example, Group, Report

__all__ = ["command"]


@click.group(
    epilog="""\b
Examples:
  mentions train sentiment --labels labels.jsonl                report, keep nothing
  mentions train sentiment --labels labels.jsonl --publish      and put in force what is better
  mentions train sentiment --labels labels.jsonl --plots out    and draw confusion matrices
  mentions train sentiment --corrections                        on what 'mentions mark' said"""
)
def command() -> None:
    """Train models on labels of your own."""


@command.command(
    epilog="""\b
A line of FILE: {"text": "…", "label": "negative", "channel": "forum", "language": "de"}
Labels are negative, neutral, positive; channel and language may be left out.

\b
Exit codes:
  0  at least one model is better than today's
  1  none is, or the labels cannot be used"""
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="JSON Lines with labelled texts; may be given more than once.",
)
@click.option(
    "--corrections", is_flag=True, help="Also the tones that analysts said with 'mentions mark'."
)
@click.option("--publish", is_flag=True, help="Put better models in force, in all workers.")
@click.option(
    "--plots",
    type=click.Path(file_okay=False, path_type=Path),
    help="Draw a confusion matrix a language into this folder, as SVG.",
)
@json_option
@click.pass_context
def sentiment(
    ctx: click.Context,
    labels: tuple[Path, ...],
    plots: Path | None,
    *,
    corrections: bool,
    publish: bool,
    as_json: bool,
) -> None:
    """Train on your own labels, and say how good the result is on texts it has not seen.

    Labels from your own field are worth more than a better model: a few hundred of each kind
    are a start, a few thousand are plenty. A model is judged on held-out fifths of the
    labels, beside today's model, by macro-F1: the one in force, or, where no broker answers and
    nothing is to be published, the one that comes with the package.
    """
    if not labels and not corrections:
        msg = "give --labels FILE, --corrections, or both"
        raise click.UsageError(msg)
    try:
        from pipeline import training  # noqa: PLC0415 - scikit-learn is an extra
    except ModuleNotFoundError as error:
        msg = f"{error.name} is missing: pip install 'mention-pipeline[train]'"
        raise ConfigError(msg) from error
    from pipeline import models  # noqa: PLC0415 - a Kafka client is not needed for --help
    from pipeline.enrich import language  # noqa: PLC0415
    from pipeline.enrich.sentiment import LANGUAGES  # noqa: PLC0415

    config = settings(ctx)
    wanted = config.enrichment
    detector = language.build(wanted.language_backend, wanted.languages)
    examples = [one for path in labels for one in training.read(path, detector)]
    if corrections:
        examples += _corrected(config)
    source = " and ".join([*(path.name for path in labels[:1]), *["corrections"] * corrections])
    known = _in_force(config, needed=publish)
    reports = []
    for code, found in training.by_language(examples).items():
        if code not in LANGUAGES:
            click.echo(f"{code}: {len(found)} texts left out, no lexicon for it", err=True)
            continue
        try:
            reports.append(_train(code, found, known, source))
        except ConfigError as error:
            click.echo(f"left out: {error}", err=True)
    if plots is not None:
        _draw(reports, plots)
    better = [report for report in reports if report.better]
    if publish:
        for report in better:
            models.publish(config, report.model)
    _tell(reports, config if publish else None, as_json=as_json)
    sys.exit(0 if better else 1)


def _in_force(config: "Settings", *, needed: bool) -> "Models":
    """The models to compare with; where they are not needed, Kafka may be out of reach."""
    from pipeline import models  # noqa: PLC0415 - a Kafka client is not needed for --help

    try:
        return models.read(config)
    except ConfigError as error:
        if needed:
            raise
        said = "compared with the models that come with the package, not those in force"
        click.echo(f"{said}: {error}", err=True)
        return models.Models()


def _corrected(config: "Settings") -> "list[Example]":
    """The texts whose tone analysts said, as they are indexed."""
    from pipeline import amendments, training  # noqa: PLC0415 - not needed for --help
    from pipeline.search import history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    said = amendments.read(config)
    ids = sorted(name for name, some in said.items() if ("sentiment", "") in some)
    where = config.elasticsearch
    with explained(where), connect_sync(where) as client:
        return training.from_amendments(said, history.by_ids(client, where.alias, ids))


def _train(code: str, found: "list[Example]", known: "Models", source: str) -> "Report":
    from rich.console import Console  # noqa: PLC0415 - not needed for --help
    from rich.progress import Progress  # noqa: PLC0415

    from pipeline import training  # noqa: PLC0415
    from pipeline.enrich.sentiment import fit  # noqa: PLC0415

    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(code, total=fit.FOLDS * len(fit.STRENGTHS))
        return training.train(found, known.active(code), source, advance=lambda: bar.advance(task))


def _draw(reports: "list[Report]", folder: Path) -> None:
    from pipeline.enrich.sentiment import fit  # noqa: PLC0415
    from pipeline.plots import confusion  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    for report in reports:
        confusion(
            report.confusion,
            fit.LABELS,
            f"{report.language}: {report.texts} texts, held out",
            folder / f"confusion-{report.language}.svg",
        )


def _tell(reports: "list[Report]", published: "Settings | None", *, as_json: bool) -> None:
    if as_json:
        emit(
            {
                "language": report.language,
                "texts": report.texts,
                "version": report.model.version,
                "against": report.against,
                "better": report.better,
                "reason": report.reason,
                "published": published is not None and report.better,
                "overall": report.overall,
                "channels": report.channels,
                "confusion": report.confusion,
            }
            for report in reports
        )
        return
    rows = [
        (
            report.language if group is report.overall else "",
            group.name,
            group.texts,
            *_cells(group),
        )
        for report in reports
        for group in (report.overall, *report.channels)
    ]
    columns = ["language", "channel", "texts", "macro-F1", "today's", "accuracy", "today's"]
    table("On held-out folds", columns, rows)
    for report in reports:
        done = "is in force now" if published is not None else "would be put in force by --publish"
        console.print(
            f"{report.language}: model {report.model.version} "
            + (
                f"is better than {report.against}, and {done}."
                if report.better
                else f"is not kept: {report.reason}."
                if report.reason
                else f"is no better than {report.against}, which stays."
            )
        )


def _cells(group: "Group") -> tuple[str, str, str, str]:
    return (
        f"{group.new.macro_f1:.1%}",
        f"{group.old.macro_f1:.1%}",
        f"{group.new.accuracy:.1%}",
        f"{group.old.accuracy:.1%}",
    )
