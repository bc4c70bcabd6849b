"""JSON strings as text and back, whatever the client put between the quotation marks."""

from __future__ import annotations

import json


def unescaped(raw: bytes) -> bytes | None:
    """The text of a string's raw content, as UTF-8; null when its escapes cannot be read."""
    if b"\\" not in raw:
        return raw
    try:
        text: str = json.loads(f'"{raw.decode("utf-8", "replace")}"', strict=False)
    except json.JSONDecodeError:
        return None
    return text.encode("utf-8", "surrogatepass")


def escaped(text: bytes, raw: bytes) -> bytes:
    """A changed text as raw content again, in the manner of ``raw``, which it was made from."""
    if b"\\" not in raw:
        return text
    plain = text.decode("utf-8", "surrogatepass")
    try:
        return json.dumps(plain, ensure_ascii=False).encode()[1:-1]
    except UnicodeEncodeError:
        return json.dumps(plain).encode()[1:-1]
