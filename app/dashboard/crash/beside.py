"""What belongs to an event and is not in its bytes: its files, and events that tell more of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.api.related import events_about
from app.api.times import iso
from app.dashboard import links
from app.dashboard.crash.highlights import user_of
from app.dashboard.crash.occurrence import FileView, PersonView, TellingView
from app.dashboard.crash.parts import Picture
from app.dashboard.links import Named, ProjectName
from app.dashboard.page import Visit
from events.crash import trace_hex
from events.ids import id_time
from storage.query.parse import quoted
from storage.sql.blob_rows import BlobRows
from storage.sql.events import StoredEvent

_TRACES = 20
_DAY = timedelta(days=1)
_USER_CHARS = 200


def files_of(visit: Visit, event: StoredEvent) -> list[FileView]:
    """The event's files; raises ``StoreDown``."""
    found = BlobRows(visit.desk.stores.database).of_event(event.id, event.project_id)
    return [
        FileView(one.name, one.kind, one.bytes, links.file(event.id, one.sha256)) for one in found
    ]


def person_of(project: Named, event_id: UUID, picture: Picture) -> PersonView | None:
    """Who met the event; null where it names nobody, or so that no address can."""
    user = user_of(picture)
    if not user.isprintable() or not 0 < len(user) <= _USER_CHARS:
        return None
    at = id_time(event_id)
    times = {
        "from": (at - _DAY).isoformat(timespec="seconds"),
        "to": (at + _DAY).isoformat(timespec="seconds"),
    }
    return PersonView(
        user,
        links.user(project, user),
        links.sessions(project, q=f"user:{quoted(user)}", **times),
        links.traces(project, user=user, **times),
    )


def telling(visit: Visit, event: StoredEvent, picture: Mapping[str, Any]) -> list[TellingView]:
    """The events on the other side, whichever side this one is on, and the traces that an event of
    spans has something of; raises ``StoreDown``.
    """
    found = _traces(ProjectName(event.project_id, event.project), picture)
    about = (picture.get("rum") or {}).get("about")
    if about:
        found.append(TellingView("the event that this tells of", "", links.occurrence(about)))
    sdk_id = picture.get("sdk_id")
    if sdk_id:
        for one in events_about(visit.desk, UUID(sdk_id), event.project_id):
            what = one.columns.get("kind") or one.type
            at = iso(id_time(one.id)) or ""
            found.append(TellingView(str(what), at, links.occurrence(one.id)))
    return found


def _traces(project: Named, picture: Mapping[str, Any]) -> list[TellingView]:
    told = picture.get("trace") or {}
    parts = (*(told.get("spans") or ()), *(told.get("logs") or ()))
    ids = dict.fromkeys(known for one in parts if (known := trace_hex(one["trace_id"])))
    return [TellingView(f"trace {one}", "", links.trace(project, one)) for one in [*ids][:_TRACES]]
