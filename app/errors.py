"""Every error answer of the web tier: one body, ``{"error": {"code", "message"}}``, stable codes.

Clients and alerts match on the code, so a code never changes its meaning; the message is for a
person and may. :class:`ApiError` knows no framework: any lane that answers HTTP can render it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import orjson
import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

Code = Literal[
    "ambiguous_id",
    "auth_invalid",
    "auth_mismatch",
    "auth_missing",
    "auth_multiple",
    "action_not_open",
    "bad_argument",
    "bad_body",
    "bad_encoding",
    "bad_envelope",
    "bad_item",
    "bad_minidump",
    "bad_request",
    "bad_rules",
    "body_too_large",
    "body_too_slow",
    "body_truncated",
    "broker_unavailable",
    "cannot_decide",
    "cross_site",
    "digest_mismatch",
    "erasure_key_missing",
    "erasure_not_found",
    "event_too_large",
    "form_expired",
    "internal",
    "invalid_event",
    "key_missing",
    "key_revoked",
    "key_unknown",
    "letter_not_found",
    "letter_not_open",
    "message_not_parked",
    "message_unreadable",
    "method_not_allowed",
    "missing_field",
    "no_events",
    "not_decided",
    "not_an_array",
    "not_an_object",
    "not_found",
    "not_json",
    "not_protobuf",
    "overloaded",
    "payload_too_large",
    "payload_unreadable",
    "precondition_failed",
    "queue_not_found",
    "range_not_satisfiable",
    "rate_limited",
    "replay_not_found",
    "right_missing",
    "rules_changed",
    "session_ambiguous",
    "scope_changed",
    "signature_expired",
    "signature_invalid",
    "sign_in_failed",
    "spool_full",
    "store_down",
    "token_limited",
    "token_missing",
    "token_unknown",
    "too_deep",
    "unavailable",
]
"""Every code the web tier answers with."""

_BY_STATUS: Mapping[int, Code] = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    429: "rate_limited",
    503: "unavailable",
}

JSON = "application/json"

log = structlog.get_logger(__name__)


class ApiError(Exception):
    """An answer other than success: raised anywhere below a view, rendered once."""

    def __init__(
        self, status: int, code: Code, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """The body of the answer, as JSON."""
        return error_body(self.code, self.message)


def not_found(what: str) -> ApiError:
    """The 404 of a thing that is not there, or not this caller's."""
    return ApiError(404, "not_found", f"There is no such {what}.")


def bad_argument(name: str, why: str) -> ApiError:
    """The 400 for an argument that is understood as text and refused for its meaning."""
    return ApiError(400, "bad_argument", f"{name}: {why}")


def error_body(code: Code, message: str) -> bytes:
    """The one error body; text that UTF-8 cannot carry is replaced, never raised on."""
    readable = message.encode("utf-8", "replace").decode()
    return orjson.dumps({"error": {"code": code, "message": readable}})


def error_answer(error: ApiError) -> Response:
    """The answer of an error to a program."""
    return Response(error.body(), error.status, error.headers, content_type=JSON)


def of_http(error: HTTPException) -> ApiError:
    """What Flask itself raises, with our codes."""
    status = error.code or 500
    code = _BY_STATUS.get(status, "internal" if status >= 500 else "bad_request")
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return ApiError(status, code, error.description or error.name, headers)


def of_bug(error: Exception) -> ApiError:
    """The answer to an exception that nobody expected, which goes to the log."""
    log.error("unhandled_exception", exc_info=error)
    return ApiError(500, "internal", "The server met an error of its own; it is in its log.")


def register_errors(app: Flask) -> None:
    """Answer everything that goes wrong in ``app`` with the one error body."""
    app.register_error_handler(ApiError, error_answer)
    app.register_error_handler(HTTPException, lambda error: error_answer(of_http(error)))
    app.register_error_handler(Exception, lambda error: error_answer(of_bug(error)))
