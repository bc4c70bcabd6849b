"""An ingest path as the handler sees it, whatever protocol is spoken there.

A protocol says where a request's key is, what its body holds, and how it is answered. All else is
the same for all of them: keys, bounds, content decoding, shedding, group commit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.errors import JSON, ApiError
from app.ingest.keys import Headers
from events.envelope import Envelope
from events.limits import Limits


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
class Intake:
    """What a body's events become: whose, as of when (milliseconds), and of which size at most."""

    project_id: int
    now_ms: int
    limits: Limits


class Limit(NamedTuple):
    """For how many seconds events of a type shall not come, and why: ``overloaded``,
    ``rate_limited`` or ``quota``.
    """

    seconds: int
    reason: str


@dataclass(slots=True)
class Submission:
    """A body understood: the events to commit, by type, and how many items of it were refused.

    ``ignored`` counts, by their type, items that were taken and of which nothing is made.
    ``told_id`` is the id that the sender knows its event by, where its protocol has one.
    ``limited`` are the types of which no more shall come now. ``dropped`` are accepted events that
    are not stored, since they are over a quota; ``counted`` is what of the others counts against
    one: by type, project and events.
    """

    batches: dict[str, list[Envelope]] = field(default_factory=dict)
    refused: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)
    told_id: str | None = None
    limited: dict[str, Limit] = field(default_factory=dict)
    dropped: dict[str, list[Envelope]] = field(default_factory=dict)
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """The ids of the events that are accepted, type by type."""
        return [
            str(one.id)
            for name, batch in self.batches.items()
            for one in (*batch, *self.dropped.get(name, ()))
        ]


class Endpoint(ABC):
    """One path of one protocol. Thread-safe, and pure: it neither waits nor asks anybody."""

    path: str

    @abstractmethod
    def keys(self, request: IngestRequest) -> list[str]:
        """The readings of the key a request carries, likeliest first; empty when it may lie in the
        body. Raises :class:`app.errors.ApiError` when there is none.
        """

    def keys_of_body(self, body: bytes) -> list[str]:
        """The key that a body carries; raises :class:`app.errors.ApiError` when there is none."""
        del body
        raise NotImplementedError

    @abstractmethod
    def understand(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        """The events of a decoded body; raises :class:`app.errors.ApiError` 400 or 413."""

    @abstractmethod
    def overloaded(self, request: IngestRequest, event_type: str, body: bytes) -> ApiError:
        """The refusal of events of a type that is shed now; ``body`` is that of one of them."""

    def limited(
        self, request: IngestRequest, event_type: str, body: bytes, limit: Limit
    ) -> ApiError:
        """The refusal of a request that holds nothing but events of types that are limited now;
        ``body`` is that of one of them.
        """
        if limit.reason == "overloaded":
            return self.overloaded(request, event_type, body)
        return ApiError(
            429,
            "rate_limited",
            f"The project sends more {event_type} events than it may in a minute.",
            {"Retry-After": str(limit.seconds)},
        )

    @abstractmethod
    def accepted(self, submission: Submission) -> IngestResponse:
        """The answer to a submission that is committed."""

    def refused(self, error: ApiError, request: IngestRequest) -> IngestResponse:
        """The answer to a request that is not accepted."""
        del request
        return IngestResponse(error.status, {"Content-Type": JSON, **error.headers}, error.body())
