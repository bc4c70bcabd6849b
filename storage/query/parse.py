"""The query language: words, "phrases", key:value, comparisons, and - or ! before what must not be.

A grammar parses it. :mod:`storage.search.compile` builds query objects from the outcome, and
:mod:`storage.sql.group_filter` parameterised SQL; text that a person typed never reaches a server's
own query language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from events.text import storable
from storage.query import spans
from storage.query.keys import QueryKey, Side, key_names, key_of, known_keys
from storage.query.spans import Span

MAX_QUERY_CHARS = 1000
MAX_TERMS = 30

_GRAMMAR = r"""
query: term*
term: NOT? KEY (PHRASE | RANGE | WORD)
    | NOT? (PHRASE | WORD)

NOT.4: /-(?=\S)|!(?=%(key)s)/
KEY.3: /%(key)s/
PHRASE: /"(\\.|[^"\\])*"/s
RANGE.2: /\[[^\[\]",]*,[^\[\]",]*\](?=\s|$)/
WORD: /[^\s"]+/

%%ignore /\s+/
"""
_KEY = r"(?:(?:%s)\.[^\s\":]+|[A-Za-z_]+):(?=\S)"

#: After an unknown ``name:`` these show text that was pasted: a URL, a path, ``std::vector``.
_PASTED_AFTER_COLON = ("/", "\\", ":")

_HAS = "has"

#: Keys whose values are text, or versions that are compared.
_VERSIONS = frozenset({"version", "introduced"})


class QueryError(ValueError):
    """A query that cannot be understood: why, and at which character (from 0)."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. ``key`` is null for free words, and the whole path for one that goes on after
    a dot. ``prefix``: the value ended in ``*``; an empty prefix asks for any value. ``span`` is
    what a value that is compared asks for.
    """

    key: str | None
    value: str
    negated: bool = False
    prefix: bool = False
    span: Span | None = None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """Conditions that must all hold."""

    terms: tuple[Term, ...]

    def parts(self) -> tuple[ParsedQuery, ParsedQuery]:
        """What the list of groups answers itself, and what must be searched for."""
        own: list[Term] = []
        searched: list[Term] = []
        for term in self.terms:
            key = None if term.key is None else key_of(term.key)
            (own if key is None or key.groups else searched).append(term)
        return ParsedQuery(tuple(own)), ParsedQuery(tuple(searched))


def quoted(value: str) -> str:
    """A value as a query has it, whatever it holds."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse_query(text: str, side: Side = "events") -> ParsedQuery:
    """Understand a query; raises :class:`QueryError`. An empty one matches everything."""
    if len(text) > MAX_QUERY_CHARS:
        raise QueryError(f"a query has at most {MAX_QUERY_CHARS} characters", MAX_QUERY_CHARS)
    try:
        tree = _parser().parse(storable(text))
    except UnexpectedInput as exc:
        raise _syntax_error(text, exc) from None
    return ParsedQuery(tuple(_terms(tree, side)))


@cache
def _parser() -> Lark:
    roots = "|".join(sorted(name for name, key in known_keys().items() if key.open))
    grammar = _GRAMMAR % {"key": _KEY % f"(?i:{roots})"}
    return Lark(grammar, start="query", parser="lalr", lexer="contextual")


def _syntax_error(text: str, exc: UnexpectedInput) -> QueryError:
    position = exc.pos_in_stream if exc.pos_in_stream is not None else len(text)
    if text[position : position + 1] == '"':
        return QueryError('the quotation mark is not closed; write \\" to search for one', position)
    return QueryError("a value must follow here", min(max(position, 0), len(text)))


def _terms(tree: Tree[Token], side: Side) -> Iterator[Term]:
    for count, node in enumerate(tree.children):
        assert isinstance(node, Tree)  # noqa: S101 - the grammar has only terms below a query
        tokens = {token.type: token for token in node.children if isinstance(token, Token)}
        start = min(token.start_pos or 0 for token in tokens.values())
        if count >= MAX_TERMS:
            raise QueryError(f"a query has at most {MAX_TERMS} conditions", start)
        yield _term(tokens, start, side)


def _term(tokens: dict[str, Token], start: int, side: Side) -> Term:
    key = tokens.get("KEY")
    value = next(tokens[kind] for kind in ("PHRASE", "RANGE", "WORD") if kind in tokens)
    sign = str(tokens.get("NOT", ""))
    if key is None:
        return _free(value, bool(sign), start)
    if _is_pasted(key, value):
        text = f"{key}{value}" if sign == "-" else f"{sign}{key}{value}"
        return Term(None, text, sign == "-", position=start)
    if key[:-1].lower() == _HAS:
        return _has(value, bool(sign), start, side)
    return _keyed(key, value, bool(sign), start, side)


def _keyed(key: Token, value: Token, negated: bool, start: int, side: Side) -> Term:
    known = _known(key[:-1], key.start_pos or 0, side)
    name = known.named(key[:-1])
    if known.choices:
        return Term(name, _chosen(known, value), negated, position=start)
    read = known.read
    if known.name in _VERSIONS and value.type != "PHRASE" and spans.is_compared(value):
        read = spans.versions
    if read is not None:
        return Term(name, str(value), negated, span=_read(read, value), position=start)
    text, prefix = _text(value)
    return Term(name, text, negated, prefix, position=start)


def _free(value: Token, negated: bool, start: int) -> Term:
    if value.type == "PHRASE":
        return Term(None, _unquoted(value), negated, position=start)
    if value.endswith(":") and value[:-1].lower() in known_keys():
        raise QueryError(f"{value} needs a value right after it", value.start_pos or 0)
    prefix = value.endswith("*") and len(value) > 1
    return Term(None, value[:-1] if prefix else str(value), negated, prefix, position=start)


def _text(value: Token) -> tuple[str, bool]:
    """What a key's value says, and whether it goes on."""
    if value.type == "PHRASE":
        return _unquoted(value), False
    prefix = value.endswith("*")
    text = value[:-1] if prefix else str(value)
    if "*" in text:
        message = "* stands at the end of a value only; quote the value to search for the text"
        raise QueryError(message, (value.start_pos or 0) + text.index("*"))
    return text, prefix


def _has(value: Token, negated: bool, start: int, side: Side) -> Term:
    """``has:key`` asks for any value of a key."""
    name, position = _said(value), value.start_pos or 0
    key = _known(name, position, side)
    if key.read is not None or key.choices:
        raise QueryError(f"every event and group has {key.name}", position)
    return Term(key.named(name), "", negated, prefix=True, position=start)


def _chosen(key: QueryKey, value: Token) -> str:
    text = _said(value).lower()
    if text not in key.choices:
        message = f"{key.name} knows {', '.join(key.choices)}"
        raise QueryError(message, value.start_pos or 0)
    return text


def _read(read: Callable[[str], Span], value: Token) -> Span:
    try:
        return read(_said(value))
    except (ValueError, OverflowError) as exc:
        raise QueryError(str(exc), value.start_pos or 0) from None


def _said(value: Token) -> str:
    return _unquoted(value) if value.type == "PHRASE" else str(value)


def _unquoted(phrase: Token) -> str:
    return re.sub(r"\\(.)", r"\1", phrase[1:-1], flags=re.DOTALL)


def _is_pasted(key: Token, value: Token) -> bool:
    known = key[:-1].partition(".")[0].lower() in known_keys() or key[:-1].lower() == _HAS
    return not known and value.type == "WORD" and value.startswith(_PASTED_AFTER_COLON)


def _known(name: str, position: int, side: Side) -> QueryKey:
    """The key of a name; raises :class:`QueryError` for one that this side does not know."""
    try:
        key = key_of(name)
    except KeyError:
        raise _unknown(name, position, side) from None
    if side == "events" and not key.events:
        raise QueryError(
            f"{key.name} is asked of groups, in their list; a search of events does not know it",
            position,
        )
    return key


def _unknown(name: str, position: int, side: Side) -> QueryError:
    known = ", ".join([*key_names(side), _HAS])
    if (key := known_keys().get(name.lower())) is not None and key.open:
        message = f"{name} needs a name after a dot, as in {key.name}.browser:firefox"
    else:
        message = f"unknown key {name!r}; there are {known}. Quote it to search for the text"
    return QueryError(message, position)
