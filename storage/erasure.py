"""An erasure as stores and people see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

KINDS = ("event", "user", "project")

#: In this order.
STATES = (
    "finding",
    "draining",
    "checking",
    "unindexing",
    "rewriting",
    "cooling",
    "finished",
)

_SHOWN_LETTERS = 1


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was asked for and how far it is. ``subject`` is a user as keyed hash by the key that
    ``key_mark`` tells, ``shown`` what people see of it. ``progress`` says where ``state`` goes on,
    ``found`` counts what was erased by where it was; ``waiting`` says what it waits for.
    """

    id: UUID
    at: datetime
    actor: str
    kind: str
    project_id: int | None
    project: str | None
    event_id: UUID | None
    subject: bytes | None
    key_mark: str | None
    shown: str
    state: str
    state_at: datetime
    progress: dict[str, Any]
    found: dict[str, int]
    steps: int
    waiting: str | None
    finished_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether there is something left to do."""
        return self.finished_at is None


@dataclass(frozen=True, slots=True)
class Remains:
    """What of an erasure's events still lies in the bucket, by tombstones and known copies.

    ``events`` have bytes left, in ``packs``, of which ``doomed`` only wait for their grace and
    ``quarantined`` for a person, as they are damaged.
    """

    events: int
    packs: int
    doomed: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Place:
    """A pack that had events of an erasure, of which ``sample`` is one; ``gone_at`` is null while
    it has bytes of any.
    """

    pack_id: UUID
    type: str
    sample: UUID
    events: int
    gone_at: datetime | None


def masked(name: str) -> str:
    """A user's name such that who knows it recognises it and nobody learns it."""
    local, at, host = name.strip().rpartition("@")
    if at:
        return f"{local[:_SHOWN_LETTERS]}…@{host[:_SHOWN_LETTERS]}…"
    return f"{name.strip()[:_SHOWN_LETTERS]}… ({len(name.strip())} characters)"
