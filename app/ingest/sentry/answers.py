"""How requests of Sentry's protocol are answered, so that its SDKs do what is meant; pure.

SDKs ignore the body of a success, honour ``X-Sentry-Rate-Limits`` at any status, and drop what was
answered 4xx or 5xx without trying again.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import orjson

from app.errors import JSON, ApiError
from app.ingest.endpoint import IngestResponse, Limit, Submission
from app.ingest.shedding import CODE, SHED_SECONDS
from events.sentry.categories import categories_of

MAX_IDS_ANSWERED = 100
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent image of one pixel, for those who report by an ``<img>``."""


def limit_header(limited: Mapping[str, Limit]) -> dict[str, str]:
    """What tells an SDK to hold back events of some types for so many seconds."""
    parts = [
        f"{limit.seconds}:{';'.join(categories_of(event_type))}:project:{limit.reason}"
        for event_type, limit in limited.items()
    ]
    return {"X-Sentry-Rate-Limits": ", ".join(parts)} if parts else {}


def accepted(submission: Submission) -> IngestResponse:
    """The 200 of a submission that is committed, with the id that the SDK knows."""
    body = {} if submission.told_id is None else {"id": submission.told_id}
    headers = {"Content-Type": JSON, **_identity(submission)}
    headers |= limit_header(submission.limited)
    return IngestResponse(200, headers, orjson.dumps(body))


def accepted_pixel(submission: Submission) -> IngestResponse:
    """The same as an image."""
    headers = {"Content-Type": "image/gif", "Cache-Control": "no-store", **_identity(submission)}
    return IngestResponse(200, headers, PIXEL)


def accepted_text(submission: Submission) -> IngestResponse:
    """The same as the plain id with hyphens, which senders of minidumps show to people."""
    identity = submission.told_id or ""
    parts = (identity[:8], identity[8:12], identity[12:16], identity[16:20], identity[20:])
    headers = {"Content-Type": "text/plain", **_identity(submission)}
    headers |= limit_header(submission.limited)
    return IngestResponse(200, headers, "-".join(parts).encode())


def overloaded(event_type: str) -> ApiError:
    """The refusal of a request all of whose events are shed now."""
    return ApiError(
        429,
        CODE,
        f"The server is too far behind to take {event_type} events now; send them later.",
        {"Retry-After": str(SHED_SECONDS)},
    )


def refused(error: ApiError) -> IngestResponse:
    """An error, as Sentry's clients and as ours read one."""
    readable = error.message.encode("utf-8", "replace").decode()
    body = {
        "detail": readable,
        "causes": [],
        "error": {"code": error.code, "message": readable},
    }
    shown = readable.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
    headers = {"Content-Type": JSON, "X-Sentry-Error": shown, **error.headers}
    return IngestResponse(error.status, headers, orjson.dumps(body))


def _identity(submission: Submission) -> dict[str, str]:
    """Our own ids of what an envelope holds; most hold one event."""
    ids = submission.ids
    if not ids:
        return {}
    return {"Sluice-Event-Id": ids[0], "Sluice-Event-Ids": ",".join(ids[:MAX_IDS_ANSWERED])}
