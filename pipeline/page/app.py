"""The page: a mention as it is, and a form that says what is wrong with it.

    GET  /mention?id=…&lang=de     shows it and changes nothing: links may lead there
    POST /mention?id=…&lang=de     one word, as ``mentions mark`` would say it
    GET  /health                   200 while it listens

How the process is, and its metrics, are served elsewhere, where browsers need not come.

Guarantee: the answer to a POST says that the word is on its topic, and the mention published again
with it, or why not; where a server failed meanwhile it may be there nevertheless. One word at a
time is said; a word that is sent twice is one.
"""

import asyncio
import base64
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from jinja2 import Environment, PackageLoader
from kafka.errors import KafkaError
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pipeline import versions
from pipeline.errors import PipelineError
from pipeline.kibana.words import Lang
from pipeline.marking import UnknownMention, Unsayable, find, say
from pipeline.metrics import PAGE_ANSWERS
from pipeline.page.guard import Guard
from pipeline.page.words import CHANNELS, LABELS, TEXTS
from pipeline.page.words import VERDICTS as BUTTONS
from pipeline.settings import Settings
from pipeline.verdicts import ENTITIES, VERDICTS, WITHDRAWN, Word
from schemas.mention import EnrichedMention
from schemas.watchlist import WatchedTopic

__all__ = ["app"]

_log = logging.getLogger(__name__)

