"""A crash as text, in the way of its language, for tickets and for search engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby, takewhile

from app.dashboard.crash.chain import chain_of
from app.dashboard.crash.frames import where_of
from app.dashboard.crash.parts import Picture, list_of, text_of, whole_of
from app.dashboard.room import Room
from app.dashboard.text import visible

_MESSAGE = 2_000
_LINE = 500


def stack_text(picture: Picture, most: int) -> str:
    """The errors of a crash with their frames, the outermost error first, in about ``most`` bytes;
    empty without any.
    """
    room = Room(most)
    lines = list(_lines(picture))
    shown = list(takewhile(lambda line: room.take(line, around=1), lines))
    if len(shown) < len(lines):
        shown.append(f"… {len(lines) - len(shown):,} more lines")
    return "\n".join(shown)


def _lines(picture: Picture) -> Iterator[str]:
    platform = text_of(picture, "platform")
    write = _WRITERS.get(platform, _at)
    for number, error in enumerate(chain_of(picture)):
        said = ": ".join(filter(None, (text_of(error, key) for key in ("class_name", "message"))))
        begins = "Caused by: " if number else ""
        yield begins + visible(said or "(no message)", _MESSAGE)
        yield from _frames(error, platform, write)


def _frames(error: Picture, platform: str, write: Callable[[Picture], str]) -> Iterator[str]:
    frames = list_of(error, "frames")
    if platform == "python":
        # As Python writes them: the outermost call first.
        yield "Traceback (most recent call last):"
        frames = frames[::-1]
    for frame, equal in groupby(frames):
        yield visible(write(frame), _LINE)
        if (times := len(list(equal))) > 1:
            yield f"    … {times - 1:,} more times"
    if omitted := whole_of(error, "frames_omitted"):
        yield f"    … {omitted:,} more that were not kept"


def _place(frame: Picture, *, column: bool = True) -> str:
    keys = ("file", "line", "column") if column else ("file", "line")
    return ":".join(filter(None, (text_of(frame, key) for key in keys)))


def _at(frame: Picture) -> str:
    """JavaScript's, and whatever has no way of its own."""
    place = _place(frame)
    return f"    at {where_of(frame)} ({place})" if place else f"    at {where_of(frame)}"


def _python(frame: Picture) -> str:
    line, source = text_of(frame, "line"), text_of(frame, "source")
    told = f'  File "{text_of(frame, "file") or "?"}", line {line or "?"}, in {where_of(frame)}'
    return f"{told}\n    {source.strip()}" if source.strip() else told


def _java(frame: Picture) -> str:
    return f"\tat {where_of(frame)}({_place(frame, column=False) or 'Unknown Source'})"


def _dotnet(frame: Picture) -> str:
    file, line = text_of(frame, "file"), text_of(frame, "line")
    place = f" in {file}:line {line}" if file else ""
    return f"   at {where_of(frame)}{place}"


def _go(frame: Picture) -> str:
    return f"{where_of(frame)}(...)\n\t{_place(frame, column=False) or '?'}"


def _ruby(frame: Picture) -> str:
    return f"\tfrom {_place(frame, column=False) or '?'}:in '{where_of(frame)}'"


def _php(frame: Picture) -> str:
    file, line = text_of(frame, "file"), text_of(frame, "line")
    place = f"{file}({line})" if file else "[internal function]"
    name = "->".join(filter(None, (text_of(frame, key) for key in ("class_name", "method"))))
    return f"#- {place}: {name or '(unnamed)'}()"


def _apple(frame: Picture) -> str:
    return f"    {text_of(frame, 'file') or '?'}  {where_of(frame)}"


_WRITERS: dict[str, Callable[[Picture], str]] = {
    "python": _python,
    "java": _java,
    "dotnet": _dotnet,
    "go": _go,
    "ruby": _ruby,
    "php": _php,
    "apple": _apple,
}
