"""Mistakes in a query: where, what is wrong, what to do; in German or English."""

from typing import Final

from pipeline.advice import Language
from pipeline.errors import ConfigError

__all__ = ["Mistake", "WatchlistError"]

_MESSAGES: Final[dict[str, dict[Language, str]]] = {
    "empty": {
        "en": "the query is empty; write what to look for",
        "de": "die Anfrage ist leer; gesucht wird mindestens ein Wort",
    },
    "long": {
        "en": "the query has more than {most} characters; split the topic",
        "de": "die Anfrage hat mehr als {most} Zeichen; das Thema aufteilen",
    },
    "large": {
        "en": "the query has more than {most} terms, named queries written out; split the topic",
        "de": "die Anfrage hat ausgeschrieben mehr als {most} Begriffe; das Thema aufteilen",
    },
    "deep": {
        "en": "parentheses are nested more than {most} deep; use a named query",
        "de": "mehr als {most} Klammern ineinander; besser eine benannte Anfrage verwenden",
    },
    "open_quote": {
        "en": 'this quotation mark is not closed; add " after the phrase',
        "de": 'dieses Anführungszeichen wird nicht geschlossen; nach der Wortfolge " ergänzen',
    },
    "open_parenthesis": {
        "en": "this parenthesis is not closed; add )",
        "de": "diese Klammer wird nicht geschlossen; ) ergänzen",
    },
    "close_parenthesis": {
        "en": "this parenthesis was never opened; remove it or add ( before",
        "de": "diese Klammer wurde nie geöffnet; entfernen oder vorher ( ergänzen",
    },
    "character": {
        "en": '{found} means nothing here; put the term in quotation marks: "…{found}…"',
        "de": "{found} hat hier keine Bedeutung; den Begriff in Anführungszeichen setzen: "
        '"…{found}…"',
    },
    "operand_end": {
        "en": "after {operator} a term is missing; add one or remove {operator}",
        "de": "nach {operator} fehlt ein Begriff; ergänzen oder {operator} entfernen",
    },
    "operand": {
        "en": "before {found} a term is missing; add one or remove {found}",
        "de": "vor {found} fehlt ein Begriff; ergänzen oder {found} entfernen",
    },
    "unexpected": {
        "en": "{found} cannot stand here",
        "de": "{found} kann hier nicht stehen",
    },
    "operator": {
        "en": 'for the operator write {operator}; for the word itself "{found}"',
        "de": 'als Operator {operator} schreiben, als Wort selbst "{found}"',
    },
    "near": {
        "en": "NEAR and BEFORE take the most words that may stand between, 0 to {most}: NEAR/5",
        "de": "NEAR und BEFORE nennen, wie viele Wörter höchstens dazwischenstehen, 0 bis {most}: "
        "NEAR/5",
    },
    "near_part": {
        "en": "beside NEAR and BEFORE stand words, phrases and (a OR b), nothing else",
        "de": "neben NEAR und BEFORE stehen Wörter, Wortfolgen und (a OR b), sonst nichts",
    },
    "field": {
        "en": "there is no field {found}{nearest}; fields: {known}. For the text itself: "
        '"{written}"',
        "de": "ein Feld {found} gibt es nicht{nearest}; Felder: {known}. Für den Text selbst: "
        '"{written}"',
    },
    "value_missing": {
        "en": "{found} needs a value right after the colon, for instance {example}",
        "de": "{found} braucht direkt nach dem Doppelpunkt einen Wert, zum Beispiel {example}",
    },
    "value": {
        "en": "{found} is no value of {field}{nearest}; values: {known}",
        "de": "{found} ist kein Wert von {field}{nearest}; Werte: {known}",
    },
    "range": {
        "en": "{field} takes a number, a comparison or a range: {field}:3, {field}:<3, "
        "{field}:1..3",
        "de": "{field} nimmt eine Zahl, einen Vergleich oder einen Bereich: {field}:3, {field}:<3, "
        "{field}:1..3",
    },
    "option": {
        "en": "there is no option {found}{nearest}; options: {known}",
        "de": "eine Option {found} gibt es nicht{nearest}; Optionen: {known}",
    },
    "option_clash": {
        "en": "{one} does not go together with {other}; remove one of them",
        "de": "{one} verträgt sich nicht mit {other}; eines von beiden weglassen",
    },
    "wild_short": {
        "en": "a term with * or ? needs {least} letters in a row",
        "de": "ein Begriff mit * oder ? braucht {least} Buchstaben hintereinander",
    },
    "wild_many": {
        "en": "more than {most} of * and ? in one word",
        "de": "mehr als {most} Zeichen * und ? in einem Wort",
    },
    "wild_sign": {
        "en": "in a term with signs such as # @ . + a single * may stand at the end, nothing else",
        "de": "in einem Begriff mit Zeichen wie # @ . + darf nur am Ende ein einzelnes * stehen",
    },
    "words_short": {
        "en": "for compounds a word of {least} letters or more is needed",
        "de": "für Zusammensetzungen braucht es ein Wort mit mindestens {least} Buchstaben",
    },
    "no_words": {
        "en": "there is nothing to look for in {found}",
        "de": "in {found} ist nichts, wonach gesucht werden kann",
    },
    "reference": {
        "en": "there is no named query {found}{nearest}; define it under [queries] in "
        "mentions.toml",
        "de": "eine benannte Anfrage {found} gibt es nicht{nearest}; unter [queries] in "
        "mentions.toml anlegen",
    },
    "circle": {
        "en": "the named query {found} refers to itself",
        "de": "die benannte Anfrage {found} verweist auf sich selbst",
    },
    "inner": {
        "en": "in the named query {found}: {inner}",
        "de": "in der benannten Anfrage {found}: {inner}",
    },
    "negative": {
        "en": "this says only what must not be there, so nearly everything would match; say "
        "with AND "
        "what is looked for: Bahn AND NOT …",
        "de": "hier steht nur, was nicht vorkommen soll, also passte fast alles; mit AND "
        "sagen, was "
        "gesucht wird: Bahn AND NOT …",
    },
}
_NEAREST: Final[dict[Language, str]] = {
    "en": " (did you mean {name}?)",
    "de": " (gemeint war {name}?)",
}
_TOPIC: Final[dict[Language, str]] = {
    "en": "watchlist topic {topic!r}: {mistake}",
    "de": "Watchlist-Thema {topic!r}: {mistake}",
}
_WIDTH: Final = 100
"""Characters of a query that are shown around a mistake."""


