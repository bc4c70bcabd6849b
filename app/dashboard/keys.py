"""The single keys of pages: what they do, for the help. The script and the templates bind them."""

from __future__ import annotations

KEYS: tuple[tuple[str, str], ...] = (
    ("/", "search"),
    ("?", "the keys"),
    ("j k", "next, previous row"),
    ("Enter", "open"),
    ("x", "select the row"),
    ("e", "resolve"),
    ("i", "ignore"),
    ("p", "replay"),
    ("t", "dry run"),
    ("u", "undo"),
    ("[ ]", "newer, older occurrence"),
    ("c", "copy the stack"),
    ("y", "copy the link"),
    ("r", "refresh on, off"),
)
