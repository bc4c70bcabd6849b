"""What of a submission is taken, before anything of it is stored.

A type that is shed, or of which a project sends too many a minute, is refused. What is over a
project's quota of a day or month is accepted and dropped: its sender need not try again, and the
ledger tells of it. All of it is decided by what this process knows, without asking anybody.
"""

from __future__ import annotations

from app.ingest.endpoint import IngestRequest, Limit, Submission
from app.ingest.quotas import QuotaGuard
from app.ingest.shedding import CODE, SHED_SECONDS, Shedder
from app.ingest.tally import Tally
from events.envelope import Envelope

RATE_LIMITED = "rate_limited"
OVER_QUOTA = "quota"


class Admission:
    """Thread-safe; shared by all requests of a process. Knows what its parts learn in rounds."""

    def __init__(self, shedder: Shedder, quotas: QuotaGuard, tally: Tally) -> None:
        self._shedder = shedder
        self._quotas = quotas
        self._tally = tally

    def admit(self, request: IngestRequest, submission: Submission) -> None:
        """Take out what is refused or dropped now, and count it; raise ``ApiError`` if nothing is
        left that is accepted. :meth:`settle` is to follow.

        Only now, since what is refused is counted by the event, and reports name their SDK.
        """
        for item, number in submission.ignored.items():
            self._tally.note(f"ignored:{item}", number)
        for event_type, batch in [*submission.batches.items()]:
            limit = self._admit(event_type, batch, submission)
            if limit is not None and not submission.batches:
                raise request.endpoint.limited(request, event_type, batch[0].body, limit)

    def settle(self, submission: Submission, *, accepted: bool) -> None:
        """Say whether what was admitted is accepted."""
        for event_type, (project_id, events) in submission.counted.items():
            self._quotas.settle((project_id, event_type), events, accepted=accepted)

    def _admit(
        self, event_type: str, batch: list[Envelope], submission: Submission
    ) -> Limit | None:
        """Take out what of a type is not let in; why the type is refused, null if it is not."""
        if self._shedder.why(event_type) is not None:
            return self._refuse(event_type, submission, Limit(SHED_SECONDS, CODE))
        key = batch[0].project_id, event_type
        verdict = self._quotas.take(key, len(batch))
        if verdict is None:
            return None
        if verdict.refused:
            return self._refuse(event_type, submission, Limit(verdict.seconds, RATE_LIMITED))
        submission.counted[event_type] = key[0], verdict.kept
        if verdict.kept < len(batch):
            submission.batches[event_type] = batch[: verdict.kept]
            submission.dropped[event_type] = batch[verdict.kept :]
            submission.limited[event_type] = Limit(verdict.seconds, OVER_QUOTA)
            self._quotas.drop(key, [one.id for one in batch[verdict.kept :]])
        return None

    def _refuse(self, event_type: str, submission: Submission, limit: Limit) -> Limit:
        refused = submission.batches.pop(event_type)
        submission.refused += len(refused)
        submission.limited[event_type] = limit
        self._tally.note(f"refused:{event_type}:{limit.reason}", len(refused))
        return limit
