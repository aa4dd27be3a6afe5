"""``mentions leak``: confidential documents that are recognised without being known.

Nothing of a document is printed or sent: neither its text nor its file's name.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from pipeline.cli._shared import emit, json_option, settings, table

__all__ = ["command"]

_ENDINGS = {".md", ".txt"}
_LONGEST = 100


@click.group(
    epilog="""\b
Examples:
  mentions leak fingerprint contract.txt --name "Offer to a partner"
  mentions leak fingerprint ~/confidential            every .txt and .md in a folder
  mentions leak fingerprint plan.txt --public press/  what is public already does not count
  mentions leak list
  mentions leak remove "Offer to a partner"

\b
'mentions alerts watch' looks for the documents; docs/alerts.en.md says how."""
)
def command() -> None:
    """Watch for passages of confidential documents, without storing the documents."""


@command.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE…"
)
@click.option("--name", help="What alerts call the document; by default a hash.")
@click.option(
    "--public",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A file or folder whose passages are no secret; may be repeated.",
)
@json_option
@click.pass_context
def fingerprint(
    ctx: click.Context,
    paths: tuple[Path, ...],
    name: str | None,
    public: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Publish the fingerprints of documents: text files, or folders of them."""
    import msgspec  # noqa: PLC0415 - not needed for --help

    from pipeline import admin  # noqa: PLC0415
    from pipeline.alerts.leaks import WORDS, key_of, passages, print_of  # noqa: PLC0415
    from pipeline.alerts.watch import confirmed  # noqa: PLC0415
    from pipeline.errors import ConfigError  # noqa: PLC0415
    from schemas import topics  # noqa: PLC0415

    config = settings(ctx)
    key = key_of(config)
    files = list(_files(paths))
    if name is not None and not 0 < len(name) <= _LONGEST:
        msg = f"--name has 1 to {_LONGEST} characters"
        raise click.UsageError(msg)
    if not files:
        msg = "there is no .txt or .md in these folders"
        raise click.UsageError(msg)
    if name is not None and len(files) != 1:
        msg = f"--name is for one document; these are {len(files)}"
        raise click.UsageError(msg)
    known = {place for path in _files(public) for place in passages(_text(path), key)}
    now = datetime.now(UTC)
    made = []
    for path in files:
        try:
            found = print_of(_text(path), key, now, known)
        except ValueError as error:
            msg = f"{path}: {error}"
            raise ConfigError(msg) from error
        if found is None:
            msg = (
                f"{path}: fewer than {WORDS + 2} words in a row that are not public; "
                "watch for single words by a watchlist topic of kind 'confidential'"
            )
            raise ConfigError(msg)
        made.append((name or f"document-{found.hashes[:4].hex()}", found))
    with admin.producer(config) as producer:
        for document, found in made:
            value = msgspec.json.encode(found)
            confirmed(producer, config.kafka.topic(topics.LEAKS), document.encode(), value)
    _show([(document, found.passages, now) for document, found in made], as_json=as_json)


@command.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the documents that are watched for."""
    from pipeline.reader import records  # noqa: PLC0415
    from schemas import topics  # noqa: PLC0415
    from schemas.leak import decode_print  # noqa: PLC0415

    config = settings(ctx)
    newest = {
        record.key.decode(errors="replace"): record.value
        for record in records(config, config.kafka.topic(topics.LEAKS))
    }
    found = [(name, decode_print(value)) for name, value in newest.items() if value is not None]
    _show([(name, one.passages, one.at) for name, one in sorted(found)], as_json=as_json)


@command.command()
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Watch for a document no more."""
    from pipeline import admin  # noqa: PLC0415
    from pipeline.alerts.watch import confirmed  # noqa: PLC0415
    from pipeline.errors import ConfigError  # noqa: PLC0415
    from pipeline.reader import records  # noqa: PLC0415
    from schemas import topics  # noqa: PLC0415

    config = settings(ctx)
    topic = config.kafka.topic(topics.LEAKS)
    newest = {record.key: record.value for record in records(config, topic)}
    if newest.get(name.encode()) is None:
        msg = f"no document {name!r}; 'mentions leak list' names them"
        raise ConfigError(msg)
    with admin.producer(config) as producer:
        confirmed(producer, topic, name.encode(), None)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                each for each in path.rglob("*") if each.is_file() and each.suffix in _ENDINGS
            )
        else:
            yield path


def _text(path: Path) -> str:
    from pipeline.errors import ConfigError  # noqa: PLC0415

    content = path.read_bytes()
    try:
        if b"\0" not in content:
            return content.decode("utf-8-sig")
        reason: UnicodeDecodeError | None = None
    except UnicodeDecodeError as error:
        reason = error
    msg = f"{path} is not plain text in UTF-8: save it as such first"
    raise ConfigError(msg) from reason


def _show(rows: Sequence[tuple[str, int, datetime]], *, as_json: bool) -> None:
    if as_json:
        emit({"document": name, "passages": count, "at": at} for name, count, at in rows)
        return
    shown = [(name, count, f"{at.astimezone():%Y-%m-%d %H:%M}") for name, count, at in rows]
    table(f"{len(rows)} documents", ["document", "passages", "fingerprint of"], shown)
