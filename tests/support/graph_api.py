"""Meta's Graph API on a loopback server: pages of edges, batches, errors and rate headers.

Shapes of version 26.0, developers.facebook.com/docs/graph-api, November 2026.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from agents.testing import Answer, Loopback, Platform, Request, Said

__all__ = ["TOKEN", "GraphApi", "iso"]

TOKEN = "EAAG-geheim"  # noqa: S105 - nobody's
MINUTES = 2


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000")


class Problem(Exception):
    """Is answered as an error."""

    def __init__(self, code: int, subcode: int | None = None, message: str = "No.") -> None:
        detail = {} if subcode is None else {"error_subcode": subcode}
        about = {"message": message, "type": "OAuthException", "code": code, **detail}
        self.body = {"error": {**about, "fbtrace_id": "A1b2"}}
        super().__init__(message)

    def answer(self, status: int = 400) -> Answer:
        return Answer.json(self.body, status)


class GraphApi(Platform):
    """A subclass has nodes and edges."""

    secret = TOKEN

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.blind = False
        """Whether the token lost its right to see what it looks up."""
        self.refused: dict[str, Problem | None] = {}
        """By path: what a look-up of it is answered with; None: it takes too long."""

    @staticmethod
    @abstractmethod
    def number(id_: str) -> int:
        """Of the post with this id."""

    def newest(self, request: Request) -> int:
        after = request.query.get("after")
        return self.number(after) if after else self.past

    @abstractmethod
    def read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A node or an edge; raises ``Problem``."""

    def answer(self, request: Request) -> Answer | None:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in request.path
        version, _, path = request.where.lstrip("/").partition("/")
        assert version == "v26.0"
        if request.method == "POST":
            assert not path
            return self.batch(parse_qs(request.body.decode())["batch"][0])
        try:
            return Answer.json(self.read(path, request.query))
        except Problem as problem:
            return problem.answer()

    def batch(self, text: str) -> Answer:
        asked = json.loads(text)
        parts: list[dict[str, Any] | None] = []
        assert len(asked) <= 50
        for one in asked:
            assert one["method"] == "GET"
            url = urlsplit(one["relative_url"])
            if url.path in self.refused:
                problem = self.refused[url.path]
                body = {"code": 400, "body": json.dumps(problem.body)} if problem else None
                parts.append(body)
                continue
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            try:
                parts.append({"code": 200, "body": json.dumps(self.seen(url.path, query))})
            except Problem as problem:
                parts.append({"code": 400, "body": json.dumps(problem.body)})
        return Answer.json(parts)

    def seen(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """What the token shows."""
        if self.blind:
            raise Problem(100, 33)
        return self.read(path, query)

    def edge(
        self,
        path: str,
        found: Sequence[dict[str, Any]],
        query: Mapping[str, str],
        limit: int | None = None,
    ) -> dict[str, Any]:
        """A page of an edge, by cursor."""
        ids = [row["id"] for row in found]
        first = 0
        if after := query.get("after"):
            if after not in ids:
                raise Problem(100, message="Invalid parameter")
            first = ids.index(after) + 1
        size = limit or int(query["limit"])
        page = list(found[first : first + size])
        if not page:
            return {"data": []}
        paging: dict[str, Any] = {"cursors": {"before": page[0]["id"], "after": page[-1]["id"]}}
        if len(found) > first + size:
            more = urlencode({"access_token": TOKEN, "limit": size, "after": page[-1]["id"]})
            paging["next"] = f"{self.web.url}/v26.0/{path}?{more}"
        return {"data": page, "paging": paging}

    @staticmethod
    def since(found: Sequence[Said], query: Mapping[str, str]) -> list[Said]:
        return [said for said in found if said.at.timestamp() >= int(query.get("since", 0))]

    def usage(self, minutes: int) -> dict[str, str]:
        use = {
            "type": "pages",
            "call_count": 100,
            "total_cputime": 25,
            "total_time": 31,
            "estimated_time_to_regain_access": minutes,
        }
        return {"X-Business-Use-Case-Usage": json.dumps({"112233": [use]})}

    def limited(self) -> Answer:
        refused = Problem(32, message="Page request limit reached").answer()
        return replace(refused, headers={**refused.headers, **self.usage(MINUTES)})

    def none_left(self, answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, **self.usage(MINUTES)})

    def expired(self) -> Answer:
        return Problem(100, message="Invalid parameter").answer()

    def denied(self) -> Answer:
        return Problem(190, 463, f"Malformed access token {TOKEN}").answer(401)
