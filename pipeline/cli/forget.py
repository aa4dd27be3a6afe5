"""``mentions forget``: delete all of a person, everywhere, and do not collect it again."""

import sys
from typing import TYPE_CHECKING

import click

from pipeline.cli._shared import console, emit, json_option, settings, table

if TYPE_CHECKING:
    from pipeline.forget import Found, Receipt

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions forget --author erika.m              shows what there is, and asks
  mentions forget --author @erika.m --author https://forum.example.org/u/17 --yes
  mentions forget --id mastodon:109348 --yes --json > receipt.json"""
)
@click.option(
    "--author",
    "authors",
    multiple=True,
    help="A handle, identifier, displayed name or profile page; may be repeated.",
)
@click.option("--id", "ids", multiple=True, help="A mention's id; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, authors: tuple[str, ...], ids: tuple[str, ...], *, yes: bool, as_json: bool
) -> None:
    """Delete all mentions of an author, or with an id, and block them from coming back.

    The workers must be running: deletions travel through the topics, so that consumers see them.
    Prints a receipt; exit code 1 where something is still to be deleted. Doing it twice is safe.
    """
    from pipeline import forget  # noqa: PLC0415 - not needed for --help

    if not authors and not ids:
        msg = "say who: --author or --id"
        raise click.UsageError(msg)
    config = settings(ctx)
    person = forget.Person(authors, ids)
    if not (yes and as_json):
        with console.status("Searching") as status:
            found = forget.find(config, person, lambda place: status.update(f"Searching {place}"))
        if not as_json:
            _preview(found)
    if not yes:
        click.confirm("Delete this everywhere, for good?", abort=True, err=True)
    with console.status("Deleting") as status:
        receipt = forget.forget(
            config, person, lambda place: status.update(f"Deleting; searching {place}")
        )
    if as_json:
        emit([receipt])
    else:
        _print(receipt)
    sys.exit(1 if receipt.left else 0)


def _preview(found: "Found") -> None:
    click.echo(f"Found {len(found.mentions)} mentions, {len(found.letters)} dead letters.")
    for link in found.examples:
        click.echo(f"  {link}")


def _print(receipt: "Receipt") -> None:
    rows: list[tuple[str, int, str]] = [
        *(
            (name, count, "deleted; out of the log within two days")
            for name, count in receipt.messages.items()
        ),
        ("Elasticsearch", receipt.documents, "deleted"),
        ("dead letters", receipt.letters, f"deleted; {receipt.letters_moved} others moved"),
        ("people", receipt.people, "deleted"),
        ("alerts", receipt.alerts, "name the mentions no more"),
        ("mentions.forgotten", len(receipt.keys), "keys that are not processed again"),
    ]
    rows = [
        (place, count, f"{receipt.left[place]} left" if place in receipt.left else now)
        for place, count, now in rows
    ]
    table(f"Forgotten {receipt.at:%Y-%m-%d %H:%M} UTC", ["where", "found", "now"], rows)
    if receipt.left:
        click.echo("Something is left: are all workers running? Then run it again.", err=True)
