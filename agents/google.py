"""Accounts that Google's APIs are asked with, by google-auth.

A service account's key, or what a person has granted once ("authorized user": a client's id and
secret with a refresh token); Google gives tokens for an hour for either.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import credentials, service_account

from agents.bridge import faults, session
from agents.errors import Denied, SourceConfigError
from agents.http import Http
from agents.secret import Secret

__all__ = ["TOKENS", "Account"]

TOKENS: Final = "https://oauth2.googleapis.com"
"""Where what a person has granted is exchanged for tokens; google-auth knows no other."""


class Account:
    """An account, and the token it has now.

    Args:
        secret: the JSON that Google gave.
        scopes: what it is to be used for.

    Raises:
        SourceConfigError: it is something else; nothing of it is shown.
    """

    def __init__(self, secret: Secret, scopes: Sequence[str]) -> None:
        try:
            about: Mapping[str, Any] = msgspec.json.decode(secret.get_secret_value(), type=dict)
            made: Any = (
                credentials.Credentials.from_authorized_user_info
                if about.get("type") == "authorized_user"
                else service_account.Credentials.from_service_account_info
            )
            self._credentials: Any = made(about, scopes=list(scopes))
        except (msgspec.MsgspecError, ValueError, TypeError):
            msg = "account is not the JSON that Google gives; docs/sources.md says more"
            raise SourceConfigError(msg) from None

    def refused(self) -> None:
        """Google did not take the token: the next ``header`` has a new one."""
        self._credentials.token = None

    def header(self, http: Http, tokens: str = TOKENS) -> dict[str, str]:
        """What a request needs, with a token that is good for a while.

        Args:
            http: does the asking, where the token has ended.
            tokens: what to ask in place of ``TOKENS``.

        Raises:
            Denied: Google does not take the account.
            SourceError: no answer.
        """
        if not self._credentials.valid:
            with faults("Google's tokens", GoogleAuthError):
                try:
                    self._credentials.refresh(Request(session(http, {TOKENS: tokens})))
                except GoogleAuthError as error:
                    if error.__cause__ is None and "invalid_" in str(error):
                        msg = "Google does not take the account: make a new key, or grant it anew"
                        raise Denied(msg) from error
                    raise
        return {"Authorization": f"Bearer {self._credentials.token}"}
