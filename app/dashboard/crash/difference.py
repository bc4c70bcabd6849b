"""What differs between two occurrences: values by path, stacks and breadcrumbs line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.dashboard.crash.crumbs import crumbs_view
from app.dashboard.crash.parts import Picture
from app.dashboard.crash.stack_text import stack_text
from app.dashboard.room import Room
from app.dashboard.text import as_text

_PARTS = (
    ("", "Facts"),
    ("request", "Request"),
    ("user", "User"),
    ("tags", "Tags"),
    ("environment", "Device and surroundings"),
    ("custom", "Custom data"),
)
_FACTS = ("occurred_at", "received_at", "version", "machine", "client", "redacted")
_MOST_VALUES = 2_000
_MOST_DEPTH = 12
_MOST_LINES = 400
_VALUE = 1_000
_AROUND = 150
_BYTES = 50_000
_STACK_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Differing:
    """A value that differs; null where it is absent."""

    path: str
    one: str | None
    other: str | None


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of two occurrences: so many values are alike, ``hidden`` differing ones not shown."""

    title: str
    differing: tuple[Differing, ...]
    alike: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of both, or of one alone: ``sign`` is ``-`` for the first, ``+`` for the second,
    ``…`` where lines of both were left out.
    """

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class LinesView:
    """Text of two occurrences line by line; ``alike``: there is no difference."""

    title: str
    lines: tuple[Line, ...]
    alike: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two occurrences."""

    parts: tuple[PartView, ...]
    texts: tuple[LinesView, ...]


def difference(one: Picture, other: Picture) -> Difference:
    """What differs between two pictures, as much of it as a page has room for."""
    room = Room(_BYTES)
    texts = (
        _lines("Stack", *(stack_text(each, _STACK_BYTES).splitlines() for each in (one, other))),
        _lines("Breadcrumbs", _crumbs(one), _crumbs(other)),
    )
    kept = tuple(
        LinesView(text.title, tuple(_fitting(text.lines, room)), text.alike) for text in texts
    )
    parts = tuple(_part(name, title, one, other, room) for name, title in _PARTS)
    return Difference(parts, kept)


def _part(name: str, title: str, one: Picture, other: Picture, room: Room) -> PartView:
    first, second = (_values(name, each) for each in (one, other))
    paths = list(dict.fromkeys([*first, *second]))
    unlike = [path for path in paths if first.get(path) != second.get(path)]
    shown = []
    for path in unlike:
        differing = Differing(path, _cut(first.get(path)), _cut(second.get(path)))
        texts = (path, differing.one or "", differing.other or "")
        if not room.take(*texts, around=_AROUND):
            break
        shown.append(differing)
    return PartView(title, tuple(shown), len(paths) - len(unlike), len(unlike) - len(shown))


def _values(name: str, picture: Picture) -> dict[str, str]:
    part = picture.get(name) if name else {key: picture.get(key) for key in _FACTS}
    values: dict[str, str] = {}
    for path, value in _flat(part, "", 0):
        if len(values) >= _MOST_VALUES:
            break
        values[path] = value
    return values


def _flat(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth < _MOST_DEPTH and isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif depth < _MOST_DEPTH and isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _flat(item, f"{path}[{number}]", depth + 1)
    elif value is not None:
        yield path, as_text(value)


def _cut(value: str | None) -> str | None:
    if value is None or len(value) <= _VALUE:
        return value
    return f"{value[:_VALUE]}… ({len(value) - _VALUE:,} more characters)"


def _crumbs(picture: Picture) -> list[str]:
    crumbs = crumbs_view(picture, "", _MOST_LINES, Room(_STACK_BYTES)).crumbs
    parts = ((one.level, one.category, one.message) for one in crumbs)
    return [" ".join(filter(None, texts)).replace("\n", " ") for texts in parts]


def _lines(title: str, one: list[str], other: list[str]) -> LinesView:
    first, second = one[:_MOST_LINES], other[:_MOST_LINES]
    found = []
    # The two lines of a unified difference that name its files say nothing here.
    for line in list(difflib.unified_diff(first, second, lineterm="", n=2))[2:]:
        found.append(Line("…", "") if line.startswith("@@") else Line(line[0].strip(), line[1:]))
    return LinesView(title, tuple(found), one == other)


def _fitting(lines: tuple[Line, ...], room: Room) -> Iterator[Line]:
    for line in lines:
        if not room.take(line.text, around=_AROUND // 3):
            yield Line("…", "")
            return
        yield line
