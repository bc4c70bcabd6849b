"""Stacks that arrive as text, read into errors with frames: Python, JavaScript, Java, Go, .NET,
Ruby and PHP. Pure, and linear in the text.

What is no frame is passed over. A text of which nothing can be read gives no frames.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

from events.code import in_app
from events.fields import integer
from events.report import Frame
from events.text import clip

MAX_FRAMES = 2_000
MAX_CAUSES = 60
_MAX_CHARS = 1_000_000
_MAX_LINE = 2_000
"""Longer lines are messages, or nothing that a person would call a frame."""
_TELLING = 50
"""The lines by which a language is told."""
_NAME = 1_000
_MESSAGE = 100_000


class Told(NamedTuple):
    """An error as a stack's text tells it: class and message where it does, frames innermost
    first.
    """

    class_name: str | None
    message: str | None
    frames: list[Frame]


class _Call(NamedTuple):
    """What one line says of a call."""

    file: str | None
    line: str | None
    column: str | None = None
    class_name: str | None = None
    method: str | None = None
    source: str | None = None


def read_stack(text: str, platform: str) -> list[Told]:
    """The error that a stack's text tells of, then its causes, the nearest first.

    ``platform`` is a language of :mod:`events.code`; of others the text itself decides.
    """
    lines = [line[:_MAX_LINE] for line in text[:_MAX_CHARS].splitlines()]
    read = _READERS.get(platform) or _recognised(lines)
    return read(lines, platform)[: MAX_CAUSES + 1]


def platform_of(text: str) -> str | None:
    """The language that a stack's text shows to be its own; null where it could be several."""
    lines = [line[:_MAX_LINE] for line in text[:_MAX_CHARS].splitlines()[:_TELLING]]
    return next((name for name, shows in _SHAPES if any(map(shows, lines))), None)


def _recognised(lines: list[str]) -> Callable[[list[str], str], list[Told]]:
    known = platform_of("\n".join(lines[:_TELLING]))
    return _READERS[known] if known else _javascript


def _frames(calls: Iterable[_Call], platform: str) -> list[Frame]:
    frames: list[Frame] = []
    for call in calls:
        if len(frames) >= MAX_FRAMES:
            break
        names = [part and clip(part, _NAME) for part in (call.file, call.class_name, call.method)]
        file, class_name, method = names
        frames.append(
            Frame(
                file,
                integer(call.line),
                integer(call.column),
                class_name,
                method,
                clip(call.source, _NAME) if call.source else None,
                in_app(platform, file, class_name, method),
            )
        )
    return frames


def _headed(line: str) -> tuple[str | None, str | None]:
    """The class and the message of a line such as ``shop.NoStock: none of MUG-01 left``."""
    name, colon, message = line.partition(": ")
    if not colon:
        name, message = line.rstrip(":"), ""
    name = name.strip()
    if not name or len(name) > _NAME or " " in name:
        return None, clip(line.strip(), _MESSAGE) or None
    return name, clip(message.strip(), _MESSAGE) or None


# Python: the outermost call first; of chained errors the first that happened first.

_PY_START = re.compile(r"\s*(?:\+ )?(?:\| )?Traceback \(most recent call last\):\s*$")
_PY_FRAME = re.compile(r'\s*(?:\| )?File "([^"\n]+)", line (\d+)(?:, in (.+))?$')
_PY_MARKS = re.compile(r"[\s|~^]*$")


def _python(lines: list[str], platform: str) -> list[Told]:
    told: list[Told] = []
    calls: list[_Call] = []
    within = False
    for at, line in enumerate(lines):
        if _PY_START.match(line):
            calls, within = [], True
        elif within and (frame := _PY_FRAME.match(line)):
            source = lines[at + 1] if at + 1 < len(lines) else ""
            known = source.strip() and not _PY_FRAME.match(source) and source[:1].isspace()
            text = source.strip() if known else None
            calls.append(_Call(frame[1], frame[2], method=frame[3], source=text))
        elif within and line[:1].strip() and not _PY_MARKS.match(line):
            told.append(Told(*_headed(line), _frames(reversed(calls), platform)))
            within = False
    if within and calls:
        told.append(Told(None, None, _frames(reversed(calls), platform)))
    return told[::-1]


