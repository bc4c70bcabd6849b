"""An occurrence: the full picture of one event, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from flask import Response

from app.api.events import find_event, read_event_raw
from app.api.picture import full_picture, identity
from app.api.signed_urls import make_signed_url
from app.dashboard import links
from app.dashboard.beside import FileView, TellingView, files_of, telling
from app.dashboard.leading import lead_to
from app.dashboard.links import ProjectName
from app.dashboard.page import Page, Visit
from app.dashboard.text import as_text
from app.errors import ApiError, not_found
from app.raw import read_raw
from storage.sql.blob_rows import BlobRows
from storage.sql.events import StoredEvent

MOST_FRAMES = 200
MOST_ERRORS = 20
MOST_ROWS = 200
MOST_CRUMBS = 200
_FILE_SECONDS = 300

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FrameView:
    """A frame, or ``times`` equal frames in a row."""

    where: str
    place: str
    source: str
    in_app: bool
    locals: list[Row]
    times: int


@dataclass(frozen=True, slots=True)
class ErrorView:
    """One error of the chain; ``hidden`` frames were left out, ``data`` is what it carries."""

    class_name: str
    message: str
    frames: list[FrameView]
    hidden: int
    data: list[Row]


@dataclass(frozen=True, slots=True)
class CrumbView:
    """A breadcrumb."""

    timestamp: str
    level: str
    category: str
    message: str
    data: str


@dataclass(frozen=True, slots=True)
class Section:
    """A named table of keys and values; ``hidden`` rows were left out."""

    title: str
    rows: list[Row]
    hidden: int


@dataclass(frozen=True, slots=True)
class OccurrenceView:
    """A crash, whole. Without ``picture`` its bytes could not be read, and this is what PostgreSQL
    knows of it. ``group_href`` is null for a type without groups.
    """

    title: str
    id: str
    project: ProjectName
    group_href: str | None
    raw_href: str
    highlights: list[Row]
    errors: list[ErrorView]
    sections: list[Section]
    crumbs: list[CrumbView]
    hidden_crumbs: int
    picture: bool = True
    files: list[FileView] = field(default_factory=list)
    telling: list[TellingView] = field(default_factory=list)


def _text(part: Mapping[str, Any], key: str) -> str:
    value = part.get(key)
    return "" if value is None else as_text(value)


def _rows(part: Any) -> list[Row]:
    if part in (None, {}, [], ""):
        return []
    items = part.items() if isinstance(part, Mapping) else [("", part)]
    return [(str(key), as_text(value)) for key, value in items if value is not None]


def _frame(frame: Mapping[str, Any], times: int) -> FrameView:
    names = (_text(frame, key) for key in ("class_name", "method"))
    place = (_text(frame, key) for key in ("file", "line", "column"))
    return FrameView(
        ".".join(filter(None, names)) or "(unnamed)",
        ":".join(filter(None, place)),
        _text(frame, "source").strip("\n"),
        frame.get("in_app") is not False,
        _rows(frame.get("locals"))[:MOST_ROWS],
        times,
    )


def _error(error: Mapping[str, Any]) -> ErrorView:
    frames = [(frame, len(list(equal))) for frame, equal in groupby(error.get("frames") or [])]
    return ErrorView(
        _text(error, "class_name") or "(no class)",
        _text(error, "message"),
        [_frame(frame, times) for frame, times in frames[:MOST_FRAMES]],
        sum(times for _, times in frames[MOST_FRAMES:]) + (error.get("frames_omitted") or 0),
        _rows(error.get("data"))[:MOST_ROWS],
    )


def error_chain(error: Mapping[str, Any] | None) -> Iterator[ErrorView]:
    """The error and those that caused it, depth first, the outermost first."""
    waiting = [error] if error else []
    for _ in range(MOST_ERRORS):
        if not waiting:
            return
        one = waiting.pop()
        yield _error(one)
        waiting.extend(reversed(one.get("inner") or []))


def _section(title: str, part: Any) -> Section | None:
    rows = _rows(part)
    return Section(title, rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS)) if rows else None


def _sections(picture: Mapping[str, Any]) -> list[Section]:
    titles = ("rum", "trace", "metric", "user", "request", "environment", "custom")
    made = (_section(title.capitalize(), picture.get(title)) for title in titles)
    return [section for section in made if section is not None]


def _crumbs(crumbs: Sequence[Mapping[str, Any]]) -> list[CrumbView]:
    """The last ones: those nearest to the crash."""
    return [
        CrumbView(
            _text(crumb, "timestamp"),
            _text(crumb, "level"),
            " ".join(filter(None, (_text(crumb, "type"), _text(crumb, "category")))),
            _text(crumb, "message"),
            _text(crumb, "data"),
        )
        for crumb in crumbs[-MOST_CRUMBS:]
    ]


def _highlights(picture: Mapping[str, Any]) -> list[Row]:
    client: Mapping[str, Any] = picture.get("client") or {}
    user: Mapping[str, Any] = picture.get("user") or {}
    tags = picture.get("tags") or []
    named = (
        ("Project", _text(picture, "project")),
        ("Received", _text(picture, "received_at")),
        ("Occurred", _text(picture, "occurred_at")),
        ("Version", _text(picture, "version")),
        ("Machine", _text(picture, "machine")),
        ("User", next((t for k in ("identifier", "email", "name") if (t := _text(user, k))), "")),
        ("Tags", ", ".join(as_text(tag) for tag in tags) if isinstance(tags, list) else ""),
        ("Client", " ".join(filter(None, (_text(client, "name"), _text(client, "version"))))),
    )
    return [(label, text) for label, text in named if text]


def occurrence_view(
    event: StoredEvent, picture: Mapping[str, Any], *, whole: bool = True
) -> OccurrenceView:
    """The page of an event from its full picture, or from what its row gives."""
    project = ProjectName(event.project_id, event.project)
    errors = list(error_chain(picture.get("error")))
    crumbs = picture.get("breadcrumbs") or []
    return OccurrenceView(
        title=errors[0].class_name if errors else f"{picture['type']} event",
        id=str(event.id),
        project=project,
        group_href=links.group(project, event.group_id) if event.group_id else None,
        raw_href=links.raw(event.id),
        highlights=_highlights(picture),
        errors=errors,
        sections=_sections(picture),
        crumbs=_crumbs(crumbs),
        hidden_crumbs=max(0, len(crumbs) - MOST_CRUMBS),
        picture=whole,
    )


def _known(event: StoredEvent) -> dict[str, Any]:
    """The picture that an event's row alone gives."""
    names = {key: event.columns.get(key) for key in ("class_name", "message")}
    error = names if any(names.values()) else None
    return {**identity(event), "version": event.columns.get("version"), "error": error}


