"""``mentions enrich``: JSON Lines in, JSON Lines out, with what the pipeline would find out.

One line out for each line in, in the same order, written as soon as it is known: what has arrived
is enriched together, so that a fast input is handled in batches and a slow one answered at once.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, TypeAlias, cast

import click
import msgspec

from schemas import __version__
from schemas.mention import FINDINGS, TEXT_LIMIT, EnrichedMention, encode

if TYPE_CHECKING:
    from pipeline.enrich.chain import Chain

__all__ = ["command"]

_CHUNK: Final = 1 << 16
_LONGEST: Final = 8 << 20
"""Bytes of the longest line that is read; a mention of any size fits."""
_FOUND: Final = frozenset(FINDINGS)
"""What enrichment finds out: an input's own idea of it is not kept."""


_FIELD: Final = re.compile(r"`\$\.(\w+)")
_ID: Final = re.compile(r"[a-z][a-z0-9_.-]*:\S")
_ID_LIMIT: Final = 500

Line: TypeAlias = tuple[int, bytes]


class _Input(Protocol):
    """A binary stream."""

    def read1(self, size: int = ..., /) -> bytes:
        """Give what there is, without waiting for more once there is something."""
        ...


@click.command(
    name="enrich",
    epilog="""\b
Examples:
  echo '{"text": "Der Zug war pünktlich, aber die App nervt."}' | mentions enrich
  mentions enrich posts.jsonl > enriched.jsonl
  tail -f posts.jsonl | mentions enrich | jq -r '[.language.code, .sentiment.label] | @tsv'

\b
Exit codes:
  0  every line was enriched
  1  some lines could not be read: each is reported on standard error, all others were enriched""",
)
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.pass_obj
def command(config: Path | None, file: Path | None) -> None:
    """Enrich mentions from FILE or standard input; needs no server.

    The input is JSON Lines: one object a line with at least a "text". A raw or enriched mention
    keeps its fields; what is missing is filled in: the id is made from the line's own id or its
    content, the times are now, the channel is "other". Fields of no mention are left out. The
    output is one enriched mention a line, in the same order. Blank lines are skipped.
    """
    from pipeline.enrich.chain import Chain  # noqa: PLC0415 - not needed for --help
    from pipeline.settings import load  # noqa: PLC0415 - same

    chain = Chain.build(load(config))
    out = click.get_binary_stream("stdout")
    bad = 0
    with _opened(file) as stream, _progress(file) as advance:
        for lines, size in _batches(stream):
            bad += _answer(chain, lines, out)
            advance(size)
    if bad:
        click.echo(f"mentions: {bad} line{'s' * (bad > 1)} could not be enriched", err=True)
        sys.exit(1)


@contextmanager
def _opened(file: Path | None) -> Iterator[_Input]:
    if file is None:
        yield cast("_Input", click.get_binary_stream("stdin"))
    else:
        with file.open("rb") as stream:
            yield stream


@contextmanager
def _progress(file: Path | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where a person can see it and the end is known."""
    if file is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - most runs need no bar
    from rich.progress import Progress  # noqa: PLC0415 - same

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(file.name, total=file.stat().st_size)
        yield lambda size: bar.advance(task, size)


def _batches(stream: _Input) -> Iterator[tuple[list[Line], int]]:
    """The whole lines of each read, numbered from 1, and how many bytes were read for them."""
    number = 0
    rest = b""
    while chunk := stream.read1(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else (rest + chunk,)
        yield list(enumerate(whole, number + 1)), len(chunk)
        number += len(whole)
        rest = rest[:_LONGEST]  # cut, it is no JSON, and will be reported
    if rest:
        yield [(number + 1, rest)], 0


def _answer(chain: "Chain", lines: Sequence[Line], out: BinaryIO) -> int:
    """Write the answers to some lines; how many had none."""
    mentions: list[tuple[int, EnrichedMention]] = []
    bad = 0
    for number, line in lines:
        if not line.strip():
            continue
        try:
            mentions.append((number, _mention(number, line)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            bad += 1
            click.echo(f"line {number}: {error}", err=True)
    try:
        chain.enrich([mention for _, mention in mentions])
    except Exception:  # noqa: BLE001 - found again, and reported, below
        for number, mention in mentions:
            try:
                chain.enrich([mention])
            except Exception as error:  # noqa: BLE001 - one mention must not cost the others
                bad += 1
                mentions = [pair for pair in mentions if pair[0] != number]
                click.echo(f"line {number}: {type(error).__name__}: {error}", err=True)
    out.write(b"".join([encode(mention) + b"\n" for _, mention in mentions]))
    out.flush()
    return bad


def _mention(number: int, line: bytes) -> EnrichedMention:
    """Read one line; what does not fit a mention is left out, and named on standard error.

    Raises:
        msgspec.MsgspecError: it is no JSON object with a text.
    """
    given = msgspec.json.decode(line, type=dict[str, Any])
    if not isinstance(given.get("text"), str):
        msg = "no text: an object needs at least the field `text`, a string"
        raise msgspec.ValidationError(msg)
    fields = _filled(given, line)
    while True:
        try:
            return msgspec.convert(fields, EnrichedMention)
        except msgspec.ValidationError as error:
            name = found[1] if (found := _FIELD.search(str(error))) else None
            if name not in fields or name == "text":
                raise
            click.echo(f"line {number}: left out: {error}", err=True)
            del given[name]
            fields = _filled(given, line)


def _filled(given: dict[str, Any], line: bytes) -> dict[str, Any]:
    now = datetime.now(UTC)
    own = given.get("id")
    if isinstance(own, str) and _ID.match(own):
        mention_id = own
    elif isinstance(own, str | int) and 0 < len(str(own).strip()) <= _ID_LIMIT:
        mention_id = f"stdin:{str(own).strip()}"
    else:
        mention_id = f"stdin:{hashlib.blake2b(line.strip(), digest_size=12).hexdigest()}"
    collector = {"source": "stdin", "version": __version__, "published_estimated": True}
    if given.get("published_at") is not None:
        del collector["published_estimated"]
    fields = {
        "channel": "other",
        "published_at": now,
        "collected_at": now,
        "revision": int(now.timestamp() * 1_000),
        "collector": collector,
        **{name: value for name, value in given.items() if name not in _FOUND},
        "id": mention_id,
    }
    if isinstance(code := given.get("language"), str):
        fields.setdefault("language_hint", code)
    if len(given["text"]) > TEXT_LIMIT:
        fields["text"] = given["text"][:TEXT_LIMIT]
    return fields
