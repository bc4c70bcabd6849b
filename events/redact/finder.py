"""What some rules look for, compiled; and where in an event a closer look is worth while."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from events.redact.engine import any_of, compiled
from events.redact.matches import MARKER
from events.redact.names import Names, name_hints
from events.redact.patterns import KnownKey, own_keys, patterns
from events.redact.rules import Rules

# Letters, digits and what names and addresses have beside them, written as escapes, which no
# encoder does: whoever does may hide a name from the other hints.
_ESCAPES = r"\\u00(?:[46][1-9a-f]|[57][0-9a]|3[0-9]|2[de]|40|5f)"
_MOST_HITS = 500
#: Most different rules that are kept compiled: most projects have the defaults, and share them.
_KEPT = 16


class Hits:
    """Positions of an event at which a hint matched; null stands for anywhere."""

    def __init__(self, positions: list[int] | None) -> None:
        self._positions = positions

    def near(self, start: int, end: int) -> bool:
        """Whether bytes from ``start`` to ``end``, or the one before, deserve a closer look."""
        if self._positions is None:
            return True
        at = bisect_left(self._positions, start - 1)
        return at < len(self._positions) and self._positions[at] < end


class _Shared:
    """What all projects of the same rules have in common."""

    def __init__(self, rules: Rules) -> None:
        self.names = Names(rules)
        self.patterns = patterns(rules)
        values = [pattern.hint for pattern in self.patterns]
        in_messages = [pattern.message_hint or pattern.hint for pattern in self.patterns]
        self.hint = compiled(f"(?i){any_of([*name_hints(rules), *values, _ESCAPES])}")
        self.message_hint = compiled(f"(?i){any_of([*name_hints(rules), *in_messages, _ESCAPES])}")
        self.value_hint = compiled(f"(?i){any_of(values)}")


_shared = lru_cache(maxsize=_KEPT)(_Shared)


class Finder:
    """The names and patterns of a project's rules and keys. Not for several threads at once."""

    def __init__(self, rules: Rules, keys: Iterable[KnownKey] = ()) -> None:
        self._shared = _shared(rules)
        self.names = self._shared.names
        own = own_keys(rules, keys)
        self.patterns = [*self._shared.patterns, *([own] if own else [])]
        self._prefixes = [prefix.encode() for prefix in own.prefixes] if own else []

    def may_match(self, body: bytes, *, message: bool = False) -> bool:
        """Whether a closer look at an event is worth while; false is certain. The fast way.

        ``message``: the body is a protobuf message.
        """
        hint = self._shared.message_hint if message else self._shared.hint
        return hint.search(body) is not None or MARKER in body or self._has_prefix(body)

    def may_have_value(self, text: bytes) -> bool:
        """Whether one of the patterns may match a text; false is certain."""
        return self._shared.value_hint.search(text) is not None or self._has_prefix(text)

    def hits(self, body: bytes) -> Hits:
        """Where to look closer; anywhere, when that is at very many places."""
        hints = (hit.start() for hit in self._shared.hint.finditer(body))
        found = list(islice(hints, _MOST_HITS + 1))
        for prefix in self._prefixes:
            found += islice(_positions(body, prefix), _MOST_HITS + 1)
        return Hits(sorted(found) if len(found) <= _MOST_HITS else None)

    def _has_prefix(self, body: bytes) -> bool:
        return any(prefix in body for prefix in self._prefixes)


def _positions(body: bytes, part: bytes) -> Iterator[int]:
    at = body.find(part)
    while at >= 0:
        yield at
        at = body.find(part, at + 1)
