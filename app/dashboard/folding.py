"""JSON as a tree that folds: bounded, whatever an event holds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.dashboard.room import Room
from app.dashboard.text import MOST_CHARS
from events.redact.matches import MARKER

MOST_NODES = 400
MOST_BYTES = 40_000
MOST_DEPTH = 12
_OPEN_LEVELS = 1
_OPEN_ITEMS = 20
_SCRUBBED = MARKER.decode()
_BRIEF = 300
_SHARES = 20
_AROUND = 130
"""Bytes of markup around a value."""

Kind = Literal["text", "number", "word", "object", "list", "cut", "scrubbed"]
RuleOf = Callable[[str], str]
"""The redaction rule that blanks a field of a name; empty when it cannot be told."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its key. ``children`` are those of an object or a list, of which ``hidden``
    more are not here; ``size`` is how many there are in all. ``open`` ones start unfolded. Of a
    text so many characters are hidden. A ``scrubbed`` one was blanked by a redaction rule, which
    is its value.
    """

    key: str | None
    kind: Kind
    value: Any = None
    children: tuple[Node, ...] = ()
    size: int = 0
    hidden: int = 0
    open: bool = False


def no_rule(_name: str) -> str:
    """Tells no rule."""
    return ""


class _Folding:
    def __init__(self, most: int, rule_of: RuleOf, room: Room) -> None:
        self._left = most
        self._rule_of = rule_of
        self._room = room

    def node(self, key: str | None, value: Any, depth: int) -> Node:
        self._left -= 1
        if isinstance(value, Mapping):
            return self._branch(
                key, "object", ((str(k), v) for k, v in value.items()), value, depth
            )
        if isinstance(value, list | tuple):
            return self._branch(
                key, "list", ((str(n), v) for n, v in enumerate(value)), value, depth
            )
        if isinstance(value, str):
            if value == _SCRUBBED:
                return Node(key, "scrubbed", self._rule_of(key or ""))
            # No value takes all the room from those after it.
            most = min(MOST_CHARS, max(_BRIEF, self._room.size // _SHARES))
            shown, hidden = self._room.capped(value[:most], _BRIEF)
            return Node(key, "text", shown, hidden=hidden + len(value[most:]))
        if value is None or isinstance(value, bool):
            return Node(key, "word", {None: "null", True: "true", False: "false"}[value])
        return Node(key, "number", value)

    def _branch(
        self, key: str | None, kind: Kind, items: Iterator[tuple[str, Any]], whole: Any, depth: int
    ) -> Node:
        size = len(whole)
        if depth >= MOST_DEPTH and size:
            return Node(key, "cut", size=size, hidden=size)
        children = []
        for name, item in items:
            if self._left <= 0 or not self._room.take(name[:_BRIEF], around=_AROUND):
                break
            children.append(self.node(name, item, depth + 1))
        is_open = depth < _OPEN_LEVELS and size <= _OPEN_ITEMS
        return Node(key, kind, None, tuple(children), size, size - len(children), is_open)


def unfold(node: Node) -> Any:
    """A tree as a JSON value again, without what was left out."""
    if node.kind == "object":
        return {child.key: unfold(child) for child in node.children}
    if node.kind == "list":
        return [unfold(child) for child in node.children]
    if node.kind == "word":
        return {"null": None, "true": True, "false": False}[node.value]
    if node.kind == "cut":
        return "…"
    return _SCRUBBED if node.kind == "scrubbed" else node.value


def fold(
    value: Any, most: int = MOST_NODES, rule_of: RuleOf = no_rule, room: Room | None = None
) -> Node:
    """A JSON value as a tree of at most about ``most`` nodes that takes no more than the ``room``;
    what is left out is counted.
    """
    return _Folding(most, rule_of, room or Room(MOST_BYTES)).node(None, value, 0)
