"""Stack frames as Sentry's SDKs write them, outermost first, read innermost first."""

from __future__ import annotations

from typing import Any

from events.code import BY_CLASS, in_app
from events.fields import integer, listed, members
from events.report import Frame
from events.stacks import SHARED
from events.text import as_text, clip

#: Frames kept of one stack, counted from the innermost.
MAX_FRAMES = 2000
_NAME = 1_000
_SOURCE = 2_000
_LINES_AROUND = 50

_PLATFORMS = {
    "python": "python",
    "javascript": "javascript",
    "node": "node",
    "java": "java",
    "csharp": "dotnet",
    "go": "go",
    "ruby": "ruby",
    "php": "php",
    "cocoa": "apple",
    "objc": "apple",
    "swift": "apple",
    "dart": "dart",
}
#: Whose SDKs call nearly every frame the application's, since they cannot know.
_GUESSING = frozenset({"javascript", "rust"})
#: Where ``module`` names the class or package that a function is of; elsewhere it names the file.
_MODULE_OWNS = BY_CLASS | {"go"}


def platform_of(value: Any, sdk: str | None = None) -> str:
    """The language of an event's or a frame's ``platform``, as :mod:`events.code` names it.

    What is compiled to machine code calls itself ``native``; the SDK's name then tells more.
    """
    if value == "native" and sdk is not None and sdk.startswith("sentry.rust"):
        return "rust"
    return _PLATFORMS.get(value, "unknown") if isinstance(value, str) else "unknown"


def read_frames(stack: Any, platform: str) -> tuple[list[Frame], int]:
    """The frames of a ``stacktrace``, innermost first, and how many outermost were left out.

    They may be shared with other crashes: never change them.
    """
    raw = listed(members(stack).get("frames"))
    return SHARED.read(raw, f"sentry {platform}", lambda: _read_frames(raw, platform))


def _read_frames(raw: list[Any], platform: str) -> tuple[list[Frame], int]:
    kept = raw[::-1][:MAX_FRAMES]
    frames = [_frame(item, platform) for item in kept if isinstance(item, dict)]
    return frames, len(raw) - len(kept)


def _frame(fields: dict[str, Any], platform: str) -> Frame:
    if isinstance(fields.get("platform"), str):
        platform = platform_of(fields["platform"])
    file = as_text(fields.get("filename"), _NAME) or as_text(fields.get("abs_path"), _NAME)
    if file is None and (package := as_text(fields.get("package"), _NAME)) is not None:
        file = package.replace("\\", "/").rpartition("/")[2]
    owner = as_text(fields.get("module"), _NAME) if platform in _MODULE_OWNS else None
    method = as_text(fields.get("function"), _NAME) or _address(fields)
    source = as_text(fields.get("context_line"), _SOURCE)
    return Frame(
        file,
        integer(fields.get("lineno")),
        integer(fields.get("colno")),
        owner,
        method,
        source.strip() if source else None,
        _is_ours(fields.get("in_app"), platform, file, owner, method),
        fields.get("vars") or None,
        _lines(fields.get("pre_context")),
        _lines(fields.get("post_context")),
    )


def _is_ours(
    said: Any, platform: str, file: str | None, owner: str | None, method: str | None
) -> bool:
    """Whether a frame is the application's: as the SDK says, else by the rules of the language."""
    if said is False or (said is True and platform not in _GUESSING):
        return bool(said)
    return in_app(platform, file, owner, method)


def _address(fields: dict[str, Any]) -> str | None:
    """What stands for the function of native code without symbols."""
    return as_text(fields.get("symbol"), _NAME) or as_text(fields.get("instruction_addr"), _NAME)


def _lines(value: Any) -> list[str] | None:
    lines = [clip(one, _SOURCE) for one in listed(value)[:_LINES_AROUND] if isinstance(one, str)]
    return lines or None
