"""The Raygun protocol's endpoints: what each carries, and how its body becomes items; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import ApiError
from app.ingest.endpoint import Endpoint, IngestRequest, IngestResponse, Intake, Submission
from app.ingest.keys import key_candidates
from app.ingest.raygun.refusal import overloaded
from app.ingest.refusals import refusal, telling
from events.envelope import Envelope
from events.ids import new_id
from events.limits import Limits
from events.raygun.split import split_bulk, split_entry, split_rum
from events.record import Malformed

MAX_IDS_ANSWERED = 100


@dataclass(frozen=True)
class RaygunEndpoint(Endpoint):
    """The event type and protocol of a path's items, and whether it takes just one."""

    path: str
    event_type: str
    protocol: str
    split: Callable[[bytes, Limits], Sequence[bytes | Malformed]]
    single: bool = False

    def keys(self, request: IngestRequest) -> list[str]:
        candidates = key_candidates(request.headers, request.query)
        if not candidates:
            raise ApiError(403, "key_missing", "Send the API key as X-ApiKey or ?apikey=.")
        return candidates

    def understand(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        del request
        items, refused = valid_items(self, body, intake.limits)
        envelopes = [
            Envelope(new_id(intake.now_ms), intake.project_id, self.event_type, self.protocol, item)
            for item in items
        ]
        return Submission({self.event_type: envelopes}, refused)

    def overloaded(self, request: IngestRequest, event_type: str, body: bytes) -> ApiError:
        return overloaded(request.headers, event_type, body)

    def accepted(self, submission: Submission) -> IngestResponse:
        ids = submission.ids
        over = sum(len(batch) for batch in submission.dropped.values())
        told = {"Sluice-Over-Quota": str(over)} if over else {}
        if self.single:
            return IngestResponse(202, {"Sluice-Event-Id": ids[0], **told})
        headers = {
            **told,
            "Sluice-Accepted": str(len(ids)),
            "Sluice-Rejected": str(submission.refused),
            "Sluice-Event-Ids": ",".join(ids[:MAX_IDS_ANSWERED]),
        }
        return IngestResponse(202, headers)


ENTRY = RaygunEndpoint("/entries", "crash", "raygun.entry", split_entry, single=True)
BULK = RaygunEndpoint("/entries/bulk", "crash", "raygun.entry", split_bulk)
RUM = RaygunEndpoint("/events", "rum", "raygun.rum", split_rum)

ENDPOINTS = (ENTRY, BULK, RUM)


def valid_items(endpoint: RaygunEndpoint, body: bytes, limits: Limits) -> tuple[list[bytes], int]:
    """The items of a body that can be accepted, exact bytes in order, and how many cannot be.

    Raises :class:`app.errors.ApiError` with the first item's fault when none can.
    """
    try:
        items = endpoint.split(body, limits)
    except Malformed as fault:
        raise refusal(fault) from fault
    valid = [item for item in items if isinstance(item, bytes)]
    if valid:
        return valid, len(items) - len(valid)
    raise refusal(telling([item for item in items if isinstance(item, Malformed)]))
