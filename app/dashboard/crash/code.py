"""Source in colours: a lexer of Pygments by language, its tokens as a few kinds; remembered."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Literal, Name, _TokenType, is_token_subtype

#: Longest text that is coloured; what is longer is shown plain.
MOST_CHARS = 4_000

_LEXERS = {
    "python": "python",
    "node": "javascript",
    "javascript": "javascript",
    "go": "go",
    "java": "java",
    "ruby": "ruby",
    "php": "php",
    "dart": "dart",
    "dotnet": "csharp",
    "apple": "swift",
    "rust": "rust",
    "native": "cpp",
}

#: Kinds of tokens by the class they have on a page; the first that holds a token counts.
_KINDS: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (Literal.String, "s"),
    (Literal.Number, "n"),
    (Keyword, "k"),
    (Name.Function, "f"),
    (Name.Class, "f"),
)


class Piece(NamedTuple):
    """Text of one kind; empty for what is plain."""

    kind: str
    text: str


@lru_cache(maxsize=2048)
def coloured(platform: str, text: str) -> tuple[Piece, ...]:
    """A piece of source by its kinds; the texts put together are the source."""
    lexer = _lexer(platform) if len(text) <= MOST_CHARS else None
    if lexer is None:
        return (Piece("", text),)
    pieces: list[Piece] = []
    for token, value in lexer.get_tokens(text):
        kind = next((kind for known, kind in _KINDS if is_token_subtype(token, known)), "")
        if pieces and pieces[-1].kind == kind:
            pieces[-1] = Piece(kind, pieces[-1].text + value)
        else:
            pieces.append(Piece(kind, value))
    found = "".join(piece.text for piece in pieces)
    return tuple(pieces) if found == text else (Piece("", text),)


@lru_cache(maxsize=32)
def _lexer(platform: str) -> Lexer | None:
    name = _LEXERS.get(platform)
    return None if name is None else get_lexer_by_name(name, stripnl=False, ensurenl=False)