# JavaScript: V8 writes "at name (file:line:column)", others "name@file:line:column".

_JS_CAUSE = re.compile(r"\s*(?:\[cause\]|Caused by): (.*)")


def _javascript(lines: list[str], platform: str) -> list[Told]:
    return _sections(lines, platform, _js_call, _JS_CAUSE)


def _js_call(line: str) -> _Call | None:
    text = _after_at(line)
    if text is None:
        method, at, place = line.strip().partition("@")
        return _js_place(place, method) if at else None
    text = text.removeprefix("async ")
    if text.endswith(")"):
        method, bracket, place = text[:-1].rpartition(" (")
        if bracket:
            return _js_place(place, method)
    return _js_place(text, "")


def _js_place(place: str, method: str) -> _Call | None:
    file, line, column = _numbered(place)
    if line is None and "/" not in place and place not in ("native", "<anonymous>"):
        return None
    return _Call(file, line, column, method=method or None)


def _numbered(place: str) -> tuple[str, str | None, str | None]:
    """A place as "file:line:column", "file:line" or "file"."""
    file, _, last = place.rpartition(":")
    if not file or not last.isdecimal():
        return place, None, None
    before, _, line = file.rpartition(":")
    return (before, line, last) if before and line.isdecimal() else (file, last, None)


def _after_at(line: str) -> str | None:
    """What follows "at" on a line that is set in, as most languages write their calls."""
    text = line.strip()
    return text[3:] if text.startswith("at ") and line[:1].isspace() else None


# Java and its like: "at package.Class.method(File.java:12)", causes below "Caused by:".

_JAVA_CAUSE = re.compile(r"Caused by: (.*)")


def _java(lines: list[str], platform: str) -> list[Told]:
    return _sections(lines, platform, _java_call, _JAVA_CAUSE)


def _java_call(line: str) -> _Call | None:
    text = _after_at(line)
    called, bracket, place = (text or "").partition("(")
    class_name, dot, method = called.rpartition("/")[2].rpartition(".")
    if not bracket or not dot or " " in called:
        return None
    file, _, number = place.partition(")")[0].partition(":")
    known = file not in ("", "Unknown Source", "Native Method")
    return _Call(file if known else None, number or None, class_name=class_name, method=method)


# .NET: "at Namespace.Class.Method(arguments) in file:line 12"; inner errors come first, each
# ended by a line that says so.

_NET_INNER = re.compile(r"\s*-+> (?:\(Inner Exception #\d+\) )?(.*)")
_NET_END = re.compile(r"\s*--- End of inner exception stack trace ---")


def _dotnet(lines: list[str], platform: str) -> list[Told]:
    heads: list[str] = []
    calls: list[list[_Call]] = []
    depth = 0
    for line in lines:
        for part in line.split(" ---> ") if not heads else [line]:
            if heads and _NET_END.match(part):
                depth = max(0, depth - 1)
            elif (call := _net_call(part)) is not None:
                if heads:
                    calls[depth].append(call)
            elif not heads or _NET_INNER.match(part) or part is not line:
                inner = _NET_INNER.match(part)
                heads.append(inner[1] if inner else part)
                calls.append([])
                depth = len(heads) - 1
    return [
        Told(*_headed(head), _frames(made, platform))
        for head, made in zip(heads, calls, strict=True)
    ]


def _net_call(line: str) -> _Call | None:
    text = _after_at(line)
    called, bracket, rest = (text or "").partition("(")
    class_name, dot, method = called.rpartition(".")
    if not bracket or not dot:
        return None
    place = rest.partition(") in ")[2]
    file, _, number = place.rpartition(":")
    digits = "".join(char for char in number if char.isdecimal())
    return _Call(file or None, digits or None, class_name=class_name, method=method)


