"""The paths of OTLP/HTTP, and whose a request is; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from app.errors import ApiError
from app.ingest.endpoint import Endpoint, IngestRequest, IngestResponse, Intake, Submission
from app.ingest.keys import Headers, key_candidates
from app.ingest.otlp.answers import OtlpSubmission, accepted, encoding_of, overloaded, refused
from app.ingest.refusals import refusal
from app.ingest.sentry.auth import sentry_keys
from events.envelope import Envelope
from events.ids import new_id
from events.otlp.messages import LOGS, METRICS, TRACES, Signal
from events.otlp.split import KEY_ATTRIBUTE, Parts, key_in, split
from events.record import Malformed

T = TypeVar("T")

_BEARER = "bearer "
_OTHER_PROJECT = f"a resource whose {KEY_ATTRIBUTE} is another than the first one's"


class OtlpEndpoint(Endpoint):
    """A path for one of the signals."""

    def __init__(self, path: str, signal: Signal) -> None:
        self.path = path
        self.signal = signal

    def keys(self, request: IngestRequest) -> list[str]:
        """``x-api-key`` or ``X-ApiKey``, a bearer token, or the query's ``apikey``."""
        header = (request.headers.get("x-api-key") or "").strip() or _bearer(request.headers)
        return [header] if header else key_candidates(request.headers, request.query)

    def keys_of_body(self, body: bytes) -> list[str]:
        """The key that the first resource with one names (attribute ``sluice.api_key``)."""
        key = _split_or_refuse(lambda: key_in(self.signal, encoding_of(_NO_HEADERS, body), body))
        if key is None:
            raise ApiError(
                403,
                "key_missing",
                "Send the API key as x-api-key, as a bearer token, or as resource attribute"
                f" {KEY_ATTRIBUTE}.",
            )
        return [key]

    def understand(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        encoding = encoding_of(request.headers, body)
        parts = _split_or_refuse(lambda: split(self.signal, encoding, body, intake.limits))
        submission = OtlpSubmission(signal=self.signal.name, encoding=encoding)
        _take_in(parts, submission, intake, by_key=not self.keys(request))
        if parts.refused and not submission.batches:
            raise refusal(
                Malformed("too_large" if parts.too_large else "bad_item", parts.why or "")
            )
        submission.refused, submission.why = parts.refused, parts.why
        submission.items_refused = parts.refused
        return submission

    def overloaded(self, request: IngestRequest, event_type: str, body: bytes) -> ApiError:
        del request, body
        return overloaded(event_type)

    def accepted(self, submission: Submission) -> IngestResponse:
        if not isinstance(submission, OtlpSubmission):
            raise TypeError("the submission of another protocol")
        return accepted(submission)

    def refused(self, error: ApiError, request: IngestRequest) -> IngestResponse:
        return refused(error, encoding_of(request.headers))


class SentryOtlpEndpoint(OtlpEndpoint):
    """Sentry's own path for the same, with its own keys."""

    def keys(self, request: IngestRequest) -> list[str]:
        """Sentry's, in header or query; raises 401 without one."""
        return sentry_keys(request.headers, request.query)


class _NoHeaders:
    def get(self, name: str, /) -> str | None:  # noqa: ARG002 - the protocol's
        return None


_NO_HEADERS = _NoHeaders()


def _split_or_refuse(make: Callable[[], T]) -> T:
    try:
        return make()
    except Malformed as fault:
        raise refusal(fault) from fault


def _take_in(parts: Parts, submission: OtlpSubmission, intake: Intake, *, by_key: bool) -> None:
    """Events of the parts; where keys are in the body, of those that name the first key or none."""
    first = next((part.key for part in parts.parts if part.key), None) if by_key else None
    # Crashes matter more than what surrounds them: they are committed first.
    for part in sorted(parts.parts, key=lambda part: part.event_type != "crash"):
        if by_key and part.key not in (None, first):
            parts.refuse(part.items, _OTHER_PROJECT)
            continue
        envelope = Envelope(
            new_id(intake.now_ms), intake.project_id, part.event_type, part.protocol, part.body
        )
        submission.batches.setdefault(part.event_type, []).append(envelope)
        counted = submission.items.get(part.event_type, 0)
        submission.items[part.event_type] = counted + part.items


def _bearer(headers: Headers) -> str:
    value = (headers.get("authorization") or "").strip()
    return value[len(_BEARER) :].strip() if value[: len(_BEARER)].lower() == _BEARER else ""


ENDPOINTS = tuple(OtlpEndpoint(f"/v1/{signal.name}", signal) for signal in (TRACES, METRICS, LOGS))
SENTRY_ENDPOINTS = tuple(
    SentryOtlpEndpoint(f"/api/<int:number>/integration/otlp/v1/{signal.name}/", signal)
    for signal in (TRACES, LOGS)
)
