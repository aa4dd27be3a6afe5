"""X's filtered stream, through tweepy: ``/2/tweets/search/stream`` and its rules.

Shapes of November 2026 (docs.x.com/x-api/posts/filtered-stream). The rules are the app's, not a
connection's: those of this source carry its name in their tag, and others are left alone. X lets an
app have one connection, so that one source with ``stream`` goes with one app. A sign of life comes
every 20 seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from tweepy import StreamingClient, StreamRule

from agents.errors import SourceError, Unreadable

__all__ = ["FilteredStream"]

_TAG = "mention-pipeline/"
_SHOWN = 300  # characters of what X says


class FilteredStream(StreamingClient):
    """One connection; ``listen`` returns when it has ended.

    Args:
        token: the app's bearer token.
        put: is given each post as X sends it, and the searches that it matches.
    """

    def __init__(self, token: str, put: Callable[[Mapping[str, Any], Sequence[str]], None]) -> None:
        super().__init__(token, return_type=dict, max_retries=0)
        self._put = put
        self._searches: dict[str, str] = {}
        self._failure: Exception | None = None

    def listen(self, name: str, searches: Sequence[str], fields: Mapping[str, Any]) -> None:
        """Make the searches rules, and listen.

        Raises:
            SourceError: a rule is refused, or the stream.
        """
        self._agree(name, searches)
        self.filter(**fields)
        if self._failure:
            raise self._failure

    def _agree(self, name: str, searches: Sequence[str]) -> None:
        """Have the rules that are wanted, and none that this source wanted once."""
        tag = f"{_TAG}{name}"
        there = list(self.get_rules().get("data") or ())
        stale = [r["id"] for r in there if r.get("tag") == tag and r["value"] not in searches]
        if stale:
            self.delete_rules(stale)
        missing = [s for s in searches if s not in {rule["value"] for rule in there}]
        if missing:
            answer = self.add_rules([StreamRule(value=search, tag=tag) for search in missing])
            if answer.get("errors"):
                msg = f"X takes no such rule: {_said(answer['errors'])}"
                raise SourceError(msg)
            there += answer["data"]
        # By id: another source, or another program with this app, may want the same.
        self._searches = {r["id"]: r["value"] for r in there if r["value"] in searches}

    def on_data(self, raw_data: bytes) -> None:
        """A post, or why there are no more."""
        found = msgspec.json.decode(raw_data, type=dict[str, Any])
        if "data" not in found:
            msg = f"X ended the stream: {_said(found.get('errors') or found)}"
            raise SourceError(msg)
        matching = [rule["id"] for rule in found.get("matching_rules") or ()]
        if searches := [self._searches[id_] for id_ in matching if id_ in self._searches]:
            self._put(found, searches)

    def on_request_error(self, status_code: int) -> None:
        """X refuses; whether to ask again is not the library's business."""
        self.disconnect()
        self._failure = Unreadable(f"X stream: {status_code}")

    def on_connection_error(self) -> None:
        """The connection broke."""
        self.disconnect()

    def on_closed(self, response: object) -> None:  # noqa: ARG002 - the library's signature
        """X ended the stream."""
        self.disconnect()

    def on_exception(self, exception: Exception) -> None:
        """Whatever else."""
        self._failure = exception


def _said(errors: Any) -> str:  # noqa: ANN401 - whatever came
    return str(errors)[:_SHOWN]
