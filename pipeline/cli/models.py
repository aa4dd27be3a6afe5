"""``mentions models``: which trained models there are, and the way back."""

from typing import Any

import click

from pipeline.cli._shared import emit, json_option, settings, table

__all__ = ["command"]


@click.group(
    epilog="""\b
Examples:
  mentions models list
  mentions models rollback de                    to the one that was in force before
  mentions models rollback de --to shipped       to the one that comes with the package"""
)
def command() -> None:
    """Look after the sentiment models that were trained here."""


@command.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the models, the oldest first; those that come with the package stand at the top."""
    from pipeline import models  # noqa: PLC0415 - a Kafka client is not needed for --help
    from pipeline.enrich.sentiment import LANGUAGES  # noqa: PLC0415
    from schemas.models import SHIPPED  # noqa: PLC0415

    known = models.read(settings(ctx))
    shown = [(code, SHIPPED) for code in LANGUAGES] + known.versions()
    rows: list[dict[str, Any]] = []
    for language, version in shown:
        model = known.get(language, version)
        rows.append(
            {
                "language": language,
                "version": version,
                "in_force": known.in_force(language).version == version,
                "macro_f1": model.figures.get("macro_f1"),
                "sources": {source.name: source.texts for source in model.sources},
            }
        )
    if as_json:
        emit(rows)
        return
    cells = [
        (
            row["version"],
            row["language"],
            "yes" if row["in_force"] else "",
            row["macro_f1"],
            ", ".join(f"{name} ({texts})" for name, texts in row["sources"].items()),
        )
        for row in rows
    ]
    table("Models", ["version", "language", "in force", "macro-F1", "trained on"], cells)


@command.command()
@click.argument("language")
@click.option("--to", help="The version, or 'shipped'; by default the one in force before.")
@click.pass_context
def rollback(ctx: click.Context, language: str, to: str | None) -> None:
    """Put an earlier model of LANGUAGE in force again, in all workers."""
    from pipeline import models  # noqa: PLC0415

    now = models.roll_back(settings(ctx), language, to)
    click.echo(f"{language}: {now.version} is in force.")