class Mistake(Exception):
    """What is wrong in a query, and at which character, counted from 0."""

    def __init__(
        self, query: str, position: int, code: str, *, near: str | None = None, **facts: object
    ) -> None:
        super().__init__(code, position)
        self.code = code
        self.query = query
        self.position = position
        self._near = near
        self._facts = facts

    def message(self, lang: Language) -> str:
        """What is wrong and what to do, in one line."""
        close = _NEAREST[lang].format(name=self._near) if self._near else ""
        facts = {
            name: fact.message(lang) if isinstance(fact, Mistake) else fact
            for name, fact in self._facts.items()
        }
        return _MESSAGES[self.code][lang].format(nearest=close, **facts)

    def shown(self, lang: Language) -> str:
        """The message, the line of the query that it is about, and a caret below the place."""
        inner = self
        while isinstance(next_ := inner._facts.get("inner"), Mistake):
            inner = next_
        return f"{self.message(lang)}\n{inner._line()}"  # noqa: SLF001 - same

    def _line(self) -> str:
        start = self.query.rfind("\n", 0, self.position) + 1
        line = self.query[start:].partition("\n")[0].expandtabs(1)
        column = self.position - start
        left = max(column - _WIDTH // 2, 0)
        shown = line[left : left + _WIDTH]
        return f"  {shown}\n  {' ' * (column - left)}^"


class WatchlistError(ConfigError):
    """A topic's query cannot be understood."""

    def __init__(self, topic: str, mistake: Mistake, lang: Language) -> None:
        super().__init__(_TOPIC[lang].format(topic=topic, mistake=mistake.shown(lang)))
        self.topic = topic
        self.mistake = mistake
