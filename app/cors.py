"""CORS: browsers' SDKs post from other origins and must be able to read every answer.

An answer without ``Access-Control-Allow-Origin`` reads as a network failure to a script, so the
headers are on errors too. Only ingest answers allow credentials (``sendBeacon`` sends them, and
ingest reads none): allowing them on pages would let any site read them with a person's session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Flask, Response, request

CREDENTIALS_ALLOWED = "cors_credentials"
"""Name of the view attribute that marks a route as safe to call with credentials."""

METHODS = "GET, POST, OPTIONS"
EXPOSED = (
    "Sluice-Event-Id, Sluice-Event-Ids, Sluice-Accepted, Sluice-Rejected, Sluice-Redacted, "
    "Sluice-Over-Quota, Retry-After, X-Sentry-Error, X-Sentry-Rate-Limits"
)
_ALWAYS_ALLOWED = ("content-type", "x-apikey", "x-remote-address")
_MAX_ASKED = 32
_MAX_AGE_SECONDS = "3600"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_ORIGIN = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,300}\Z")

Header = tuple[str, str]


def answer_headers(origin: str | None, *, credentials: bool) -> Iterator[Header]:
    """The CORS headers of any answer to a request of ``origin``."""
    yield "Vary", "Origin"
    yield "Access-Control-Expose-Headers", EXPOSED
    if origin is None or not _ORIGIN.match(origin):
        yield "Access-Control-Allow-Origin", "*"
        return
    yield "Access-Control-Allow-Origin", origin
    if credentials:
        yield "Access-Control-Allow-Credentials", "true"


def preflight_headers(asked: str | None) -> Iterator[Header]:
    """The further headers of a preflight's answer; ``asked`` is Access-Control-Request-Headers.

    Whatever was asked for is allowed when it is a header name at all: what a sender adds to its
    request cannot harm us, and a refusal loses its event.
    """
    names = [name.strip().lower() for name in (asked or "").split(",")[:_MAX_ASKED]]
    allowed = dict.fromkeys([*_ALWAYS_ALLOWED, *(name for name in names if _TOKEN.match(name))])
    yield "Access-Control-Allow-Methods", METHODS
    yield "Access-Control-Allow-Headers", ", ".join(allowed)
    yield "Access-Control-Max-Age", _MAX_AGE_SECONDS


def register_cors(app: Flask) -> None:
    """Answer preflights of every path, and put the CORS headers on every answer of ``app``."""

    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        asked = request.headers.get("Access-Control-Request-Headers")
        return Response(status=204, headers=list(preflight_headers(asked)))

    def add_headers(response: Response) -> Response:
        view = app.view_functions.get(request.endpoint or "")
        credentials = getattr(view, CREDENTIALS_ALLOWED, False)
        for name, value in answer_headers(request.headers.get("Origin"), credentials=credentials):
            response.headers.add(name, value)
        return response

    app.before_request(answer_preflight)
    app.after_request(add_headers)
