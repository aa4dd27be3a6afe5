"""``mentions roles``: who may do what in Elasticsearch."""

import os
from collections.abc import Iterator
from typing import Any, Final

import click

from pipeline.cli._shared import emit, json_option, settings, table
from pipeline.errors import ConfigError

__all__ = ["command"]

_PASSWORD: Final = "MENTIONS_ACCOUNT_"  # noqa: S105 - where passwords are found
_LEAST: Final = 12


@click.group(
    epilog="""\b
Examples:
  mentions roles show                   what each role may do
  mentions roles show --json            the requests that make them
  mentions roles apply                  make them; twice is once
  MENTIONS_ACCOUNT_INDEXER=… mentions roles apply
                                        also the account <alias>_indexer with this password;
                                        likewise MENTIONS_ACCOUNT_KEEPER;
                                        MENTIONS_ACCOUNT_PAGE makes <alias>_page, which reads
  MENTIONS_ACCOUNT_KIBANA_SYSTEM=… mentions roles apply
                                        and set the password of Elasticsearch's own"""
)
def command() -> None:
    """Create roles and accounts in Elasticsearch."""


@command.command()
@json_option
@click.pass_context
def show(ctx: click.Context, *, as_json: bool) -> None:
    """Show what each role may do; needs no server."""
    from pipeline.search.roles import role_calls, roles  # noqa: PLC0415 - not needed for --help

    alias = settings(ctx).elasticsearch.alias
    if as_json:
        emit(role_calls(alias))
        return
    table("Roles", ["role", "cluster", "indices", "may", "not"], _rows(roles(alias)))


@command.command()
@json_option
@click.pass_context
def apply(ctx: click.Context, *, as_json: bool) -> None:
    """Make the roles, and the accounts whose passwords are in MENTIONS_ACCOUNT_<NAME>."""
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415 - not for --help
    from pipeline.search.roles import account_calls, role_calls  # noqa: PLC0415
    from pipeline.search.roles import apply as carry_out  # noqa: PLC0415

    config = settings(ctx).elasticsearch
    passwords = dict(_passwords())
    with explained(config), connect_sync(config) as client:
        done = carry_out(client, role_calls(config.alias))
        done += carry_out(client, account_calls(config.alias, passwords))
    if as_json:
        emit([{"path": path} for path in done])
    else:
        table("Done", ["what"], [(path.removeprefix("/_security/"),) for path in done])


def _passwords() -> Iterator[tuple[str, str]]:
    for name, value in sorted(os.environ.items()):
        if name.startswith(_PASSWORD):
            if len(value) < _LEAST:
                msg = f"{name}: {_LEAST} characters at least"
                raise ConfigError(msg)
            yield name.removeprefix(_PASSWORD).lower(), value


def _rows(made: dict[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for name, body in made.items():
        for indices in body["indices"]:
            hidden = indices.get("field_security", {}).get("except", ())
            yield (
                name,
                ", ".join(body["cluster"]),
                ", ".join(indices["names"]),
                ", ".join(indices["privileges"]),
                ", ".join(hidden),
            )
