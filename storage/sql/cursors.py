"""Cursors of lists: where the last page ended, as text that callers hand back unread."""

from __future__ import annotations

import base64
import json
from uuid import UUID

_MAX_CHARS = 500


def encode_cursor(*parts: str | int) -> str:
    """The parts as one opaque word, fit for a URL."""
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, length: int) -> list[str | int]:
    """The ``length`` parts of :func:`encode_cursor`; raises ``ValueError`` for anything else."""
    padded = cursor + "=" * (-len(cursor) % 4)
    if len(cursor) > _MAX_CHARS:
        raise bad_cursor()
    try:
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise bad_cursor() from None
    if not isinstance(parts, list) or len(parts) != length:
        raise bad_cursor()
    if not all(type(part) in (str, int) for part in parts):
        raise bad_cursor()
    return parts


def id_cursor(last_id: UUID) -> str:
    """The cursor of a list ordered by id alone."""
    return encode_cursor(last_id.hex)


def decode_id_cursor(cursor: str | None) -> UUID | None:
    """The id of :func:`id_cursor`; raises ``ValueError``. No cursor means the first page."""
    if cursor is None:
        return None
    try:
        return UUID(hex=str(decode_cursor(cursor, 1)[0]))
    except ValueError:
        raise bad_cursor() from None


def bad_cursor() -> ValueError:
    """What a list raises for a cursor that it did not give."""
    return ValueError("not a cursor that this list gave")
