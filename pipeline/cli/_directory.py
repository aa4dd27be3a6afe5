"""The sources there are, for commands: those of the file, and those that stand on Kafka."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pipeline.cli._shared import places
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from agents.directory import Directory
    from pipeline.settings import Settings
    from schemas.sources import SourceEntry

__all__ = ["directory_of", "known", "of_file"]

_WITHIN = 10.0  # seconds to wait for Kafka


def known(config: "Settings") -> dict[str, "SourceEntry"]:
    """All sources, the file's as they stand there now; says so where Kafka does not answer."""
    from msgspec import structs  # noqa: PLC0415 - not needed for --help

    found = of_file(config)
    try:
        with directory_of(config) as directory:
            for name, entry in directory.entries.items():
                table = found[name].table if name in found else entry.table
                found[name] = structs.replace(entry, table=table)
    except ConfigError as error:
        click.echo(f"mentions: only the sources of the file are known: {error}", err=True)
    return found


def of_file(config: "Settings") -> dict[str, "SourceEntry"]:
    """Those of ``mentions.toml``, by name."""
    from schemas.sources import SourceEntry  # noqa: PLC0415

    return {str(t.get("name")): SourceEntry(table=t, origin="file") for t in config.sources}


@contextmanager
def directory_of(config: "Settings") -> Iterator["Directory"]:
    """The directory as it is now.

    Raises:
        ConfigError: Kafka does not answer.
    """
    from kafka.errors import KafkaError  # noqa: PLC0415

    from agents.directory import Directory  # noqa: PLC0415
    from agents.publisher import Publisher  # noqa: PLC0415

    options = config.kafka.kafka_python()
    publisher = Publisher(options)
    directory = Directory(options, publisher, places(config).sources, within=_WITHIN)
    try:
        directory.read()
        yield directory
    except KafkaError as error:
        msg = f"Kafka at {config.kafka.bootstrap}: {error}"
        raise ConfigError(msg) from error
    finally:
        directory.close()
        publisher.close()
