"""Tokens that a form must carry, so that no other site can send it in a person's name.

The session keeps a secret; each form carries it XORed with fresh random bytes, which stand before
it. So no two pages hold the same bytes, and compressing a page beside text that somebody else chose
tells nothing about the secret (BREACH).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import MutableMapping
from typing import Any

from app.errors import ApiError

FIELD = "csrf"
_KEPT = "csrf"
_BYTES = 18


def _secret(session: MutableMapping[str, Any]) -> bytes:
    kept = session.get(_KEPT)
    if not isinstance(kept, str):
        kept = session[_KEPT] = secrets.token_urlsafe(_BYTES)
    return kept.encode()


def form_token(session: MutableMapping[str, Any]) -> str:
    """A token for a form of this session, made anew for every form."""
    secret = _secret(session)
    pad = secrets.token_bytes(len(secret))
    masked = bytes(one ^ other for one, other in zip(secret, pad, strict=True))
    return base64.urlsafe_b64encode(pad + masked).decode()


def require_form_token(session: MutableMapping[str, Any], token: str) -> None:
    """Raise ``ApiError`` 403 ``form_expired`` unless the token was made for this session."""
    kept = session.get(_KEPT)
    if not isinstance(kept, str) or not hmac.compare_digest(_unmasked(token), kept.encode()):
        raise ApiError(
            403,
            "form_expired",
            "This form is of another session, or too old: go back, load the page anew and send it"
            " again.",
        )


def _unmasked(token: str) -> bytes:
    try:
        both = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    half = len(both) // 2
    return bytes(one ^ other for one, other in zip(both[:half], both[half:], strict=False))
