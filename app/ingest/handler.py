"""Accepting events, whole, without a framework: any lane that speaks HTTP can call it.

The steps of :meth:`IngestHandler.accept` are public, so that a lane which must not block can
run each where it belongs: decide (may ask PostgreSQL), read, decode, understand and admit (pure but
for counting), commit (blocks).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from app.errors import ApiError
from app.ingest.admission import Admission
from app.ingest.body import drain, read_body
from app.ingest.commit import CommitFailed, Committer
from app.ingest.encodings import decode
from app.ingest.endpoint import IngestRequest, IngestResponse, Intake, Submission
from app.ingest.keyring import KeyRing, NotAtHand, Undecided
from app.ingest.keys import Headers
from app.ingest.refusal_log import RefusalLog
from app.ingest.rounds import Rounds
from broker.refusals import Kind
from config.settings import Settings
from events.ids import Clock, now_ms
from events.limits import Limits
from storage.errors import StoreDown
from storage.sql.credentials import prefix_of
from storage.sql.projects import KeyOwner

DRAINED_BODIES = 4
"""How many times the largest body is read to its end, and forgotten, to get an answer across."""
MAX_SENDER_CHARS = 200
RETRY_AFTER = {"Retry-After": "5"}

log = structlog.get_logger(__name__)


class IngestHandler:
    """Thread-safe. Holds what all requests of a process share: keys, group commit, admission."""

    def __init__(
        self,
        settings: Settings,
        keys: KeyRing,
        committer: Committer,
        admission: Admission,
        refusals: RefusalLog,
        rounds: Rounds,
        clock: Clock = now_ms,
    ) -> None:
        self._settings = settings
        self._limits = Limits(settings.max_event_bytes, settings.max_depth)
        self._keys = keys
        self._committer = committer
        self._admission = admission
        self._refusals = refusals
        self._rounds = rounds
        self._clock = clock

    def accept(self, request: IngestRequest) -> IngestResponse:
        """Answer success once the broker holds the request's events durably, else say why not."""
        try:
            project_id = self.decide(request)
            body = self.read(request)
            if project_id is None:
                project_id = self.decide_by_body(request, body)
            submission = self.understand(request, project_id, body)
            self.admit(request, submission)
            self.commit(submission)
        except ApiError as error:
            self._read_out(request)
            self.note(request, error)
            return request.endpoint.refused(error, request)
        return request.endpoint.accepted(submission)

    def decide(self, request: IngestRequest) -> int | None:
        """The project that the request's key opens; null when the key, if any, is in the body.

        Raises 401 or 403, or 503 while nobody can say.
        """
        return self._ask(request.endpoint.keys(request))

    def decide_by_body(self, request: IngestRequest, body: bytes) -> int:
        """As :meth:`decide`, for a key in the body."""
        project_id = self._ask(request.endpoint.keys_of_body(body))
        if project_id is None:
            raise ValueError("an endpoint that finds no key must say so")
        return project_id

    def decide_at_once(self, request: IngestRequest) -> int | None:
        """As :meth:`decide`, without waiting: raises ``NotAtHand`` when somebody must be asked."""
        keys = request.endpoint.keys(request)
        return _project(keys, self._keys.at_hand) if keys else None

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
        intake = Intake(project_id, self._clock(), self._limits)
        return request.endpoint.understand(request, body, intake)

    def admit(self, request: IngestRequest, submission: Submission) -> None:
        """Take out what is refused or dropped now, and count it; raises 429 or 503 if nothing is
        left that is accepted.
        """
        self._rounds.begin()
        self._admission.admit(request, submission)

    def settle(self, submission: Submission, *, accepted: bool) -> None:
        """Say what became of what was admitted."""
        if submission.counted:
            self._admission.settle(submission, accepted=accepted)

    def commit(self, submission: Submission) -> None:
        """Return when the broker or the spool holds all of a submission; raises 503."""
        accepted = False
        try:
            for event_type, envelopes in submission.batches.items():
                self._committer.commit(event_type, envelopes)
            accepted = True
        except CommitFailed as failed:
            raise unstored(failed) from failed
        finally:
            self.settle(submission, accepted=accepted)

    def note(self, request: IngestRequest, error: ApiError) -> None:
        """Note that a request is refused, for whoever sets its SDK up."""
        self._rounds.begin()
        project_id, key = self._whose(request)
        kind = Kind(error.code, request.endpoint.path, key)
        sender = (request.headers.get("user-agent") or "")[:MAX_SENDER_CHARS]
        self._refusals.note(project_id, kind, error.status, error.message, sender)

    def close(self) -> None:
        """Tell what there is to tell, and end."""
        self._rounds.close()

    def _whose(self, request: IngestRequest) -> tuple[int | None, str]:
        """The project of a request that was decided on, if any, and the beginning of its key; of
        nobody where the key is in the body.
        """
        candidates: list[str] = []
        with suppress(ApiError):  # it has none
            candidates = request.endpoint.keys(request)
        for key in candidates:
            with suppress(NotAtHand):
                if (owner := self._keys.at_hand(key)) is not None:
                    return owner.project_id, prefix_of(key)
        return None, prefix_of(candidates[0]) if candidates else ""

    def _ask(self, keys: Sequence[str]) -> int | None:
        try:
            return _project(keys, self._keys.owner) if keys else None
        except Undecided as exc:
            raise ApiError(
                503, "cannot_decide", "The API key cannot be checked now.", RETRY_AFTER
            ) from exc

    def _read_out(self, request: IngestRequest) -> None:
        if sends_body(request.headers):
            drain(request.chunks, DRAINED_BODIES * self._settings.max_wire_bytes)


def sends_body(headers: Headers) -> bool:
    """Whether the body of a refused request is on its way.

    A sender that waits for "100 Continue" has not sent it, and need not any more.
    """
    return (headers.get("expect") or "").lower() != "100-continue"


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
