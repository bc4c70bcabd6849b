"""Hostile text made safe to look at; pure. Escaping is Jinja's own, this is about what is seen."""

from __future__ import annotations

import re
from typing import Any

import orjson

MOST_CHARS = 10_000
BRIEF_CHARS = 300
"""What a list shows of a text; the page that it leads to has the whole."""

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, except tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these turn the direction of what follows
    "\u2028\u2029\ufeff\ud800-\udfff]"
)


def _picture(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match.group()):04X}⟩"  # not the symbols of Unicode: many fonts have none


def visible(text: Any, most: int = MOST_CHARS) -> str:
    """Text with every control character shown as its code, and its length bounded."""
    whole = "" if text is None else str(text)
    shown = _CONTROL.sub(_picture, whole[:most])
    hidden = len(whole) - most
    return shown if hidden <= 0 else f"{shown}… ({hidden:,} more characters in the raw bytes)"


def brief(text: Any, most: int = BRIEF_CHARS) -> str:
    """The beginning of a text for a list, visible, with ``…`` where it was cut."""
    whole = "" if text is None else str(text)
    return _CONTROL.sub(_picture, whole[:most]) + ("…" if len(whole) > most else "")


def as_text(value: Any) -> str:
    """A JSON value for a person: text as it is, numbers bare, the rest indented JSON."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
