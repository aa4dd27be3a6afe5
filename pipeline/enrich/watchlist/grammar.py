"""The query language: a query in, its tree out, or the mistake in it.

::

    Bahn                     the word, whatever its capitals, accents and umlaut spelling
    "Deutsche Bahn"          these words in this order, with no other word between
    #bahn  @DB_Bahn          the hashtag, the handle
    Bahn*  *bahn  M?ller     any letters, one letter; within a word
    a AND b   a b            both; binds stronger than OR
    a OR b                   one of them
    a AND NOT b              a without b
    a NEAR/5 b               at most 5 words between them; binds stronger than AND
    a BEFORE/5 b             the same, and a stands first
    SAP[case]                options: case, accents, forms, compound
    channel:review           fields; channel:(news OR blog), rating:<3, followers:1000..5000
    $streik                  a query with a name, from [queries]

Every part is bounded: length, nesting, number of terms, wildcards in a word, distance. There is no
regular expression of the analyst's, so none can take more than linear time.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Final, get_args

from pipeline.advice import nearest
from pipeline.enrich.watchlist.mistakes import Mistake
from pipeline.enrich.watchlist.spelling import WILD_WORDS, WORDS, tidy
from pipeline.enrich.watchlist.tree import All, Any, Field, Near, Node, Not, Options, Term
from schemas.mention import Channel

if TYPE_CHECKING:
    from lark import Lark, Token, Tree, UnexpectedToken

__all__ = ["FIELDS", "LONGEST", "is_signed", "literal", "parse"]

LONGEST: Final = 10_000
"""Characters of a query."""
_MOST_TERMS: Final = 5_000
_DEEPEST: Final = 15
"""Parentheses inside each other."""
_TALLEST: Final = 60
"""Operators inside each other; of a whole query with the named ones written out, 100."""
_MOST_REFERENCES: Final = 5
"""Named queries inside each other."""
_FARTHEST: Final = 100
_MOST_WILD: Final = 4
_LEAST_LETTERS: Final = 3

FIELDS: Final[Mapping[str, str]] = {
    "lang": "lang:de",
    "source": "source:news-feeds",
    "channel": "channel:(news OR blog)",
    "author": "author:DB_Bahn",
    "site": "site:bahn.de",
    "url": "url:/presse/",
    "rating": "rating:<3",
    "followers": "followers:>10000",
}
"""The fields there are, with an example of each."""
_NUMBERS: Final = frozenset({"rating", "followers"})
_CHANNELS: Final = get_args(Channel)

_GRAMMAR: Final = r"""
    ?start: either
    ?either: both (OR both)*
    ?both: unless (AND? unless)*
    ?unless: NOT unless -> without
           | near
    ?near: atom
         | near NEAR atom
    ?atom: "(" either ")"
         | WORD | PHRASE | FIELD | REFERENCE

    OR.3: /OR(?![^\s()])/
    AND.3: /AND(?![^\s()])/
    NOT.3: /NOT(?![^\s()])/
    NEAR.3: /(?:NEAR|BEFORE)(?:\/\S*)?(?![^\s()])/
    FIELD.2: /[A-Za-z_]+:(?:"[^"]*"|\([^()]*\)|[^\s()"]*)/
    REFERENCE.2: /\$[\w-]+/
    PHRASE: /"(?:\\.|[^"\\])*"(?:\[[^\[\]]*\])?/
    WORD: /[^\s()"\[\]:\\$][^\s()"\[\]:\\]*(?:\[[^\[\]]*\])?/
    %ignore /\s+/
