"""Whether an event is one to erase: by its id, its project, or its payload's user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from config.settings import Settings
from events.envelope import Envelope
from events.identities import identities
from storage.erasure import Erasure
from storage.sql.erasures import Erasures
from workbench.erasure.subjects import Hasher, Subject, hasher


@dataclass(frozen=True, slots=True)
class Match:
    """Which events an erasure is about."""

    event_id: UUID | None
    project_id: int | None
    subject: Subject | None
    hasher: Hasher | None

    def fits(self, event_id: UUID, project_id: int) -> bool:
        """Whether an event may be meant, before its payload is read."""
        if self.event_id is not None and event_id != self.event_id:
            return False
        return self.project_id is None or project_id == self.project_id

    def owns(self, envelope: Envelope) -> bool:
        """Whether an event is meant, its payload read."""
        if not self.fits(envelope.id, envelope.project_id):
            return False
        return self.subject is None or self.subject.owns(identities(envelope))

    def sessions(self, envelopes: Iterable[Envelope]) -> set[str]:
        """The sessions that events of the user name."""
        if self.subject is None:
            return set()
        met = (identities(one) for one in envelopes)
        return {one.session for one in met if one.session and self.subject.is_user(one.users)}


def sdk_ids_of(envelopes: Iterable[Envelope]) -> set[UUID]:
    """The ids that their SDKs gave to events, by which others tell more of them."""
    met = (identities(one) for one in envelopes)
    return {one.sdk_id for one in met if one.sdk_id is not None}


def match_of(settings: Settings, erasures: Erasures, erasure: Erasure) -> Match:
    """What an erasure is about. Raises :class:`NoKey` when its user cannot be known any more, and
    ``StoreDown``.
    """
    if erasure.kind != "user" or erasure.subject is None or erasure.project_id is None:
        return Match(erasure.event_id, erasure.project_id, None, None)
    by = hasher(settings, erasure.key_mark)
    sessions = frozenset(erasures.sessions(erasure.id))
    subject = Subject(by, erasure.project_id, erasure.subject, sessions)
    return Match(None, erasure.project_id, subject, by)
