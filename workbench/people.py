"""Sessions and users as API, pages and commands read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol
from uuid import UUID

import structlog

from storage.errors import Corrupt, NotFound, StoreDown
from storage.model import Page
from storage.search.rum.sessions import Sessions
from storage.search.rum.users import Users, UsersEvent
from storage.search.scope import Scope
from storage.search.store import SearchStore
from storage.session import Session, SessionCrash, SessionRow, Span, link_of, timeline
from storage.sql.events import Events, StoredEvent
from storage.sql.groups import Group, Groups
from storage.user import UserGroup, UserPicture
from workbench.payloads import told

_log = structlog.get_logger(__name__)

_AT_ONCE = 200


class ReadsPayloads(Protocol):
    """Where an event's raw bytes are read: the file server, or S3."""

    def read(self, event: StoredEvent) -> bytes: ...


@dataclass(frozen=True, slots=True)
class UserView:
    """A user with the groups they met by id, as far as PostgreSQL has them."""

    user: str
    picture: UserPicture
    groups: dict[str, Group]


@dataclass(frozen=True, slots=True)
class PeopleBook:
    """Methods raise :class:`StoreDown`; what only a second question tells is null without it."""

    sessions: Sessions
    users: Users
    events: Events
    groups: Groups

    def listed(self, scope: Scope, cursor: str | None, limit: int) -> Page[SessionRow]:
        """Sessions that began in a span, newest first; asks search twice. Raises ``ValueError`` for
        a cursor that is none.
        """
        page = self.sessions.list(scope, cursor, limit)
        try:
            return Page(self.sessions.counted(scope, page.items), page.next_cursor)
        except StoreDown as exc:
            _log.warning("sessions_uncounted", reason=exc.detail)
            return page

    def session(self, session_id: str, scope: Scope) -> Session | None:
        """A session with its crashes, null when it has no event; asks search twice. The crashes of
        one that several projects have are not looked for.
        """
        session = self.sessions.find(session_id, scope)
        if session is None or len(session.projects) > 1:
            return session
        narrow = replace(scope, project_id=session.projects[0])
        try:
            return replace(session, crashes=self.sessions.crashes(session, narrow))
        except StoreDown as exc:
            _log.warning("session_crashes_unknown", reason=exc.detail)
            return session

    def user(self, user: str, scope: Scope) -> UserView | None:
        """A user, null when no event is theirs; asks search once."""
        picture = self.users.read(scope, user)
        if picture is None:
            return None
        known = self._known(picture)
        groups = shown_groups(picture.groups, known)
        count = picture.group_count - (len(picture.groups) - len(groups))
        named = {str(group.id): group for group in known.values()}
        return UserView(user, replace(picture, groups=groups, group_count=count), named)

    def export(self, user: str, scope: Scope, payloads: ReadsPayloads) -> Iterator[dict[str, Any]]:
        """Every event of a user with its payload, as JSON; one whose payload cannot be read says
        so. Asks as it goes, so it may raise in the middle.
        """
        events = self.users.events(scope, user)
        while part := list(islice(events, _AT_ONCE)):
            yield from self._exported(part, payloads)

    def _known(self, picture: UserPicture) -> dict[UUID, Group]:
        try:
            return self.groups.shown([UUID(group.group_id) for group in picture.groups])
        except StoreDown as exc:
            _log.warning("user_groups_unnamed", reason=exc.detail)
            return {}

    def _exported(
        self, part: list[UsersEvent], payloads: ReadsPayloads
    ) -> Iterator[dict[str, Any]]:
        for type_name in sorted({one.type for one in part}):
            ids = [one.id for one in part if one.type == type_name]
            for event in self.events.find_all(type_name, ids):
                yield {
                    "id": event.id,
                    "type": event.type,
                    "project": event.project,
                    "occurred_at": event.occurred_at,
                    "group_id": event.group_id,
                    "redacted": event.redacted,
                    **_payload(event, payloads),
                }


def shown_groups(met: Iterable[UserGroup], known: Mapping[UUID, Group]) -> list[UserGroup]:
    """Groups that a user met, by fingerprint, as they are shown: those of a merge are one; pure."""
    shown: dict[str, UserGroup] = {}
    for one in met:
        lead = known.get(UUID(one.group_id))
        group_id = str(lead.id) if lead else one.group_id
        other = shown.get(group_id)
        shown[group_id] = UserGroup(
            group_id,
            one.count + (other.count if other else 0),
            min(one.first_at, other.first_at) if other else one.first_at,
            max(one.last_at, other.last_at) if other else one.last_at,
        )
    return list(shown.values())


def _payload(event: StoredEvent, payloads: ReadsPayloads) -> dict[str, Any]:
    try:
        return {"payload": told(payloads.read(event)), "problem": None}
    except (NotFound, Corrupt) as exc:
        return {"payload": None, "problem": exc.detail}


def told_session(project: str, session: Session) -> dict[str, Any]:
    """A session as API and commands tell it, its crashes in their places of the timeline."""
    attributes, skew = session.attributes, session.clock_skew
    names = ("version", "browser", "os", "device", "country")
    return {
        "session_id": session.session_id,
        "project": project,
        "user": attributes.user_key,
        "names": attributes.user,
        **{name: getattr(attributes, name) for name in names},
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "has_start": session.has_start,
        "more": session.more,
        "crashes_known": session.crashes is not None,
        "clock_skew_seconds": None if skew is None else skew.total_seconds(),
        "timeline": [
            {
                "at": entry.at,
                "step": entry.step,
                "crash": entry.crash and _told_crash(entry.crash, session),
                "pause_seconds": entry.pause and entry.pause.total_seconds(),
                "inside": entry.inside,
                "vitals": entry.vitals,
            }
            for entry in timeline(session.steps, session.crashes or [])
        ],
    }


def told_user(project: str, found: UserView) -> dict[str, Any]:
    """A user as API and commands tell them, their groups named where they are known."""
    picture = found.picture
    groups = [
        {
            **{name: getattr(one, name) for name in one.__slots__},
            "title": known.title if (known := found.groups.get(one.group_id)) else None,
            "status": known.status if known else None,
        }
        for one in picture.groups
    ]
    shown = {name: getattr(picture, name) for name in picture.__slots__}
    return {**shown, "project": project, "user": found.user, "groups": groups}


def link_of_crash(crash: SessionCrash, session: Session) -> str | None:
    """How a crash is known to be a session's: it names it, or user and time fit."""
    received = [step.received_at for step in session.steps]
    span = Span(min(received), max(received))
    return link_of(crash, session.session_id, session.attributes.user_key, span)


def _told_crash(crash: SessionCrash, session: Session) -> dict[str, Any]:
    return {
        "event_id": crash.event_id,
        "group_id": crash.group_id,
        "title": crash.title,
        "at": crash.at,
        "linked_by": link_of_crash(crash, session),
    }


def open_people(search: SearchStore, events: Events, groups: Groups) -> PeopleBook:
    """The book over stores that are open already."""
    return PeopleBook(Sessions(search), Users(search), events, groups)
