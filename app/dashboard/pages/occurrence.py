"""An occurrence by its id alone: the permanent link, its bytes, and a file for a ticket."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, render_template

from app.api.endpoint import parse_id
from app.api.events import id_of_sdk, read_event_raw
from app.api.signed_urls import make_signed_url
from app.dashboard import links
from app.dashboard.crash.occurrence import Asked, OccurrenceView, occurrence_view
from app.dashboard.crash.reading import picture_of, read_occurrence
from app.dashboard.crash.scrubbing import scrubbed
from app.dashboard.leading import lead_to
from app.dashboard.links import ProjectName
from app.dashboard.page import Page, Visit
from app.dashboard.pages.group import OccurrenceArguments, asked_of
from app.dashboard.pages.groups import GroupRow, group_row
from app.errors import ApiError, not_found
from events.ids import id_time, is_event_id
from storage.sql.blob_rows import BlobRows
from storage.sql.events import StoredEvent

_FILE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class OccurrencePage:
    """A crash, whole. ``group`` is null for a type without groups; ``group_href`` is the occurrence
    among those of its group.
    """

    title: str
    project: ProjectName
    group: GroupRow | None
    group_href: str
    occurrence: OccurrenceView


def occurrence(visit: Visit) -> OccurrencePage:
    """The event that the path names, by our id or its SDK's; without its bytes what its row gives,
    and the gap is noted.

    Raises ``ApiError`` 404 and ``StoreDown`` for PostgreSQL.
    """
    event = _find(visit)
    project = ProjectName(event.project_id, event.project)
    shown = read_occurrence(visit, event, asked_of(visit))
    found = visit.desk.stores.groups.find(event.group_id) if event.group_id else None
    group = group_row(found, project, visit.now, ()) if found else None
    return OccurrencePage(
        title=_title(event),
        project=project,
        group=group,
        group_href=links.in_group(group.href, event.id) if group else "",
        occurrence=shown,
    )


def evidence(visit: Visit) -> Response:
    """The event that the path names as a file that opens anywhere, scrubbed once more.

    Raises ``ApiError`` 503 when its bytes cannot be read: a file that is kept has no gaps.
    """
    event = _find(visit)
    picture, missing = picture_of(visit, event)
    if missing:
        raise ApiError(
            503, "unavailable", f"There is no evidence file of this event now: {missing}"
        )
    known = visit.desk.stores.redaction.read(event.project_id).project
    view = occurrence_view(scrubbed(picture, known.rules, known.keys), Asked(all=True))
    html = render_template("pages/evidence.html", view=view, title=_title(event), made=visit.now)
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="crash-{event.id}.html"'
    return response


def raw(visit: Visit) -> Response:
    """The bytes of the event that the path names."""
    return read_event_raw(visit.desk, {"event_id": str(_find(visit).id)})


def file(visit: Visit) -> Response:
    """Where a file that came with the event can be had, for five minutes."""
    event = _find(visit)
    asked = visit.arguments["sha256"]
    found = BlobRows(visit.desk.stores.database).of_event(event.id, event.project_id)
    if asked not in {one.sha256.hex() for one in found}:
        raise not_found("file")
    wanted = {"event": None, "blob": asked, "project": event.project, "seconds": _FILE_SECONDS}
    return lead_to(str(make_signed_url(visit.desk, wanted)["url"]))


def _title(event: StoredEvent) -> str:
    return str(event.columns.get("class_name") or f"{event.type} event")


def _find(visit: Visit) -> StoredEvent:
    """The event of the path's id, ours or its SDK's; raises ``ApiError`` 404 and 409."""
    event_id = parse_id(visit.arguments["event"], "event")
    what = "event"
    if is_event_id(event_id):
        day = f"{id_time(event_id):%Y-%m-%d}"
        what += f" any more. If it was received on {day}, it is past its term, or was erased"
    desk = visit.desk
    event = desk.stores.events.find(event_id)
    if event is None and (known := id_of_sdk(desk, event_id, desk.caller)) is not None:
        event = desk.stores.events.find(known)
    if event is None:
        raise not_found(what)
    visit.require(event.project_id, what)
    return event


PAGES = (
    Page(
        "/o/<event>",
        "occurrence",
        occurrence,
        "pages/occurrence.html",
        OccurrenceArguments,
        needs="read",
        scope="owned",
        markdown="pages/crash.md",
    ),
    Page("/o/<event>/evidence", "evidence", evidence, needs="read", scope="owned", twins=False),
    Page("/o/<event>/raw", "raw", raw, needs="read", scope="owned", twins=False),
    Page("/o/<event>/files/<sha256>", "file", file, needs="read", scope="owned", twins=False),
)
