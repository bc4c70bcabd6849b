"""What normalising an envelope gives: the record that SQL and search are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from events.envelope import Envelope

if TYPE_CHECKING:
    from events.series import Series


class Malformed(ValueError):
    """An event that cannot be understood at all; ``code`` is stable, the message explains."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an event type's own SQL table: its name and PostgreSQL type."""

    name: str
    pg_type: str


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What makes crashes one group, and how a person recognises it."""

    fingerprint: str
    title: str
    culprit: str | None

    def group_id(self, project_id: int) -> UUID:
        """The group's id: the same for the same project and fingerprint, wherever it is made."""
        return _group_id(project_id, self.fingerprint)


@lru_cache(maxsize=4096)
def _group_id(project_id: int, fingerprint: str) -> UUID:
    digest = hashlib.sha256(f"{project_id}\0{fingerprint}".encode("utf-8", "replace"))
    bits = int.from_bytes(digest.digest()[:16], "big")
    bits = bits & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62  # UUIDv8, RFC 9562 5.8
    return UUID(int=bits)


@dataclass(slots=True)
class Record:
    """One normalised event.

    ``row`` holds the values of the type's ``COLUMNS`` in order, fit for PostgreSQL (no NUL, no
    lone surrogate). ``document`` makes the search document's own part, fit for strict JSON, and
    holds the event parsed until then: stage ``sql`` lets it go at once, and stage ``search`` makes
    one at a time.
    ``user_key`` tells users apart (for users affected); ``occurred_at`` is the device's clock
    in UTC where it could be read; ``redacted`` is the envelope's. ``sdk_id`` is the id that the
    SDK gave the event: another of the project with the same one is the same event, sent again.
    ``about`` is the id that the SDK gave another event, of which this one tells more.
    ``series`` are those that the row's entries name by their keys (:mod:`events.series`). ``lost``
    are events that the client says it could not send, by their type.
    """

    id: UUID
    project_id: int
    occurred_at: datetime | None
    user_key: str | None
    row: tuple[Any, ...]
    document: Callable[[], Mapping[str, Any]]
    group: GroupKey | None = None
    redacted: int = 0
    sdk_id: UUID | None = None
    about: UUID | None = None
    series: Mapping[int, Series] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)


class EventType(Protocol):
    """What a module of an event type offers (``events.crash``, ``events.rum``, …)."""

    COLUMNS: tuple[Column, ...]
    CANARY_PROTOCOL: str
    CANARY_BODY: bytes
    """A least event of the type, as an SDK would send it: the system sends one a minute."""
    DERIVED: tuple[str, ...]
    """Tables that SQL itself fills from the rows of the type, by triggers, partitioned by day as
    these are, and by procedure ``derive_<type>`` for a whole day. Most types have none."""

    def normalise(self, envelope: Envelope) -> Record:
        """The record of an envelope; pure. Raises :class:`Malformed`."""
        ...

    def picture(self, envelope: Envelope) -> dict[str, Any]:
        """The full picture for a person, with the keys of the API's event; pure.

        Raises :class:`Malformed`.
        """
        ...
