"""What the page of an event shows, made from its full picture; pure, apart from the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from app.dashboard.text import as_text

MOST_FRAMES = 200
MOST_ERRORS = 20
MOST_ROWS = 200
MOST_CRUMBS = 200

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
class EventView:
    """A crash, whole. ``problem`` says why its raw bytes could not be read, if so."""

    id: str
    title: str
    group_id: str | None
    highlights: list[Row]
    errors: list[ErrorView]
    sections: list[Section]
    crumbs: list[CrumbView]
    hidden_crumbs: int
    problem: str | None


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
    titles = ("rum", "user", "request", "environment", "custom")
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


def event_view(picture: Mapping[str, Any], problem: str | None = None) -> EventView:
    """The page of an event from its full picture, or from what its row gives."""
    errors = list(error_chain(picture.get("error")))
    crumbs = picture.get("breadcrumbs") or []
    first = errors[0] if errors else None
    title = first.class_name if first else f"{picture['type']} event"
    return EventView(
        id=picture["id"],
        title=title,
        group_id=picture["group_id"],
        highlights=_highlights(picture),
        errors=errors,
        sections=_sections(picture),
        crumbs=_crumbs(crumbs),
        hidden_crumbs=max(0, len(crumbs) - MOST_CRUMBS),
        problem=problem,
    )