# Go: a line for the function and one for its place, innermost first, after "goroutine 1 [running]".

_GO_PLACE = re.compile(r"\t(.+\.(?:go|s)):(\d+)(?: \+0x[0-9a-f]+)?\s*$")


def _go(lines: list[str], platform: str) -> list[Told]:
    calls = []
    for before, line in pairwise(lines):
        place = _GO_PLACE.match(line)
        if place and (named := _go_function(before)):
            calls.append(_Call(place[1], place[2], class_name=named[0], method=named[1]))
    return [Told(None, None, _frames(calls, platform))]


def _go_function(line: str) -> tuple[str, str] | None:
    """Package and function of a line such as ``main.(*Cart).Add(0xc0000b2000, 0x1)``."""
    name = line.strip().removeprefix("created by ").partition(" in goroutine ")[0]
    if name.endswith(")"):
        name = name[: name.rfind("(")]
    dot = name.find(".", name.rfind("/") + 1)
    return (name[:dot], name[dot + 1 :]) if dot > 0 else None


# Ruby: "file:12:in `method'"; PHP: "#0 file(12): Class->method()".

_RUBY = re.compile(r"\s*(?:from )?(.+?):(\d+):in ['`](?:(.+)[#.])?([^'#.]+)'")
_PHP = re.compile(r"#\d+ (?:(.+?)\((\d+)\)|\[internal function\]): (?:(.+?)(?:->|::))?([^(]+)\(")
_PHP_CAUSE = re.compile(r"(?:Next|Previous:?) (.*)")
_NO_CAUSE = re.compile(r"(?!)()")


def _ruby(lines: list[str], platform: str) -> list[Told]:
    def call(line: str) -> _Call | None:
        found = _RUBY.match(line)
        return found and _Call(found[1], found[2], class_name=found[3], method=found[4])

    return _sections(lines, platform, call, _NO_CAUSE)


def _php(lines: list[str], platform: str) -> list[Told]:
    def call(line: str) -> _Call | None:
        found = _PHP.match(line)
        return found and _Call(found[1], found[2], class_name=found[3], method=found[4])

    return _sections(lines, platform, call, _PHP_CAUSE)


def _sections(
    lines: list[str],
    platform: str,
    read: Callable[[str], _Call | None],
    cause: re.Pattern[str],
) -> list[Told]:
    """An error, then each of its causes: a line that heads it, and the calls below."""
    heads: list[str | None] = [None]
    calls: list[list[_Call]] = [[]]
    for line in lines:
        if found := cause.match(line):
            heads.append(found[1])
            calls.append([])
        elif (call := read(line)) is not None:
            calls[-1].append(call)
        elif heads == [None] and not calls[0] and line.strip():
            heads = [line]
    return [
        Told(*(_headed(head) if head else (None, None)), _frames(made, platform))
        for head, made in zip(heads, calls, strict=True)
    ]


_JAVA_SHAPE = re.compile(r"\s+at [\w.$/@<>-]+\((?:[\w$-]+\.(?:java|kt|scala|groovy)|Native Method)")
_NET_SHAPE = re.compile(r"\s+at [\w.`+<>\[\],]+\([^)]*\)(?: in |$)")
_V8_SHAPE = re.compile(r"\s+at .*:\d+:\d+\)?$")

_READERS: dict[str, Callable[[list[str], str], list[Told]]] = {
    "python": _python,
    "node": _javascript,
    "javascript": _javascript,
    "java": _java,
    "dotnet": _dotnet,
    "go": _go,
    "ruby": _ruby,
    "php": _php,
}

_SHAPES: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("python", _PY_FRAME.match),
    ("go", _GO_PLACE.match),
    ("php", _PHP.match),
    ("ruby", _RUBY.match),
    ("java", _JAVA_SHAPE.match),
    ("dotnet", _NET_SHAPE.match),
    ("node", _V8_SHAPE.match),
)