_Failure: Final = (PipelineError, KafkaError)
_MOST_BYTES: Final = 16_384
_READ_WITHIN: Final = 15.0  # seconds for a client to send its form
_CSS: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:1rem auto;padding:0 1rem;
color:#1a1c21;background:#fff}
h1{font-size:1.3rem}h2{font-size:1.1rem}
header{display:flex;justify-content:space-between;align-items:baseline;gap:1rem;flex-wrap:wrap}
article{border-left:.25rem solid #0b64dd;padding-left:1rem}
.text{white-space:pre-wrap;overflow-wrap:anywhere}.about{color:#535966;font-size:.9rem}
fieldset{border:1px solid #cad3e2;border-radius:.3rem;margin:1rem 0}
button{font:inherit;padding:.2rem .6rem;margin:.1rem;border:1px solid #0b64dd;border-radius:.3rem;
background:#fff;color:#0b64dd;cursor:pointer}
button[aria-pressed=true]{background:#0b64dd;color:#fff}
input,select{font:inherit}.note{width:100%;box-sizing:border-box}
.done{background:#e2f8f0;padding:.5rem}.problem{background:#ffe8e5;padding:.5rem}
"""
_SECURITY: Final = {
    # No script at all, no frame around it, and forms lead nowhere else.
    "Content-Security-Policy": "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
    + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would hide a form's origin, too.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Choice(msgspec.Struct, array_like=True):
    """What a button says."""

    verdict: str
    topic: str | None = None
    entity: str | None = None
    of: str | None = None
    """What is withdrawn."""


def app(settings: Settings, tokens: Mapping[str, str]) -> Starlette:
    """The page, for people with these tokens."""
    page = _Page(settings, Guard(tokens, settings.page.url))

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/mention", page.show, methods=["GET"]),
            Route("/mention", page.take, methods=["POST"]),
            Route("/health", health),
        ]
    )


class _Unread(Exception):
    """A form that was not taken: the answer's status, and why not."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


class _Page:
    def __init__(self, settings: Settings, guard: Guard) -> None:
        self._settings = settings
        self._guard = guard
        self._one_at_a_time = asyncio.Lock()
        self._pages = Environment(loader=PackageLoader("pipeline.page"), autoescape=True)

    async def show(self, request: Request) -> Response:
        """The mention as it is."""
        who, mention_id = self._who(request), request.query_params.get("id", "")
        if who is None:
            return self._login(request)
        try:
            mention = await run_in_threadpool(find, self._settings, mention_id)
            known = await run_in_threadpool(versions.in_force, self._settings)
        except _Failure as error:
            return self._failed(request, who, error)
        return self._shown(request, who, mention, known)

    async def take(self, request: Request) -> Response:
        """A word on it."""
        who, mention_id = self._who(request), request.query_params.get("id", "")
        if who is None:
            return self._login(request)
        try:
            form = await _form(request)
        except _Unread as error:
            return self._page(request, error.status, who=who, problem=error.problem)
        if not self._guard.genuine(who, mention_id, form.get("sign", ""), request.headers):
            return self._page(request, 403, who=who, problem="forged")
        word = _word(form, mention_id, who)
        if word is None:
            return self._page(request, 422, who=who, problem="unsaid")
        try:
            # All that the answer needs is read before: once it is said, nothing may fail any more.
            known = await run_in_threadpool(versions.in_force, self._settings)
            async with self._one_at_a_time:
                mention, what = await run_in_threadpool(say, self._settings, word)
        except _Failure as error:
            return self._failed(request, who, error)
        about = "" if what == "the text" else f"{what}: "
        said = f"{about}{_button(word.verdict, self._lang(request))}"
        return self._shown(request, who, mention, known, said)

    def _shown(
        self,
        request: Request,
        who: str,
        mention: EnrichedMention,
        known: Sequence[WatchedTopic],
        said: str | None = None,
    ) -> Response:
        lang = self._lang(request)
        topics = list(_matched(mention))
        matched = {topic["name"] for topic in topics}
        return self._page(
            request,
            200,
            who=who,
            said=said,
            mention=mention,
            sign=self._guard.sign(who, mention.id),
            channel=CHANNELS[mention.channel][lang],
            link=mention.url if (mention.url or "").startswith(("http://", "https://")) else None,
            labels=list(LABELS),
            topics=topics,
            others=[one.topic for one in known if one.topic not in matched],
            names=list(dict.fromkeys((one.name or one.text, one.kind) for one in mention.entities)),
            kinds=[kind for kind in ENTITIES if kind != "no-entity"],
            history=list(_history(mention, lang)),
        )

    def _page(self, request: Request, status: int, **values: Any) -> Response:  # noqa: ANN401 - of the template
        PAGE_ANSWERS.labels(str(status)).inc()
        lang = self._lang(request)
        texts = {name: words[lang] for name, words in TEXTS.items()}
        if "problem" in values:
            values["problem"] = texts[values["problem"]]
        html = self._pages.get_template("mention.html").render(
            lang=lang,
            t=texts,
            v={name: words[lang] for name, words in BUTTONS.items()},
            css=Markup(_CSS),  # noqa: S704 - our own
            **values,
        )
        return HTMLResponse(html, status, headers=_SECURITY)

    def _login(self, request: Request) -> Response:
        answer = self._page(request, 401, problem="login")
        answer.headers["WWW-Authenticate"] = 'Basic realm="mentions", charset="UTF-8"'
        return answer

    def _failed(self, request: Request, who: str, error: Exception) -> Response:
        if isinstance(error, UnknownMention):
            return self._page(request, 404, who=who, problem="unknown")
        if isinstance(error, Unsayable):
            return self._page(request, 422, who=who, problem=error.why)
        # What it says is for who runs the servers: in English, with their addresses.
        _log.warning("%s %s: %s", request.method, request.url.path, error)
        return self._page(request, 503, who=who, problem="away")

    def _who(self, request: Request) -> str | None:
        return self._guard.who(request.headers.get("authorization", ""))

    def _lang(self, request: Request) -> Lang:
        asked = request.query_params.get("lang") or self._settings.language
        if asked is None:
            asked = request.headers.get("accept-language", "de")[:2]
        return "en" if asked == "en" else "de"


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        _Unread: it is none, too long or too slow.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise _Unread(403, "forged")
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise _Unread(413, "long")
        fields = parse_qs(body.decode(), max_num_fields=20, strict_parsing=False)
    except TimeoutError as error:
        raise _Unread(408, "slow") from error
    except ValueError as error:
        raise _Unread(403, "forged") from error
    return {name: values[-1] for name, values in fields.items()}


def _button(verdict: str, lang: Lang) -> str:
    """A verdict as its button says it; a newer version's as it is."""
    return BUTTONS[verdict][lang] if verdict in BUTTONS else verdict


def _word(form: Mapping[str, str], mention_id: str, who: str) -> Word | None:
    """What the button that was pressed says, with the fields that belong to it."""
    try:
        choice = msgspec.json.decode(form.get("say", ""), type=_Choice)
    except msgspec.MsgspecError:
        return None
    verdict, topic, entity = choice.verdict, choice.topic, choice.entity
    if verdict == "entity":
        verdict, entity = form.get("kind", ""), form.get("entity", "").strip()
    elif verdict == "about":
        topic = form.get("missed")
    if verdict not in VERDICTS:
        return None
    return Word(
        mention=mention_id,
        verdict=verdict,
        by=who,
        topic=topic,
        entity=entity,
        of=choice.of,
        note=form.get("note", "").strip() or None,
    )


def _matched(mention: EnrichedMention) -> Iterator[dict[str, str | None]]:
    """Each topic of a mention, with what was said and found about it."""
    labels = {target.topic: target.label for target in mention.targets}
    seen: set[str] = set()
    for match in mention.matches:
        if match.topic in seen:
            continue
        seen.add(match.topic)
        marked = None
        if match.relevance is not None and match.relevance.marked_by is not None:
            marked = "relevant" if match.relevance.score else "irrelevant"
        yield {"name": match.topic, "marked": marked, "label": labels.get(match.topic)}


def _history(mention: EnrichedMention, lang: Lang) -> Iterator[dict[str, Any]]:
    """What people said of a mention, who and when, and how it is taken back."""
    for name in dict.fromkeys(match.topic for match in mention.matches):
        found = next(match.relevance for match in mention.matches if match.topic == name)
        if found is not None and found.marked_by is not None:
            verdict = "relevant" if found.score else "irrelevant"
            yield {
                "what": f"{name}: {_button(verdict, lang)}",
                "by": found.marked_by,
                "at": found.marked_at,
                "undo": [WITHDRAWN, name, None, "relevance"],
            }
    for one in mention.amendments:
        verdict = one.value or ("no-entity" if one.part == "entity" else "not-about")
        if one.part == "topic" and one.value:
            verdict = "about"
        now = f"{one.name or TEXTS['text_tone'][lang]}: {_button(verdict, lang)}"
        before = _button(one.before, lang) if one.before else None
        yield {
            "what": f"{now} ({TEXTS['was'][lang]}: {before or TEXTS['none'][lang]})"
            + (f": {one.note}" if one.note else ""),
            "by": one.by,
            "at": one.at,
            "undo": [
                WITHDRAWN,
                one.name if one.part in {"target", "topic"} else None,
                one.name if one.part == "entity" else None,
                one.part,
            ],
        }
