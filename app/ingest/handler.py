"""Accepting events, whole, without a framework: any lane that speaks HTTP can call it.

The steps of :meth:`IngestHandler.accept` are public, so that a lane which must not block can
run each where it belongs: decide (may ask PostgreSQL), read, decode, understand and admit (pure but
for counting), commit (blocks).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from app.errors import JSON, ApiError
from app.ingest.body import drain, read_body
from app.ingest.commit import CommitFailed, Committer
from app.ingest.encodings import decode
from app.ingest.keyring import KeyRing, Undecided
from app.ingest.keys import Headers, key_candidates
from app.ingest.protocol import Endpoint, valid_items
from app.ingest.refusal import overloaded
from app.ingest.shedding import Shedder
from config.settings import Settings
from events.envelope import Envelope
from events.ids import Clock, new_id, now_ms
from events.raygun.split import Limits
from storage.errors import StoreDown
from storage.sql.projects import KeyOwner

MAX_IDS_ANSWERED = 100
DRAINED_BODIES = 4
"""How many times the largest body is read to its end, and forgotten, to get an answer across."""
RETRY_AFTER = {"Retry-After": "5"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """A request as any server presents it. ``query`` is raw; ``chunks`` give the body as sent."""

    endpoint: Endpoint
    query: str
    headers: Headers
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class IngestResponse:
    """An answer as any server can send it."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Submission:
    """A body understood: the events to commit, and how many items of it were refused."""

    endpoint: Endpoint
    envelopes: list[Envelope]
    refused: int


class IngestHandler:
    """Thread-safe. Holds what all requests of a process share: keys, group commit, shedding."""

    def __init__(
        self,
        settings: Settings,
        keys: KeyRing,
        committer: Committer,
        shedder: Shedder,
        clock: Clock = now_ms,
    ) -> None:
        self._settings = settings
        self._limits = Limits(settings.max_event_bytes, settings.max_depth)
        self._keys = keys
        self._committer = committer
        self._shedder = shedder
        self._clock = clock

    def accept(self, request: IngestRequest) -> IngestResponse:
        """Answer 202 once the broker holds the request's events durably, else say why not."""
        try:
            project_id = self.decide(request)
            submission = self.understand(request, project_id, self.read(request))
            self.admit(request, submission)
            self.commit(submission)
        except ApiError as error:
            self._read_out(request)
            return refused(error)
        return accepted(submission)

    def decide(self, request: IngestRequest) -> int:
        """The project that the request's key opens; raises 403, or 503 while nobody can say."""
        candidates = _candidates(request)
        try:
            return _project(candidates, self._keys.owner)
        except Undecided as exc:
            raise ApiError(
                503, "cannot_decide", "The API key cannot be checked now.", RETRY_AFTER
            ) from exc

    def decide_at_once(self, request: IngestRequest) -> int:
        """As :meth:`decide`, without waiting: raises ``NotAtHand`` when somebody must be asked."""
        return _project(_candidates(request), self._keys.at_hand)

    def read(self, request: IngestRequest) -> bytes:
        """The body, bounded on the wire and again after content decoding; raises 400 or 413."""
        announced = content_length(request.headers)
        wire = read_body(request.chunks, self._settings.max_wire_bytes, announced)
        return self.decode(request, wire)

    def decode(self, request: IngestRequest, wire: bytes) -> bytes:
        """The body as sent without its content encodings, bounded; raises 400 or 413."""
        encoding = request.headers.get("content-encoding")
        return decode(wire, encoding, self._settings.max_body_bytes) if encoding else wire

    def understand(self, request: IngestRequest, project_id: int, body: bytes) -> Submission:
        """The events of a body, each with an id of its own; raises 400 or 413 when none is."""
        endpoint = request.endpoint
        items, refused = valid_items(endpoint, body, self._limits)
        now = self._clock()
        envelopes = [
            Envelope(new_id(now), project_id, endpoint.event_type, endpoint.protocol, item)
            for item in items
        ]
        return Submission(endpoint, envelopes, refused)

    def admit(self, request: IngestRequest, submission: Submission) -> None:
        """Raise 429 or 503 while events of this type are refused, and count them.

        Only now, since what is refused is counted by the event, and reports name their SDK.
        """
        event_type = submission.endpoint.event_type
        if self._shedder.why(event_type) is not None:
            self._shedder.note(event_type, len(submission.envelopes))
            raise overloaded(request.headers, event_type, submission.envelopes[0].body)

    def commit(self, submission: Submission) -> None:
        """Return when the broker or the spool holds all of a submission; raises 503."""
        try:
            self._committer.commit(submission.endpoint.event_type, submission.envelopes)
        except CommitFailed as failed:
            raise unstored(failed) from failed

    def _read_out(self, request: IngestRequest) -> None:
        if sends_body(request.headers):
            drain(request.chunks, DRAINED_BODIES * self._settings.max_wire_bytes)


def sends_body(headers: Headers) -> bool:
    """Whether the body of a refused request is on its way.

    A sender that waits for "100 Continue" has not sent it, and need not any more.
    """
    return (headers.get("expect") or "").lower() != "100-continue"


def refused(error: ApiError) -> IngestResponse:
    """The answer to a request that is not accepted."""
    return IngestResponse(error.status, {"Content-Type": JSON, **error.headers}, error.body())


def accepted(submission: Submission) -> IngestResponse:
    """The 202 of a submission that is committed."""
    ids = [str(envelope.id) for envelope in submission.envelopes]
    if submission.endpoint.single:
        return IngestResponse(202, {"Sluice-Event-Id": ids[0]})
    headers = {
        "Sluice-Accepted": str(len(ids)),
        "Sluice-Rejected": str(submission.refused),
        "Sluice-Event-Ids": ",".join(ids[:MAX_IDS_ANSWERED]),
    }
    return IngestResponse(202, headers)


def unstored(failed: CommitFailed) -> ApiError:
    """The answer to events that could not be committed; logs why."""
    _log_failure(failed)
    cause = failed.__cause__
    if isinstance(cause, StoreDown) and cause.store == "spool":
        message = "The event cannot be queued now, nor kept until it can be."
        return ApiError(503, "spool_full", message, RETRY_AFTER)
    return ApiError(503, "broker_unavailable", "The event cannot be stored now.", RETRY_AFTER)


def _log_failure(failed: CommitFailed) -> None:
    if isinstance(failed.__cause__, StoreDown):
        log.warning("publish_failed", reason=str(failed.__cause__))
    else:  # not an outage but a bug: the traceback is wanted
        log.error("publish_failed", exc_info=failed.__cause__)


def _candidates(request: IngestRequest) -> list[str]:
    candidates = key_candidates(request.headers, request.query)
    if not candidates:
        raise ApiError(403, "key_missing", "Send the API key as X-ApiKey or ?apikey=.")
    return candidates


def _project(candidates: Sequence[str], owner_of: Callable[[str], KeyOwner | None]) -> int:
    revoked = False
    for key in candidates:
        owner = owner_of(key)
        if owner is not None and not owner.revoked:
            return owner.project_id
        revoked = revoked or owner is not None
    if revoked:
        raise ApiError(403, "key_revoked", "This API key is revoked.")
    raise ApiError(403, "key_unknown", "There is no such API key.")


def content_length(headers: Headers) -> int | None:
    """The body's announced length; None for a chunked one."""
    text = headers.get("content-length") or ""
    return int(text) if text.isascii() and text.isdigit() else None
