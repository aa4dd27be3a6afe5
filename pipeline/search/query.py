"""Finds mentions by a query in Lucene's syntax.

A bare word is looked for in text and title, and as part of a German compound; all words must occur,
in whichever of them; ``field:value``, ``AND OR NOT``,
``"a phrase"``, ``wild*``, ranges ``author.followers:>1000`` and parentheses do what they do in
Kibana's Lucene mode. ``#tag`` and ``@name`` stand for the fields that hold them.

German has two spellings for four letters (ä ae, ö oe, ü ue, ß ss), and people use both. Only a full
cluster can fold them when it indexes; so that it is found everywhere, a word is asked for in both.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from elasticsearch import BadRequestError, Elasticsearch, helpers
from msgspec import Struct

from pipeline.errors import PipelineError
from pipeline.search.compounds import place_of

__all__ = ["SORTS", "Found", "Hit", "QueryError", "count", "scan", "search", "spellings_of"]

FIELDS: Final = ("text", "text.*", "title", "title.*", "compounds", "compounds.*", "words.*")
SORTS: Final[Mapping[str, list[dict[str, str]]]] = {
    "newest": [{"published_at": "desc"}],
    "oldest": [{"published_at": "asc"}],
    "relevance": [{"_score": "desc"}, {"published_at": "desc"}],
    "resonance": [{"interactions": "desc"}, {"published_at": "desc"}],
    "audience": [{"author.followers": "desc"}, {"published_at": "desc"}],
}
"""What results can be ordered by."""
START, END = "\ufdd0", "\ufdd1"
"""Around what matched, in a snippet: code points that are no characters, so that no text has them
(Elasticsearch trims control characters off a snippet)."""
_SNIPPET: Final = 160
"""Characters of text around a match."""

_PAGE: Final = 1_000  # documents that are fetched at once

# A quoted phrase and a regular expression are left alone; #tag and @name stand by themselves.
_SIGNED: Final = re.compile(r'"(?:\\.|[^"\\])*"|/(?:\\.|[^/\\])+/|(?<![\w:#@\\])([#@])(\w[\w.-]*)')
_COLUMN: Final = re.compile(r"at line \d+, column (\d+)")


# A word by itself, perhaps a beginning: not in quotes, not in a field that is no text.
_WORD: Final = re.compile(
    r'"(?:\\.|[^"\\])*"|/(?:\\.|[^/\\])+/|[\w.]+:(?<!text:)(?<!title:)(?:\([^)]*\)|\[[^\]]*\]|\S+)'
    r"|(?<![\w\\.*?])([^\W\d_]{3,})(\*?)(?![\w.:~*?^])"
)
_UMLAUTS: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}
_FOLD: Final = str.maketrans(_UMLAUTS)
_DIGRAPH: Final = re.compile("ae|oe|ue|ss")
_LETTERS: Final = {pair: letter for letter, pair in _UMLAUTS.items()}
_MOST: Final = 4
"""Digraphs in a word up to which each is taken for an umlaut or not; the rest is left."""


class QueryError(PipelineError):
    """The query can't be understood; the message says where."""


class Hit(Struct, frozen=True):
    """One mention found."""

    source: dict[str, Any]
    """The document: the message's fields and the joined ones."""
    snippet: str
    """The part of the text that matched, with ``START`` and ``END`` around the matching words."""


class Found(Struct, frozen=True):
    """The first of what was found."""

    total: int
    hits: tuple[Hit, ...]


def search(
    client: Elasticsearch,
    alias: str,
    query: str,
    *,
    size: int = 20,
    since: datetime | None = None,
    sort: str = "newest",
) -> Found:
    """Find mentions.

    Args:
        client: a connected client.
        alias: the name over all mentions.
        query: in Lucene's syntax.
        size: most mentions to return, up to 10,000.
        since: only what was said then or later.
        sort: a key of ``SORTS``.

    Raises:
        QueryError: the query can't be understood.
        elasticsearch.ApiError: the request is refused.
        elasticsearch.TransportError: no answer.
    """
    answer = _ask(
        client,
        alias,
        query,
        since,
        size=size,
        sort=SORTS[sort],
        track_total_hits=True,
        highlight={
            "pre_tags": [START],
            "post_tags": [END],
            "require_field_match": False,
            "fields": {
                "text": {
                    "number_of_fragments": 1,
                    "fragment_size": _SNIPPET,
                    "no_match_size": _SNIPPET,
                }
            },
        },
    )
    return Found(
        answer["hits"]["total"]["value"],
        tuple(Hit(hit["_source"], _snippet(hit, query)) for hit in answer["hits"]["hits"]),
    )