"""

_OPERATORS: Final = {
    "and": "AND", "und": "AND", "or": "OR", "oder": "OR", "not": "NOT", "nicht": "NOT",
}  # fmt: skip
_QUOTES: Final = str.maketrans(dict.fromkeys("\u201e\u201c\u201d\u00ab\u00bb", '"'))
_OPTIONS: Final = re.compile(r"(.*?)(?:\[([^\[\]]*)\])?", re.DOTALL)
_RANGE: Final = re.compile(
    r"(?P<sign><=|>=|<|>|)(?P<one>\d+(?:\.\d+)?)|(?P<low>\d+(?:\.\d+)?)\.\.(?P<high>\d+(?:\.\d+)?)"
)
_VALUES: Final = re.compile(r'"([^"]*)"|([^\s"]+)')
_LAST_OPERATOR: Final = re.compile(r"(?:\A|[\s()])(AND|OR|NOT|(?:NEAR|BEFORE)(?:/\S*)?)\s*\Z")
_BRACKETED: Final = re.compile(r"([a-z]+):(\[)[^\]]*\Z")
_BARE: Final = re.compile(r"[\w\s'\u2019\u2010\u2011-]*\w[\w\s'\u2019\u2010\u2011-]*")
_RUNS: Final = re.compile(r"[*?\W]+")


@cache
def _parser() -> "Lark":
    from lark import Lark  # noqa: PLC0415 - takes 0.1 s, and terms need no parser

    return Lark(_GRAMMAR, parser="lalr", lexer="basic")


def literal(term: str) -> Term:
    """A term that is to be found as it stands, none of its signs meaning anything.

    Raises:
        Mistake: there is nothing in it to look for.
    """
    text = tidy(term)
    if not text:
        raise Mistake(term, 0, "no_words", found=repr(term))
    return Term(text, term, 0)


def parse(query: str, named: Mapping[str, str] | None = None) -> Node:
    """Read a query.

    Args:
        query: in the language described above.
        named: queries that it may refer to.

    Raises:
        Mistake: it cannot be understood, or asks for too much.
    """
    return _Reader(named or {}).read(query)


class _Reader:
    """Reads one query and the named ones it refers to, each once."""

    def __init__(self, named: Mapping[str, str]) -> None:
        self._named = named
        self._open: list[str] = []
        self._known: dict[str, Node] = {}
        self._query = ""

    def read(self, query: str) -> Node:
        """The tree of a query."""
        node = self._read(query)
        if (position := _unbound(node)) is not None:
            raise self._mistake(position, "negative")
        return node

    def _read(self, query: str) -> Node:
        from lark import UnexpectedCharacters, UnexpectedToken  # noqa: PLC0415 - as above

        outer, self._query = self._query, query
        if not query.strip():
            raise self._mistake(0, "empty")
        if len(query) > LONGEST:
            raise self._mistake(LONGEST, "long", most=LONGEST)
        self._query = query = query.translate(_QUOTES)
        self._check_nesting(query)
        try:
            parsed = _parser().parse(query)
        except UnexpectedCharacters as error:
            raise self._unreadable(int(error.pos_in_stream or 0)) from None
        except UnexpectedToken as error:
            raise self._unexpected(error) from None
        if _height(parsed) > _TALLEST:
            raise self._mistake(0, "deep", most=_TALLEST)
        node = self._node(parsed)
        # Named queries are checked one by one, so that no chain of them can grow without bound.
        if _size(node) > _MOST_TERMS:
            raise self._mistake(0, "large", most=_MOST_TERMS)
        self._query = outer or query
        return node

    def _mistake(
        self, position: int, code: str, near: str | None = None, **facts: object
    ) -> Mistake:
        return Mistake(self._query, position, code, near=near, **facts)

    def _check_nesting(self, query: str) -> None:
        depth = 0
        for position, sign in _signs(query):
            depth += 1 if sign == "(" else -1
            if depth > _DEEPEST:
                raise self._mistake(position, "deep", most=_DEEPEST)

    def _unreadable(self, position: int) -> Mistake:
        found = self._query[position]
        if found == "]" and (bracket := _BRACKETED.search(self._query, 0, position)):
            return self._mistake(bracket.start(2), "range", field=bracket[1])
        return self._mistake(position, "open_quote" if found == '"' else "character", found=found)

    def _unexpected(self, error: "UnexpectedToken") -> Mistake:
        token = error.token
        opened: list[int] = []
        for position, sign in _signs(self._query):
            if sign == "(":
                opened.append(position)
            elif opened:
                opened.pop()
            else:
                return self._mistake(position, "close_parenthesis")
        if token.type == "$END":
            if last := _LAST_OPERATOR.search(self._query):
                return self._mistake(last.start(1), "operand_end", operator=last[1])
            return self._mistake(opened[-1] if opened else 0, "open_parenthesis")
        code = "operand" if token.type in {"AND", "OR", "NEAR", "RPAR"} else "unexpected"
        return self._mistake(int(token.start_pos or 0), code, found=str(token))

    def _node(self, tree: "Tree[Token] | Token") -> Node:
        if isinstance(tree, str):
            return self._leaf(tree)
        parts = tree.children
        if tree.data == "without":
            return Not(self._node(parts[1]))
        if tree.data == "near":
            left, operator, right = parts
            assert isinstance(operator, str)  # noqa: S101 - the grammar says so
            return self._near(self._node(left), operator, self._node(right))
        kept = tuple(
            self._node(part)
            for part in parts
            if not (isinstance(part, str) and part.type in {"AND", "OR"})
        )
        return Any(kept) if tree.data == "either" else All(kept)

    def _leaf(self, token: "Token") -> Node:
        at = int(token.start_pos or 0)
        match token.type:
            case "FIELD":
                return self._field(str(token), at)
            case "REFERENCE":
                return self._reference(str(token), at)
            case "PHRASE":
                return self._term(token, at, quoted=True)
            case _:
                return self._term(token, at, quoted=False)

    def _near(self, left: Node, operator: "Token", right: Node) -> Near:
        name, _, count = operator.partition("/")
        at = int(operator.start_pos or 0)
        if not count.isdecimal() or int(count) > _FARTHEST:
            raise self._mistake(at, "near", most=_FARTHEST)
        if not (_has_places(left) and _has_places(right)):
            raise self._mistake(at, "near_part")
        return Near(left, right, int(count), ordered=name == "BEFORE")

    def _term(self, token: "Token", at: int, *, quoted: bool) -> Term:
        found = _OPTIONS.fullmatch(token)
        assert found is not None  # noqa: S101 - it matches anything
        body, options = found[1], self._options(found[2], at + len(found[1]) + 1)
        if quoted:
            text = tidy(re.sub(r"\\(.)", r"\1", body[1:-1]))
        else:
            text = tidy(body)
            if operator := _OPERATORS.get(text.lower()):
                raise self._mistake(at, "operator", operator=operator, found=text)
        term = Term(text, str(token), at, options, wild="*" in text or "?" in text)
        self._check_term(term)
        return term

    def _check_term(self, term: Term) -> None:
        at, text, options = term.position, term.text, term.options
        if not text.replace("*", "").replace("?", "").strip():
            raise self._mistake(at, "no_words", found=term.written)
        signed = is_signed(term)
        for one, there, others in (
            ("[compound]", options.compound, (options.case and "[case]",
                                              options.accents and "[accents]",
                                              term.wild and "* ?", signed and text)),
            ("[forms]", options.forms, (term.wild and "* ?", signed and text)),
        ):  # fmt: skip
            if there and (other := next(filter(None, others), None)):
                raise self._mistake(at, "option_clash", one=one, other=other)
        if options.compound and any(len(word) < _LEAST_LETTERS for word in WORDS.findall(text)):
            raise self._mistake(at, "words_short", least=_LEAST_LETTERS)
        if term.wild:
            self._check_wildcards(at, text, signed=signed)

    def _check_wildcards(self, at: int, text: str, *, signed: bool) -> None:
        if signed:
            if text.count("*") + text.count("?") > 1 or text[-1] != "*":
                raise self._mistake(at, "wild_sign")
            return
        for word in WILD_WORDS.findall(text):
            wild = word.count("*") + word.count("?")
            if wild > _MOST_WILD:
                raise self._mistake(at, "wild_many", most=_MOST_WILD)
            if wild and max(map(len, _RUNS.split(word))) < _LEAST_LETTERS:
                raise self._mistake(at, "wild_short", least=_LEAST_LETTERS)

    def _options(self, written: str | None, at: int) -> Options:
        known = Options.__struct_fields__
        chosen = re.split(r"[,\s]+", written.strip()) if written is not None else []
        for name in chosen:
            if name not in known:
                near = nearest(name, known)
                listed = ", ".join(known)
                raise self._mistake(at, "option", near, found=f"[{name}]", known=listed)
        return Options(**dict.fromkeys(chosen, True))

    def _field(self, written: str, at: int) -> Field:
        name, _, value = written.partition(":")
        if name not in FIELDS:
            listed = ", ".join(FIELDS)
            near = nearest(name, FIELDS)
            raise self._mistake(at, "field", near, found=name, known=listed, written=written)
        place = at + len(name) + 1
        if value in {"", "()", '""'}:
            raise self._mistake(at, "value_missing", found=f"{name}:", example=FIELDS[name])
        if name in _NUMBERS:
            return self._range(name, value, written, at)
        inner = value[1:-1] if value.startswith("(") else value
        values = tuple(
            (one or other).lower()
            for one, other in _VALUES.findall(inner)
            if other not in {"OR", ","}
        )
        if name == "channel":
            for found in values:
                if found not in _CHANNELS:
                    near, listed = nearest(found, _CHANNELS), ", ".join(_CHANNELS)
                    raise self._mistake(place, "value", near, found=found, field=name, known=listed)
        if name == "lang":
            for found in values:
                if not re.fullmatch("[a-z]{2,3}", found):
                    raise self._mistake(place, "value", found=found, field=name, known="de, en …")
        return Field(name, written, at, values)

    def _range(self, name: str, value: str, written: str, at: int) -> Field:
        found = _RANGE.fullmatch(value)
        if found is None:
            raise self._mistake(at + len(name) + 1, "range", field=name)
        if found["low"]:
            least, most = float(found["low"]), float(found["high"])
            return Field(name, written, at, least=least, most=most)
        number, sign = float(found["one"]), found["sign"]
        return Field(
            name,
            written,
            at,
            least=None if sign.startswith("<") else number,
            most=None if sign.startswith(">") else number,
            open_least=sign == ">",
            open_most=sign == "<",
        )

    def _reference(self, written: str, at: int) -> Node:
        name = written[1:]
        if name not in self._named:
            raise self._mistake(at, "reference", nearest(name, self._named), found=written)
        if name in self._open:
            raise self._mistake(at, "circle", found=written)
        if len(self._open) == _MOST_REFERENCES:
            raise self._mistake(at, "deep", most=_MOST_REFERENCES)
        if name not in self._known:
            self._open.append(name)
            outer = self._query
            try:
                self._known[name] = self._read(self._named[name])
            except Mistake as inner:
                raise Mistake(outer, at, "inner", found=written, inner=inner) from None
            self._open.pop()
            self._query = outer
        return self._known[name]


def is_signed(term: Term) -> bool:
    """Whether a term has signs that count: ``#bahn``, ``C++``, ``bahn.de``.

    Blanks, hyphens and apostrophes only part its words.
    """
    return not _BARE.fullmatch(
        term.text.replace("*", "").replace("?", "") if term.wild else term.text
    )


def _signs(query: str) -> Iterator[tuple[int, str]]:
    """The parentheses of a query, those in quotes and in a field's value left out."""
    for found in re.finditer(r'"(?:\\.|[^"\\])*"|[A-Za-z_]+:\([^()]*\)|[()]', query):
        if found[0] in {"(", ")"}:
            yield found.start(), found[0]


def _height(tree: "Tree[Token] | Token") -> int:
    height, level = 0, [tree]
    while level:
        height += 1
        level = [child for part in level if not isinstance(part, str) for child in part.children]
    return height


def _size(node: Node) -> int:
    match node:
        case Not(part):
            return _size(part)
        case All(parts) | Any(parts):
            return sum(map(_size, parts))
        case Near(left, right):
            return _size(left) + _size(right)
        case _:
            return 1


def _has_places(node: Node) -> bool:
    match node:
        case Term():
            return True
        case Any(parts):
            return all(map(_has_places, parts))
        case Near():
            return True
        case _:
            return False


def _unbound(node: Node) -> int | None:
    """Where a part begins that holds for nearly everything; None where there is none."""
    match node:
        case Not(part):
            return _position(part)
        case All(parts):
            found = [_unbound(part) for part in parts]
            return found[0] if all(place is not None for place in found) else None
        case Any(parts):
            return next((at for at in map(_unbound, parts) if at is not None), None)
        case _:
            return None


def _position(node: Node) -> int:
    match node:
        case Not(part) | Near(part):
            return _position(part)
        case All(parts) | Any(parts):
            return _position(parts[0])
        case _:
            return node.position
