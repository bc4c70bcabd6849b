"""Where a request of Sentry's protocol carries its public key; pure.

One of: header ``X-Sentry-Auth: Sentry sentry_key=…, …``, the same as ``Authorization``, the user of
basic authorisation, the query's ``sentry_key``, or the DSN in an envelope's header. Sentry's own
relay refuses a request that has more than one of the first four; so do we.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from app.errors import ApiError
from app.ingest.keys import MAX_KEY_CHARS, Headers

_SCHEME = "sentry "
_PAIRS = re.compile(r"[,\s]+")
_OLDEST_VERSION, _NEWEST_VERSION = 2, 7


def sentry_keys(headers: Headers, query: str) -> list[str]:
    """The key of a request; empty when it carries none outside of its body.

    Raises :class:`app.errors.ApiError`: 401 ``auth_multiple``, 400 ``auth_invalid`` for a version
    that there is not, or a scheme without a key.
    """
    found = [
        claims
        for claims in (
            _of_header(headers.get("x-sentry-auth")),
            _of_header(headers.get("authorization")),
            _of_basic(headers.get("authorization")),
            _of_query(query),
        )
        if claims is not None
    ]
    if len(found) > 1:
        raise ApiError(401, "auth_multiple", "Send the Sentry key in one place, not in several.")
    return [_key(claims) for claims in found]


def key_of_dsn(dsn: Any) -> str | None:
    """The public key of ``scheme://KEY[:SECRET]@host/project``; null for what is no such thing."""
    if not isinstance(dsn, str):
        return None
    try:
        user = urlsplit(dsn).username
    except ValueError:
        return None
    return unquote(user) if user else None


def missing() -> ApiError:
    """The refusal of a request that carries no key anywhere."""
    return ApiError(
        401,
        "auth_missing",
        "Send the Sentry key: X-Sentry-Auth, Authorization, ?sentry_key= or an envelope's dsn.",
    )


def _of_header(value: str | None) -> dict[str, str] | None:
    if value is None or not value.lower().startswith(_SCHEME):
        return None
    parts = (part.partition("=") for part in _PAIRS.split(value[len(_SCHEME) :]))
    return {name.strip().lower(): unquote(text.strip()) for name, _, text in parts}


def _of_basic(value: str | None) -> dict[str, str] | None:
    scheme, _, digits = (value or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user = base64.b64decode(digits.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return {}
    return {"sentry_key": user.partition(":")[0]}


def _of_query(query: str) -> dict[str, str] | None:
    pairs = (pair.partition("=") for pair in query.split("&"))
    claims = {
        unquote_plus(name).lower(): unquote_plus(value[: 3 * MAX_KEY_CHARS + 1])
        for name, _, value in pairs
        if name.lower().startswith("sentry_")
    }
    return claims if "sentry_key" in claims else None


def _key(claims: dict[str, str]) -> str:
    key = claims.get("sentry_key", "").strip()
    if not key or "\0" in key:
        raise ApiError(400, "auth_invalid", "The Sentry authorisation has no key.")
    version = claims.get("sentry_version")
    if version is not None and not _is_version(version):
        raise ApiError(
            400, "auth_invalid", f"There is no Sentry protocol version {version[:20]!r}."
        )
    return key[: MAX_KEY_CHARS + 1]


def _is_version(text: str) -> bool:
    """Versions are whole numbers; old SDKs write ``2.0``."""
    number = text.removesuffix(".0")
    return (
        number.isascii()
        and number.isdigit()
        and (_OLDEST_VERSION <= int(number[:3]) <= _NEWEST_VERSION)
    )
