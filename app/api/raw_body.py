"""The body of a request as it is, within a bound of its own."""

from __future__ import annotations

from flask import request

from app.errors import ApiError
from app.ingest.body import read_body

_CHUNK = 64 * 1024


def read_raw_body(limit: int, setting: str) -> bytes:
    """The whole body; raises ``ApiError`` 413 ``payload_too_large`` above ``limit`` bytes, which
    ``setting`` sets.
    """
    stream = request.environ["wsgi.input"]
    try:
        return read_body(iter(lambda: stream.read(_CHUNK), b""), limit, request.content_length)
    except ApiError as exc:
        if exc.code != "body_too_large":
            raise
        raise ApiError(
            413, "payload_too_large", f"The body is larger than {limit} bytes ({setting})."
        ) from None
