"""Hostile text made safe to look at; pure. Escaping is Jinja's own, this is about what is seen."""

from __future__ import annotations

import re
from typing import Any

import orjson

MOST_CHARS = 10_000

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, except tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these turn the direction of what follows
    "\u2028\u2029\ufeff\ud800-\udfff]"
)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def visible(text: Any) -> str:
    """Text with every control character shown as a symbol or code, and its length bounded."""
    whole = "" if text is None else str(text)
    shown = _CONTROL.sub(_picture, whole[:MOST_CHARS])
    hidden = len(whole) - MOST_CHARS
    return shown if hidden <= 0 else f"{shown}… ({hidden} more characters in the raw bytes)"


def as_text(value: Any) -> str:
    """A JSON value for a person: text as it is, numbers bare, the rest indented JSON."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
