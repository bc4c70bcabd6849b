"""Stack frames of each Raygun SDK, read into one meaning and one order: innermost first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from events.code import in_app
from events.fields import integer, listed, lowered
from events.report import Frame
from events.stacks import SHARED
from events.text import as_text

#: Frames kept of one stack, counted from the innermost.
MAX_FRAMES = 2000

_NAME = 1_000
_SOURCE = 2_000
_JS_PLACE = re.compile(r"line (\w+), column (\w+)")
_GO_SHIFTED = re.compile(r"go:(\d+)( \+0x[0-9a-f]+)?")
_GO_ELIDED = re.compile(r"\.*(\d+|additional) frames elided\.*")


def read_frames(raw: Any, platform: str) -> tuple[list[Frame], int]:
    """The frames of a ``stackTrace``, innermost first, and how many outermost were left out.

    They may be shared with other crashes: never change them.
    """
    stack = listed(raw)
    return SHARED.read(stack, platform, lambda: _read_frames(stack, platform))


def _read_frames(stack: list[Any], platform: str) -> tuple[list[Frame], int]:
    # Python's is the only SDK that writes the outermost call first.
    innermost_first = stack[::-1] if platform == "python" else stack
    kept = innermost_first[:MAX_FRAMES]
    read = _READERS.get(platform, _plain)
    frames = [read(lowered(item), platform) for item in kept if isinstance(item, dict)]
    return frames, len(stack) - len(kept)


def _plain(fields: dict[str, Any], platform: str) -> Frame:
    file = as_text(fields.get("filename"), _NAME)
    class_name = as_text(fields.get("classname"), _NAME)
    if class_name == "unknown":
        class_name = None
    method = as_text(fields.get("methodname"), _NAME)
    return Frame(
        file,
        integer(fields.get("linenumber")),
        integer(fields.get("columnnumber")),
        class_name,
        method,
        None,
        in_app(platform, file, class_name, method),
        fields.get("localvariables") or None,
    )


def _python(fields: dict[str, Any], platform: str) -> Frame:
    """``className`` is the function and ``methodName`` the text of the line.

    Reports made from log records have both where their names say.
    """
    file = as_text(fields.get("filename"), _NAME)
    function = as_text(fields.get("classname"), _NAME)
    source = as_text(fields.get("methodname"), _SOURCE)
    class_name = None
    if function is not None and function.startswith("Logger ("):
        class_name, function, source = function, source, None
    return Frame(
        file,
        integer(fields.get("linenumber")),
        None,
        class_name,
        function,
        source.strip() if source else None,
        in_app(platform, file, class_name, function),
        fields.get("localvariables") or None,
    )


def _javascript(fields: dict[str, Any], platform: str) -> Frame:
    """``className`` is "line N, column M": a place, and no class."""
    frame = _plain(fields, platform)
    place = _JS_PLACE.fullmatch(frame.class_name) if frame.class_name else None
    if place is None:
        return frame
    line = integer(place[1]) if frame.line is None else frame.line
    column = integer(place[2]) if frame.column is None else frame.column
    return frame._replace(class_name=None, line=line, column=column)


def _go(fields: dict[str, Any], platform: str) -> Frame:
    """After a line "frames elided" the SDK's own parser is one line off: put that right.

    The line itself stays as a frame of nobody's, for a person to see the gap.
    """
    frame = _plain(fields, platform)
    if frame.method is not None and _GO_ELIDED.fullmatch(frame.method):
        return frame._replace(file=None, line=None, in_app=False)
    shifted = _GO_SHIFTED.fullmatch(frame.method) if frame.method else None
    if shifted is None or frame.file is None or frame.class_name is None:
        return frame
    package, _, method = frame.file.rpartition("/")[2].partition(".")
    file = frame.class_name.strip().rpartition("/")[2] + ".go"
    return frame._replace(
        file=file,
        line=integer(shifted[1]),
        class_name=package,
        method=method,
        in_app=in_app(platform, file, package, method),
    )


_READERS: dict[str, Callable[[dict[str, Any], str], Frame]] = {
    "python": _python,
    "javascript": _javascript,
    "go": _go,
}
