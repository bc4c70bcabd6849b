"""Text that a store can hold: what cannot be stored is made visible, never dropped."""

from __future__ import annotations

from typing import Any

NUL_SIGN = "\u2400"
CUT = "…"


def storable(text: str) -> str:
    """The text with NUL as ``␀`` and each lone surrogate as U+FFFD; all else is kept."""
    if "\0" in text:
        text = text.replace("\0", NUL_SIGN)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # UTF-16 joins two halves that arrived apart, and shows the ones left alone.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def clip(text: str, limit: int) -> str:
    """Storable text of at most ``limit`` characters; a cut shows as an ellipsis."""
    if len(text) <= limit and text.isascii() and "\0" not in text:
        return text  # nearly all text: this is the hottest line of normalising
    if len(text) > limit:
        text = text[: limit - 1] + CUT
    return storable(text)


def as_text(value: Any, limit: int) -> str | None:
    """A string or number as storable text; null for what is empty or neither."""
    if type(value) is str:
        return clip(value, limit) if value else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return clip(str(value), limit)


def first_line(text: str) -> str:
    """The first line that is not blank, without the space around it."""
    return text.strip().split("\n", 1)[0].rstrip()
