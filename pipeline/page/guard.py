"""Who may use the page, and whether a form was filled in there and nowhere else.

People log in with name and token (HTTP Basic): a browser asks for both once, and nothing is kept
here. As a browser also sends them where another site tells it to, a form counts only with a sign
that cannot be known without the token, and only from the page's own origin.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr, TypeAdapter, ValidationError

from agents.secret import Secret
from pipeline.errors import ConfigError
from pipeline.settings import Page

__all__ = ["Guard", "tokens"]

_SHORTEST: Final = 16
_PORTS: Final = {"http": ":80", "https": ":443"}


def tokens(page: Page) -> dict[str, str]:
    """Each person's token, by name.

    Raises:
        ConfigError: there is nobody, two bear one name, or a token is not there, short, or
            somebody else's, too.
    """
    if not page.people:
        msg = "nobody may use the page: name people and their tokens under [page] in mentions.toml"
        raise ConfigError(msg)
    found: dict[str, str] = {}
    for person in page.people:
        try:
            secret: SecretStr = TypeAdapter(Secret).validate_python(person.token)
        except ValidationError as error:
            why = error.errors()[0]["msg"].removeprefix("Value error, ")
            msg = f"page.people {person.name!r}: token: {why}"
            raise ConfigError(msg) from error
        token = secret.get_secret_value()
        if person.name in found:
            msg = f"page.people {person.name!r}: two people bear this name"
            raise ConfigError(msg)
        if len(token) < _SHORTEST or token in found.values():
            msg = f"page.people {person.name!r}: the token needs {_SHORTEST} signs, all its own"
            raise ConfigError(msg)
        found[person.name] = token
    return found


class Guard:
    """Knows people by their tokens.

    Args:
        tokens: each person's, by name.
        url: where browsers find the page, if that is not where it listens.
    """

    def __init__(self, tokens: Mapping[str, str], url: str | None = None) -> None:
        self._tokens = dict(tokens)
        self._host = _host(url) if url else None

    def who(self, authorization: str) -> str | None:
        """Who it is, by the header of that name; None: nobody we know."""
        kind, _, given = authorization.partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            name, _, token = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        expected = self._tokens.get(name, "")
        # Compared also where there is no such name, so that names cannot be found out by the clock.
        right = hmac.compare_digest(token.encode(), expected.encode())
        return name if right and expected else None

    def sign(self, name: str, mention_id: str) -> str:
        """What a form about a mention carries that somebody was given here."""
        content = f"form\n{mention_id}".encode()
        return hmac.new(self._tokens[name].encode(), content, hashlib.sha256).hexdigest()

    def genuine(self, name: str, mention_id: str, sign: str, headers: Mapping[str, str]) -> bool:
        """Whether a form was given to that person here, and comes from there."""
        origin = headers.get("origin")
        if origin is not None:
            scheme, given = urlsplit(origin).scheme, _host(origin)
            here = _host(f"{scheme}://{headers.get('host')}")
            if not given or given not in {self._host, here}:
                return False
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        return hmac.compare_digest(sign.encode(), self.sign(name, mention_id).encode())


def _host(url: str) -> str:
    """An address's host and port as browsers write them: in lower case, a default port left out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return host.removesuffix(_PORTS.get(parts.scheme, "\0"))
