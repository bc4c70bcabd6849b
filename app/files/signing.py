"""Signed URLs: whoever holds one may do one thing to one path of one project, until it expires.

The signature is HMAC-SHA-256 over what is done (reading or writing), the path, the project's
number and the time of expiry. The key is derived from the session key under a label of its own, so
that a signature is never good for anything else. A project's number is never given twice, so a URL
of a project that is gone opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias
from urllib.parse import quote, urlencode

import orjson

from app.errors import ApiError
from config.settings import Secret, Settings

Deed: TypeAlias = Literal["read", "write"]
"""What a URL allows: GET and HEAD are ``read``."""

SIGNATURE = "signature"
_LABEL = b"sluice signed url 1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


class Signer:
    """Signs with the first key and accepts all of them, so that a key can be replaced."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise ValueError("a signer needs a key")
        self._keys = [
            hmac.digest(key.reveal().encode("utf-8", "surrogateescape"), _LABEL, hashlib.sha256)
            for key in keys
        ]

    def sign(self, deed: Deed, path: str, project_id: int, expires: int) -> str:
        """``path`` with the query that opens it until ``expires``, in seconds since 1970."""
        query = {
            "project": project_id,
            "expires": expires,
            SIGNATURE: _signature(self._keys[0], deed, path, project_id, expires),
        }
        return f"{quote(path)}?{urlencode(query)}"

    def verify(self, deed: Deed, path: str, query: Mapping[str, str], now: float) -> int:
        """The project that a request's query opens ``path`` of.

        Raises ``ApiError`` 403: ``signature_invalid``, and ``signature_expired`` for one that was
        good.
        """
        project, expires = (query.get(name, "") for name in ("project", "expires"))
        given = query.get(SIGNATURE, "").encode("utf-8", "replace")
        if not (_NUMBER.fullmatch(project) and _NUMBER.fullmatch(expires)):
            raise _invalid()
        # Every key is tried whichever fits, so that the time taken tells nothing.
        fitting = [
            hmac.compare_digest(
                _signature(key, deed, path, int(project), int(expires)).encode(), given
            )
            for key in self._keys
        ]
        if not any(fitting):
            raise _invalid()
        if now >= int(expires):
            raise ApiError(403, "signature_expired", "This signed URL has expired.")
        return int(project)


def open_signer(settings: Settings) -> Signer | None:
    """The signer of an installation; null when it has no session key, and so signs nothing."""
    if not settings.session_key:
        return None
    return Signer([settings.session_key, *settings.session_key_fallbacks])


def _signature(key: bytes, deed: Deed, path: str, project_id: int, expires: int) -> str:
    told = orjson.dumps([deed, path, project_id, expires])
    return urlsafe_b64encode(hmac.digest(key, told, hashlib.sha256)).rstrip(b"=").decode()


def _invalid() -> ApiError:
    return ApiError(403, "signature_invalid", "This URL's signature does not open it.")
