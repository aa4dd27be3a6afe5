"""A host on a loopback server, well and unwell, and what a source that asks it makes of it."""

import json
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from agents import waits
from agents.errors import RateLimited
from agents.source import Cursor, Source, build
from agents.testing.loopback import Answer, Loopback, Request
from agents.testing.suite import Outside, SourceContract, drain, opened, polled, read
from agents.visits import AT_ONCE, Visit

__all__ = ["WAIT", "Host", "WebContract", "crowded"]

WAIT: Final = 120
"""Seconds that a host asks for."""


@contextmanager
def crowded(url: str) -> Iterator[None]:
    """As many polls as may are at a host; one by this thread is turned away there."""
    others = [Visit() for _ in range(AT_ONCE)]
    try:
        for other in others:
            assert other.go(urlsplit(url).netloc)
        with Visit().under_way():
            yield
    finally:
        for other in others:
            with other.under_way():
                pass


def _cut(answer: Answer) -> Answer:
    """The connection ends in the middle of the body."""
    return replace(answer, body=answer.body[: len(answer.body) // 2], length=len(answer.body))


def _half(answer: Answer) -> Answer:
    """A whole answer with half a document."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


_TROUBLES: Final[Mapping[str, Answer | Callable[[Answer], Answer]]] = {
    "500": Answer(status=500),
    "502 with a page for people": Answer(b"<html>Bad Gateway</html>", 502),
    "503": Answer(status=503),
    "504": Answer(status=504),
    "disconnected": _cut,
    "half a document": _half,
    "a page for people": Answer(b"<html>Wartung</html>", headers={"Content-Type": "text/html"}),
    "nothing": Answer(headers={"Content-Type": "application/json"}),
    "another shape": Answer(b'["odd"]', headers={"Content-Type": "application/json"}),
    "not even JSON's idea of one": Answer(b"3", headers={"Content-Type": "application/json"}),
}


class Host(Outside):
    """Whoever is asked over HTTP; a subclass answers in its documented shapes.

    Args:
        web: the server; requests come to ``answer``.
    """

    def __init__(self, web: Loopback) -> None:
        self.web = web
        self.options: dict[str, Any] = {}
        self.script: deque[Answer | Callable[[Answer], Answer] | None] = deque()
        """Instead of the next answers to questions for a listing; None lets one through."""
        self.ill: Answer | Callable[[Answer], Answer] | None = None
        """Instead of all answers after the script."""
        self.after_listing: Callable[[], None] | None = None
        """Called once, after the next listing is answered."""
        self.unknown = False
        """Whether answers hold fields that nobody has heard of."""
        self.serve()

    def serve(self) -> None:
        """Answer, again where it did not."""
        self.web.handler = self._serve

    @abstractmethod
    def table(self) -> dict[str, Any]:
        """The source's table, without name and ``http``."""

    @abstractmethod
    def answer(self, request: Request) -> Answer | None:
        """What the host says."""

    @abstractmethod
    def is_listing(self, request: Request) -> bool:
        """Whether what is new is asked for, rather than a token, robots.txt or single posts."""

    def limited(self) -> Answer:
        """How the host says that too much was asked, with its own headers, for 120 s."""
        return Answer(status=429, headers={"Retry-After": str(WAIT)})

    def with_more(self, answer: Answer) -> Answer:
        """A good answer with fields besides that nobody has heard of."""
        if not answer.body.startswith((b"{", b"[")):
            return answer
        return replace(answer, body=json.dumps(_more(json.loads(answer.body))).encode())

    def described(self) -> dict[str, Any]:
        """The source's whole table."""
        http = {"allow_private": True, "timeout": 2, "per_second": 1_000}
        return {"name": "it", "http": http, **self.table(), **self.options}

    def source(self) -> Source:
        """A source that reads it."""
        made = build(self.described())
        assert isinstance(made, Source)
        return made

    def vanish(self) -> None:
        """Answer 404 to everything."""
        self.web.handler = lambda _: Answer(status=404)

    def trouble(self, how: str, *, after: int) -> None:
        """Answer in a wrong way when what is new is asked for."""
        self.script.extend([None] * after)
        self.ill = _TROUBLES[how]

    def mend(self) -> None:
        """Answer well again."""
        self.script.clear()
        self.ill = None

    @staticmethod
    def waited() -> None:
        """Let the time pass that a host asked to wait."""
        waits.clear()

    def waited_for(self, cursor: Cursor) -> Cursor:
        """The cursor of a source that keeps such a time in it, when it is over."""
        return cursor

    def listings(self) -> list[Request]:
        """The questions for a listing so far."""
        return [request for request in self.web.requests if self.is_listing(request)]

    def _serve(self, request: Request) -> Answer | None:
        answer = self.answer(request)
        if self.unknown and answer is not None:
            answer = self.with_more(answer)
        if not self.is_listing(request):
            return answer
        scripted = self.script.popleft() if self.script else self.ill
        if callable(scripted):
            assert answer is not None
            return scripted(answer)
        if scripted is None and self.after_listing is not None:
            then, self.after_listing = self.after_listing, None
            then()
        return scripted or answer


def _more(value: Any) -> Any:
    """The same JSON with an unknown field in every object."""
    if isinstance(value, dict):
        return {**{k: _more(v) for k, v in value.items()}, "xUnknown": {"to": ["us", None]}}
    if isinstance(value, list):
        return [_more(item) for item in value]
    return value


class WebContract(SourceContract):
    """For all that is asked over HTTP. Inherit, and give the fixture ``outside`` as a ``Host``."""

    troubles = tuple(_TROUBLES)

    @pytest.fixture
    @abstractmethod
    def outside(self) -> Host:
        """A host that has nothing to say yet."""

    def test_a_wait_is_kept_and_loses_nothing(self, outside: Host) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.script.append(None)
        outside.ill = outside.limited()
        with opened(outside) as source:
            pages, error = polled(source, None)
            if error is None:  # all there is came in one answer
                _, error = polled(source, pages[-1].cursor)
            assert isinstance(error, RateLimited)
            assert error.seconds is not None
            assert WAIT - 20 < error.seconds <= WAIT + 1
            asked = len(outside.web.requests)
            with pytest.raises(RateLimited):
                list(source.poll(None))
            assert len(outside.web.requests) == asked, "it asked again too early"
        # Later, in another process; a page that nobody kept is read again.
        outside.mend()
        outside.waited()
        assert self.texts(drain(outside)) == texts

    def test_a_page_before_a_wait_is_kept(self, outside: Host) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.script.append(None)
        outside.ill = outside.limited()
        pages, error = read(outside)
        if error is None:  # all there is came in one answer
            more, error = read(outside, pages[-1].cursor)
            pages += more
        assert isinstance(error, RateLimited)
        outside.mend()
        outside.waited()
        rest = drain(outside, outside.waited_for(pages[-1].cursor))
        assert self.texts([*pages, *rest]) == texts

    def test_fields_that_nobody_has_heard_of_do_no_harm(self, outside: Host) -> None:
        outside.unknown = True
        outside.add(["eins", "zwei"])
        assert self.texts(drain(outside)) == ["eins", "zwei"]
