"""Redaction of JSON, token by token: all that is not blanked keeps its bytes.

No parser stands between, so numbers, spaces, repeated names, NaN, broken UTF-8 and nesting of any
depth stay as the client wrote them, and nothing of an event can make this fail or take long.
"""

from __future__ import annotations

import re

import orjson

from events.redact.finder import Finder
from events.redact.levels import Level, path_of
from events.redact.matches import MARKER, Notes
from events.redact.strings import escaped, unescaped
from events.redact.text import redact_text

# Possessive, so that no byte is tried twice; a string may be cut off, as request bodies often are.
_TOKEN = re.compile(
    rb'"((?:[^"\\]++|\\.|\\\Z)*+)(?:"|\Z)(\s*+:)?|([{\[])|([}\]])|(-?[0-9][0-9.eE+-]*+)', re.DOTALL
)
_STRING, _KEY, _OPEN, _CLOSE = 1, 2, 3, 4
_IS_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*+["\[{]')
# Within a string prose is likelier, and may begin with a bracket.
_LOOKS_LIKE_JSON = re.compile(rb'\s*+(?:\{\s*+["}]|\[\s*+["\[\]{0-9-])')
_BLANK = b'"' + MARKER + b'"'

_NAME_KEYS = frozenset({b"name", b"key", b"header"})
_VALUE_KEYS = frozenset({b"value"})
_PAIR_ITEMS = 2
_JSON_IN_STRINGS = 3


def redact_body(body: bytes, finder: Finder, notes: Notes, path: str = "", depth: int = 0) -> bytes:
    """The body, or a string's text, with its matches blanked; the same object without any.

    JSON is read as such, also where it stands in a string of JSON, a few levels deep; all else as
    prose. What only begins like JSON, or was cut off, is read both ways.
    """
    shape = _LOOKS_LIKE_JSON if depth else _IS_JSON
    if depth <= _JSON_IN_STRINGS and shape.match(body):
        made = _Scan(body, finder, notes, path, depth).run()
        if not depth or _parses(body):
            return made
        body = made
    return redact_text(body, finder, lambda rule: notes.add(rule, path))


def _parses(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


class _Scan:
    """One pass over JSON."""

    def __init__(self, body: bytes, finder: Finder, notes: Notes, path: str, depth: int) -> None:
        self._body = body
        self._finder = finder
        self._hits = finder.hits(body)
        self._notes = notes
        self._path = path
        self._depth = depth
        self._levels = [Level(is_object=False, since=-1)]
        self._edits: list[tuple[int, int, bytes]] = []

    def run(self) -> bytes:
        rule = None  # of the name just read
        for token in _TOKEN.finditer(self._body):
            kind = token.lastindex
            if kind == _KEY:
                rule = self._key(token[1])
            elif kind == _STRING:
                self._value(token.span(), token[1], rule)
                rule = None
            elif kind == _OPEN:
                self._levels.append(Level(token[0] == b"{", token.start(), rule))
                rule = None
            elif kind == _CLOSE:
                self._close(token.end())
                rule = None
            else:
                self._value(token.span(), token[0], rule)
                rule = None
        while len(self._levels) > 1:
            self._close(len(self._body))  # cut off
        return self._edited()

    def _key(self, raw: bytes) -> str | None:
        self._levels[-1].key = raw
        name = raw if b"\\" not in raw else unescaped(raw)
        return None if name is None else self._finder.names.rule(name)

    def _value(self, span: tuple[int, int], raw: bytes, rule: str | None) -> None:
        """A string or a number. ``rule`` is that of its name."""
        level = self._levels[-1]
        if rule is not None:
            self._blank(span, rule)
        elif self._hits.near(*span):
            self._look(span, raw)
        self._pair(level, span, raw)
        level.items += 1

    def _look(self, span: tuple[int, int], raw: bytes) -> None:
        is_string = self._body.startswith(b'"', span[0])
        text = unescaped(raw)
        found = raw if text is None else text
        changed = redact_body(found, self._finder, self._notes, self._here(), self._depth + 1)
        if changed is found:
            return
        if text is None or not is_string:
            self._edits.append((*span, _BLANK))
        else:
            self._edits.append((*span, b'"' + escaped(changed, raw) + b'"'))

    def _pair(self, level: Level, span: tuple[int, int], raw: bytes) -> None:
        """Note the name, or the value, of a pair: of an object's, or of an array's in an array."""
        if level.is_object:
            key = level.key.lower()
            is_name, is_value = key in _NAME_KEYS, key in _VALUE_KEYS
        else:
            within = len(self._levels) > _PAIR_ITEMS and not self._levels[-2].is_object
            is_name, is_value = within and level.items == 0, within and level.items == 1
        if is_name:
            level.pair_rule = self._finder.names.rule(unescaped(raw) or b"")
        elif is_value:
            level.pair_value = span

    def _close(self, end: int) -> None:
        if len(self._levels) == 1:
            return
        level = self._levels.pop()
        span = (level.since, end)
        if level.pair_rule and level.pair_value and (level.is_object or level.items == _PAIR_ITEMS):
            self._blank(level.pair_value, level.pair_rule)
        if level.rule is not None and level.items:
            self._blank(span, level.rule)
        outer = self._levels[-1]
        if outer.is_object and outer.key.lower() in _VALUE_KEYS and level.items:
            outer.pair_value = span
        outer.items += 1

    def _blank(self, span: tuple[int, int], rule: str) -> None:
        if self._body[slice(*span)] not in (_BLANK, b'""'):
            self._notes.add(f"name:{rule}", self._here())
            self._edits.append((*span, _BLANK))

    def _here(self) -> str:
        return path_of(self._path, self._levels) if self._notes.wanted else ""

    def _edited(self) -> bytes:
        """The body with its edits; of one within another, the outer counts."""
        if not self._edits:
            return self._body
        parts = []
        done = 0
        for start, end, put in sorted(self._edits, key=lambda edit: (edit[0], -edit[1])):
            if start >= done:
                parts += [self._body[done:start], put]
                done = end
        return b"".join([*parts, self._body[done:]])