def occurrence(visit: Visit) -> OccurrenceView:
    """The event that the path names; without its bytes what its row gives, and the gap is noted.

    Raises ``ApiError`` 404 and ``StoreDown`` for PostgreSQL.
    """
    event = _find(visit)

    def read() -> bytes | None:
        try:
            return read_raw(visit.desk.stores.payloads, event)
        except ApiError as exc:
            visit.gaps.note("the full picture", "files", exc.message)
            return None

    raw = visit.gaps.fill("the full picture", read, None)
    picture = _known(event) if raw is None else full_picture(event, raw)
    return replace(
        occurrence_view(event, picture, whole=raw is not None),
        files=visit.gaps.fill("files", lambda: files_of(visit, event), []),
        telling=visit.gaps.fill("related events", lambda: telling(visit, event, picture), []),
    )


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


def _find(visit: Visit) -> StoredEvent:
    event = find_event(visit.desk, visit.arguments["event"])
    visit.require(event.project_id, "event")
    return event


PAGES = (
    Page(
        "/o/<event>", "occurrence", occurrence, "pages/occurrence.html", needs="read", scope="owned"
    ),
    Page("/o/<event>/raw", "raw", raw, needs="read", scope="owned", twins=False),
    Page("/o/<event>/files/<sha256>", "file", file, needs="read", scope="owned", twins=False),
)
