"""One occurrence, whole: the errors with their stacks, the story before, what surrounded it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.dashboard.crash.chain import chain_of
from app.dashboard.crash.crumbs import CrumbsView, crumbs_view
from app.dashboard.crash.frames import Rooms, StackView, stack_view
from app.dashboard.crash.highlights import Highlight, clock_of, highlights
from app.dashboard.crash.parts import Picture, list_of, text_of
from app.dashboard.crash.stack_text import stack_text
from app.dashboard.crash.trace import TraceSection
from app.dashboard.folding import Node, RuleOf, fold, no_rule
from app.dashboard.room import Room

_SECTIONS = (
    ("request", "Request"),
    ("user", "User"),
    ("tags", "Tags"),
    ("environment", "Device and surroundings"),
    ("custom", "Custom data"),
    ("other", "What else was sent"),
    ("threads", "Threads"),
    ("modules", "Modules"),
    ("rum", "Measurements"),
    ("trace", "Spans and logs"),
    ("metric", "Metrics"),
)
_OF_ALL = ("request", "user", "tags", "environment", "custom")
"""Sections that are told of when they are blank, too."""
_NOT_SENT = "The SDK sent none."
#: Characters of a message that a page shows at first.
MESSAGE_CHARS = 500
_UNREAD = "unknown: its bytes cannot be read"
_NO_STACK = "The SDK sent no stack with this error."


@dataclass(frozen=True, slots=True)
class Asked:
    """What of an occurrence is asked for: the least level of breadcrumbs, frames of libraries open
    or folded, and ``all`` that was kept, or what a page has room for.
    """

    level: str = ""
    libraries: bool = False
    all: bool = False


@dataclass(frozen=True, slots=True)
class ErrorView:
    """An error of the chain; ``cause`` of the one before it. ``hidden`` characters of its message
    are not here. ``blank`` says why there is no stack.
    """

    anchor: str
    class_name: str
    message: str
    hidden: int
    cause: bool
    stack: StackView
    blank: str
    data: Node | None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the picture that folds; ``blank`` says why there is none."""

    name: str
    title: str
    node: Node | None
    blank: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A part of what makes crashes one group."""

    part: str
    text: str


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that came with the event."""

    name: str
    kind: str
    bytes: int
    href: str


@dataclass(frozen=True, slots=True)
class TellingView:
    """An event that tells more of this one, or of which this one tells more."""

    what: str
    at: str
    href: str


@dataclass(frozen=True, slots=True)
class PersonView:
    """Who met it: all that is known of them, and their sessions and traces about that time."""

    user: str
    href: str
    sessions_href: str
    traces_href: str


@dataclass(frozen=True, slots=True)
class OccurrenceView:
    """An occurrence as a page shows it. ``missing`` says what could not be read and why; then the
    rest is what PostgreSQL knows. ``redacted`` counts places that rules blanked. ``person``,
    ``trace``, ``files`` and ``telling`` are beside the event's bytes
    (:mod:`app.dashboard.crash.beside`).
    """

    id: str
    type: str
    received_at: str
    occurred_at: str
    platform: str
    clock: str
    highlights: tuple[Highlight, ...]
    errors: tuple[ErrorView, ...]
    stack_text: str
    crumbs: CrumbsView
    sections: tuple[Section, ...]
    reasons: tuple[Reason, ...]
    redacted: int
    missing: str
    asked: Asked
    person: PersonView | None = None
    trace: TraceSection | None = None
    files: tuple[FileView, ...] = ()
    telling: tuple[TellingView, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page has room for, in parts, and by which rules values are blanked."""

    rooms: Rooms
    messages: Room
    text: int
    crumbs: Room
    most_crumbs: int
    nodes: int
    sections: Room


def _page_of(asked: Asked, rule_of: RuleOf) -> _Page:
    """A page of about 80 kB; with all that was kept, one that is bounded yet."""
    if asked.all:
        rooms = Rooms(500, Room(300_000), Room(600_000), rule_of)
        return _Page(rooms, Room(100_000), 100_000, Room(400_000), 1_000, 4_000, Room(1_000_000))
    rooms = Rooms(60, Room(11_000), Room(6_000), rule_of)
    return _Page(rooms, Room(4_000), 4_000, Room(11_000), 50, 120, Room(9_000))


def occurrence_view(
    picture: Picture, asked: Asked, missing: str = "", rule_of: RuleOf = no_rule
) -> OccurrenceView:
    """The page of an event from its full picture, or, with what is ``missing``, from its row."""
    page = _page_of(asked, rule_of)
    redacted = picture.get("redacted")
    return OccurrenceView(
        id=text_of(picture, "id"),
        type=text_of(picture, "type"),
        received_at=text_of(picture, "received_at"),
        occurred_at=text_of(picture, "occurred_at"),
        platform=text_of(picture, "platform"),
        clock=clock_of(picture),
        highlights=highlights(picture, _blank(picture, missing and _UNREAD, "not sent")),
        errors=tuple(_errors(picture, page, missing)),
        stack_text="" if missing else stack_text(picture, page.text),
        crumbs=crumbs_view(picture, asked.level, page.most_crumbs, page.crumbs, rule_of),
        sections=tuple(_sections(picture, page, missing)),
        reasons=tuple(_reasons(picture)),
        redacted=redacted if isinstance(redacted, int) else 0,
        missing=missing,
        asked=asked,
    )


def _blank(picture: Picture, missing: str, not_sent: str) -> str:
    """Why a part of a crash is blank; of other events parts that are blank are not told of."""
    return missing or (not_sent if picture.get("type", "crash") == "crash" else "")


def _errors(picture: Picture, page: _Page, missing: str) -> Iterator[ErrorView]:
    platform = text_of(picture, "platform")
    for number, error in enumerate(chain_of(picture), 1):
        message, hidden = page.messages.capped(text_of(error, "message"), MESSAGE_CHARS)
        data = error.get("data")
        # The first error's frames have the short anchors, which people share.
        stack = stack_view(error, platform, "f" if number == 1 else f"e{number}f", page.rooms)
        yield ErrorView(
            f"e{number}",
            text_of(error, "class_name"),
            message,
            hidden,
            number > 1,
            stack,
            "" if stack.runs or stack.hidden else missing or _NO_STACK,
            fold(data, page.nodes, page.rooms.rule_of, page.messages) if data else None,
        )


def _sections(picture: Picture, page: _Page, missing: str) -> Iterator[Section]:
    for name, title in _SECTIONS:
        value: Any = picture.get(name)
        if value not in (None, {}, [], ""):
            node = fold(value, page.nodes, page.rooms.rule_of, page.sections)
            yield Section(name, title, node, "")
        elif name in _OF_ALL and (blank := _blank(picture, missing, _NOT_SENT)):
            yield Section(name, title, None, blank)


def _reasons(picture: Picture) -> list[Reason]:
    return [
        Reason(text_of(one, "part"), text_of(one, "text"))
        for one in list_of(picture, "grouping")
        if isinstance(one, dict)
    ]
