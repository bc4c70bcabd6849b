"""The query language of search: words, "phrases", key:value, and - before what must not match.

A grammar parses it and :mod:`storage.search.compile` builds query objects from it; text that a
person typed never reaches the server's own query language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from events.text import storable
from storage.search.mappings import query_keys

MAX_QUERY_CHARS = 1000
MAX_TERMS = 30

_GRAMMAR = r"""
query: term*
term: NOT? KEY? (PHRASE | WORD)

NOT.3: /-(?=\S)/
KEY.2: /[A-Za-z_]+:(?=\S)/
PHRASE: /"(\\.|[^"\\])*"/s
WORD: /[^\s"]+/

%ignore /\s+/
"""
_PARSER = Lark(_GRAMMAR, start="query", parser="lalr", lexer="contextual")

#: After an unknown ``name:`` these show text that was pasted: a URL, a path, ``std::vector``.
_PASTED_AFTER_COLON = ("/", "\\", ":")


class QueryError(ValueError):
    """A query that cannot be understood: why, and at which character (from 0)."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. ``key`` is null for free words. ``prefix``: the value ended in ``*``; an
    empty prefix asks for any value.
    """

    key: str | None
    value: str
    negated: bool = False
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """Conditions that must all hold."""

    terms: tuple[Term, ...]


def parse_query(text: str) -> ParsedQuery:
    """Understand a query; raises :class:`QueryError`. An empty one matches everything."""
    if len(text) > MAX_QUERY_CHARS:
        raise QueryError(f"a query has at most {MAX_QUERY_CHARS} characters", MAX_QUERY_CHARS)
    try:
        tree = _PARSER.parse(storable(text))
    except UnexpectedInput as exc:
        raise _syntax_error(text, exc) from None
    terms = tuple(_terms(tree))
    return ParsedQuery(terms)


def _syntax_error(text: str, exc: UnexpectedInput) -> QueryError:
    position = exc.pos_in_stream if exc.pos_in_stream is not None else len(text)
    if text[position : position + 1] == '"':
        return QueryError('the quotation mark is not closed; write \\" to search for one', position)
    return QueryError("a value must follow here", min(max(position, 0), len(text)))


def _terms(tree: Tree[Token]) -> Iterator[Term]:
    for count, node in enumerate(tree.children):
        assert isinstance(node, Tree)  # noqa: S101 - the grammar has only terms below a query
        tokens = {token.type: token for token in node.children if isinstance(token, Token)}
        if count >= MAX_TERMS:
            start = min(token.start_pos or 0 for token in tokens.values())
            raise QueryError(f"a query has at most {MAX_TERMS} conditions", start)
        yield _term(tokens)


def _term(tokens: dict[str, Token]) -> Term:
    negated = "NOT" in tokens
    phrase = tokens.get("PHRASE")
    if phrase is not None:
        value = re.sub(r"\\(.)", r"\1", phrase[1:-1], flags=re.DOTALL)
        return Term(_known(tokens.get("KEY")), value, negated)
    word = tokens["WORD"]
    key = tokens.get("KEY")
    if key is not None and _is_pasted(key, word):
        return Term(None, f"{key}{word}", negated)
    if key is None and word.endswith(":") and word[:-1].lower() in query_keys():
        raise QueryError(f"{word} needs a value right after it", word.start_pos or 0)
    prefix = word.endswith("*") and (key is not None or len(word) > 1)
    value = word[:-1] if prefix else str(word)
    name = _known(key)
    if name is not None and "*" in value:
        message = "* stands at the end of a value only; quote the value to search for the text"
        raise QueryError(message, (word.start_pos or 0) + value.index("*"))
    return Term(name, value, negated, prefix)


def _is_pasted(key: Token, word: Token) -> bool:
    return key[:-1].lower() not in query_keys() and word.startswith(_PASTED_AFTER_COLON)


def _known(key: Token | None) -> str | None:
    if key is None:
        return None
    name = key[:-1].lower()
    if name not in query_keys():
        known = ", ".join(sorted(query_keys()))
        message = f"unknown key {key[:-1]!r}; there are {known}. Quote it to search for the text"
        raise QueryError(message, key.start_pos or 0)
    return name