def count(
    client: Elasticsearch,
    alias: str,
    query: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """How many mentions there are; raises what ``search`` raises."""
    answer = _ask(client, alias, query, since, until, size=0, track_total_hits=True)
    return int(answer["hits"]["total"]["value"])


def scan(
    client: Elasticsearch,
    alias: str,
    query: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Every document there is, the oldest first; raises what ``search`` raises."""
    hits = helpers.scan(
        client,
        index=alias,
        ignore_unavailable=True,
        query={"query": _matching(_spelt(_signed(query)), since, until), "sort": SORTS["oldest"]},
        preserve_order=True,
        size=_PAGE,
    )
    for hit in hits:
        yield hit["_source"]


def _ask(
    client: Elasticsearch,
    alias: str,
    query: str,
    since: datetime | None,
    until: datetime | None = None,
    **more: Any,  # noqa: ANN401 - the rest of the search body
) -> Mapping[str, Any]:
    written = _spelt(_signed(query))
    try:
        return client.search(
            index=alias,
            ignore_unavailable=True,
            query=_matching(written, since, until),
            **more,
        ).body
    except BadRequestError as error:
        raise QueryError(_explained(error, written)) from error


def _matching(written: str, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    matching = {
        "query_string": {
            "query": written,
            "fields": list(FIELDS),
            "type": "cross_fields",
            "default_operator": "AND",
            "analyze_wildcard": True,
        }
    }
    bounds = {"gte": since, "lt": until}
    said = {name: moment.isoformat() for name, moment in bounds.items() if moment}
    between = [{"range": {"published_at": said}}] if said else []
    return {"bool": {"must": [matching], "filter": between}}


def _snippet(hit: Mapping[str, Any], query: str) -> str:
    """What Elasticsearch marked, or the compound that it found by one of its parts."""
    snippet = str((hit.get("highlight") or {}).get("text", [""])[0])
    if START in snippet or not hit["_source"].get("compounds"):
        return snippet
    asked = {
        spelling.lower()
        for found in _WORD.finditer(query)
        if found[1]
        for spelling in spellings_of(found[1])
    }
    text: str = hit["_source"].get("text", "")
    place = place_of(asked, text)
    if place is None:
        return snippet
    start, end = place
    before, after = text[max(0, start - _SNIPPET // 2) : start], text[end : end + _SNIPPET // 2]
    return f"{before}{START}{text[start:end]}{END}{after}"


def _signed(query: str) -> str:
    def spelt(found: re.Match[str]) -> str:
        sign, name = found.groups()
        if sign == "#":
            return f"hashtags:{name}"
        return f"(handles:{name} OR author.handle:{name})" if sign else found[0]

    return _SIGNED.sub(spelt, query)


def _spelt(query: str) -> str:
    def both(found: re.Match[str]) -> str:
        word, tail = found.groups()
        # AND, OR and NOT are the language's own; they hold no digraph.
        spellings = spellings_of(word) if word else ()
        if len(spellings) < 2:  # noqa: PLR2004 - itself
            return found[0]
        return f"({' OR '.join(spelling + tail for spelling in spellings)})"

    return _WORD.sub(both, query)


def spellings_of(word: str) -> tuple[str, ...]:
    """A word, and how else it may be spelt with and without umlauts, in lower case."""
    folded = word.lower().translate(_FOLD)
    places = [found.span() for found in _DIGRAPH.finditer(folded)][:_MOST]
    spellings = {word: None}
    for chosen in itertools.product((False, True), repeat=len(places)):
        parts, done = [], 0
        for (start, end), umlaut in zip(places, chosen, strict=True):
            parts += [
                folded[done:start],
                _LETTERS[folded[start:end]] if umlaut else folded[start:end],
            ]
            done = end
        spelling = "".join((*parts, folded[done:]))
        if spelling != word.lower():
            spellings[spelling] = None
    return tuple(spellings)


def _explained(error: BadRequestError, query: str) -> str:
    said = _cause(error.body["error"] if isinstance(error.body, Mapping) else {})
    if where := _COLUMN.search(said):
        column = int(where[1])
        rest = query[column : column + 20]
        at = f"at {rest!r}" if rest else "because it ends there"
        return f"the query can't be read from character {column + 1} on, {at}: {query}"
    return f"the query can't be answered: {said.partition(chr(10))[0] or error}"


def _cause(error: Mapping[str, Any]) -> str:
    """The innermost reason."""
    for shard in error.get("failed_shards") or ():
        return _cause(shard["reason"])
    inner = error.get("caused_by")
    return _cause(inner) if inner else str(error.get("reason", ""))
