"""A stack for a person: the frame that raised open, equal ones folded, libraries' put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from app.dashboard.crash.code import Piece, coloured
from app.dashboard.crash.parts import Picture, list_of, text_of, whole_of
from app.dashboard.folding import Node, RuleOf, fold, no_rule
from app.dashboard.room import Room
from app.dashboard.text import visible

_LOCALS_NODES = 80
_TEXT = 300
_LINE = 500
#: Bytes of markup around a frame, and around a line of source.
_AROUND_FRAME, _AROUND_LINE = 150, 60


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of source with its number, null where the SDK did not tell; ``hit`` is the frame's."""

    number: int | None
    pieces: tuple[Piece, ...]
    hit: bool


@dataclass(frozen=True, slots=True)
class FrameView:
    """A frame, or ``times`` equal ones in a row. ``anchor`` is its place in the page's address;
    ``raised``: the innermost of the application's own, where a person begins to read. ``more``: it
    came with source or variables that are not here.
    """

    anchor: str
    where: str
    place: str
    in_app: bool
    raised: bool
    times: int
    lines: tuple[SourceLine, ...] = ()
    locals: Node | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Frames in a row, all of the application or all of libraries, and how many they stand for."""

    in_app: bool
    frames: tuple[FrameView, ...]
    count: int


@dataclass(frozen=True, slots=True)
class StackView:
    """A stack by runs, innermost first; ``hidden`` frames more were left out."""

    runs: tuple[Run, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a page has room for: so many frames of a stack, bytes of frames, bytes of source and
    variables.
    """

    most: int
    frames: Room
    source: Room
    rule_of: RuleOf = no_rule


def stack_view(error: Picture, platform: str, anchor: str, rooms: Rooms) -> StackView:
    """The stack of an error of a picture; ``anchor`` begins the anchors of its frames."""
    equal = [(frame, len(list(same))) for frame, same in groupby(list_of(error, "frames"))]
    shown = equal[: rooms.most]
    raised = next((n for n, (frame, _) in enumerate(shown) if _is_own(frame)), 0)
    views = []
    for number, (frame, times) in enumerate(shown):
        view = _frame(frame, f"{anchor}{number + 1}", times, is_raised=number == raised)
        if not rooms.frames.take(view.where, view.place, around=_AROUND_FRAME):
            break
        views.append(view)
    # The room for source is for what is read first.
    for number in sorted(range(len(views)), key=lambda n: (n != raised, not views[n].in_app, n)):
        views[number] = _with_source(views[number], shown[number][0], platform, rooms)
    hidden = sum(times for _, times in equal[len(views) :])
    return StackView(tuple(_runs(views)), hidden + (whole_of(error, "frames_omitted") or 0))


def where_of(frame: Picture) -> str:
    """The function of a frame, with its class where it has one."""
    names = (text_of(frame, key) for key in ("class_name", "method"))
    return ".".join(filter(None, names)) or "(unnamed)"


def place_of(frame: Picture) -> str:
    """Where a frame is: file, line, column."""
    return ":".join(filter(None, (text_of(frame, key) for key in ("file", "line", "column"))))


def _is_own(frame: Picture) -> bool:
    return frame.get("in_app") is not False


def _runs(frames: Sequence[FrameView]) -> Iterator[Run]:
    for in_app, together in groupby(frames, lambda frame: frame.in_app):
        run = tuple(together)
        yield Run(in_app, run, sum(frame.times for frame in run))


def _frame(frame: Picture, anchor: str, times: int, *, is_raised: bool) -> FrameView:
    where, place = visible(where_of(frame), _TEXT), visible(place_of(frame), _TEXT)
    return FrameView(anchor, where, place, _is_own(frame), is_raised, times)


def _with_source(view: FrameView, frame: Picture, platform: str, rooms: Rooms) -> FrameView:
    """A frame with its line and those around it. Colours are for the one that is read first."""
    texts = [visible(str(text).rstrip("\r\n"), _LINE) for text in _texts(frame)]
    held = frame.get("locals")
    if not rooms.source.take(*texts, around=_AROUND_LINE * len(texts)):
        return replace(view, more=True)
    line, before = whole_of(frame, "line"), len(list_of(frame, "before"))
    lines = (
        SourceLine(
            None if line is None else line - before + offset,
            coloured(platform, text) if view.raised else (Piece("", text),),
            offset == before,
        )
        for offset, text in enumerate(texts)
    )
    node = fold(held, _LOCALS_NODES, rooms.rule_of, rooms.source) if held else None
    return replace(view, lines=tuple(lines), locals=node)


def _texts(frame: Picture) -> list[object]:
    """A frame's line of source between those around it; none where the SDK sent none."""
    before, after = list_of(frame, "before"), list_of(frame, "after")
    source = text_of(frame, "source")
    return [*before, source, *after] if source or before or after else []
