"""What belongs to an event and is not in its bytes: its files, and events that tell more of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.api.related import events_about
from app.api.times import iso
from app.dashboard import links
from app.dashboard.crash.occurrence import FileView, TellingView
from app.dashboard.page import Visit
from events.ids import id_time
from storage.sql.blob_rows import BlobRows
from storage.sql.events import StoredEvent


def files_of(visit: Visit, event: StoredEvent) -> list[FileView]:
    """The event's files; raises ``StoreDown``."""
    found = BlobRows(visit.desk.stores.database).of_event(event.id, event.project_id)
    return [
        FileView(one.name, one.kind, one.bytes, links.file(event.id, one.sha256)) for one in found
    ]


def telling(visit: Visit, event: StoredEvent, picture: Mapping[str, Any]) -> list[TellingView]:
    """The events on the other side, whichever side this one is on; raises ``StoreDown``."""
    found: list[TellingView] = []
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
