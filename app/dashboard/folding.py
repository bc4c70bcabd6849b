"""JSON as a tree that folds: bounded, whatever an event holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

MOST_NODES = 400
MOST_DEPTH = 12
_OPEN_LEVELS = 1
_OPEN_ITEMS = 20

Kind = Literal["text", "number", "word", "object", "list", "cut"]


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its key. ``children`` are those of an object or a list, of which ``hidden``
    more are not here; ``size`` is how many there are in all. ``open`` ones start unfolded.
    """

    key: str | None
    kind: Kind
    value: Any = None
    children: tuple[Node, ...] = ()
    size: int = 0
    hidden: int = 0
    open: bool = False


class _Folding:
    def __init__(self, most: int) -> None:
        self._left = most

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
            return Node(key, "text", value)
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
            if self._left <= 0:
                break
            children.append(self.node(name, item, depth + 1))
        is_open = depth < _OPEN_LEVELS and size <= _OPEN_ITEMS
        return Node(key, kind, None, tuple(children), size, size - len(children), is_open)


def fold(value: Any, most: int = MOST_NODES) -> Node:
    """A JSON value as a tree of at most about ``most`` nodes; what is left out is counted."""
    return _Folding(most).node(None, value, 0)
