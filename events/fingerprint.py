"""What makes two crashes the same bug, and how a person recognises it.

A grouping key that the application set decides alone. Else it is the class, the functions of the
application that led to the error, and the innermost cause. The message counts only where these
say little: no class or one such as ``Error``, or no function of the application's with a name (a
library's are called by many bugs, a minifier's names last for one build).
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from events.code import BY_CLASS
from events.record import GroupKey
from events.recursion import fold
from events.report import Crash, Error, Frame
from events.stable import ANONYMOUS, frame_key, is_module_level, is_named, stable_file, stable_name
from events.stacks import made_once
from events.template import template
from events.text import clip, first_line

#: Innermost functions that count. Further out is how the code was reached, and SDKs cut there.
MAX_CALLS = 6
_CAUSE_CALLS = 2

_TITLE = 300
_CULPRIT = 500
_UNTITLED = "Unknown error"

#: Classes, in lower case and without their package, that say only that something went wrong.
_GENERIC = frozenset(
    {
        "error",
        "exception",
        "baseexception",
        "standarderror",
        "throwable",
        "runtimeerror",
        "runtimeexception",
        "systemexception",
        "applicationexception",
        "errorexception",
        "errorstring",
        "string",
        "object",
    }
)


def group_key(crash: Crash) -> GroupKey:
    """The group of a crash: fingerprint, title and culprit."""
    return GroupKey(_fingerprint(crash), _title(crash.error), _culprit(crash))


def _culprit(crash: Crash) -> str | None:
    """The application's innermost function, as "method (file)"; null without frames."""
    if crash.error is None or not crash.error.frames:
        return None
    frames, platform = crash.error.frames, crash.platform
    return made_once(frames, "culprit", lambda: _culprit_of(frames, platform))


def _culprit_of(frames: list[Frame], platform: str) -> str:
    frame = next((frame for frame in frames if frame.in_app), frames[0])
    return clip(call_text(frame, platform), _CULPRIT)


def call_text(frame: Frame, platform: str) -> str:
    """A call as a person writes it: "shop.Cart.checkout (Shop.java)"."""
    name = frame.method or "?"
    if platform == "go":
        name = stable_name(name, platform)
    if frame.class_name and platform in BY_CLASS:
        name = f"{frame.class_name}.{name}"
    return f"{name} ({stable_file(frame.file, 'unknown')})" if frame.file else name


class Reason(NamedTuple):
    """A part of what makes crashes one group: ``key``, ``class``, ``call``, ``message``, or these
    of the innermost cause, such as ``cause call``; ``with``: what the application added to them.
    """

    part: str
    text: str


def reasons(crash: Crash) -> list[Reason]:
    """Why a crash is in its group: what another must have alike to be in it too."""
    if crash.grouping_key and crash.grouping_key.strip():
        return [Reason("key", crash.grouping_key)]
    more = [Reason("with", part) for part in crash.grouping_parts]
    if crash.error is None:
        return more
    found = _reasons(_signature(crash.error, crash.platform, MAX_CALLS), "")
    cause = _innermost(crash.error)
    if cause is not crash.error:
        found += _reasons(_signature(cause, crash.platform, _CAUSE_CALLS), "cause ")
    return found + more


def _fingerprint(crash: Crash) -> str:
    if crash.grouping_key and crash.grouping_key.strip():
        return _digest(["key", crash.grouping_key])
    more = ["with", *crash.grouping_parts] if crash.grouping_parts else []
    return _digest([*_default(crash), *more])


def _default(crash: Crash) -> list[str]:
    """What tells a crash from others where the application has not said."""
    if crash.error is None:
        return ["none"]
    parts = _parts(_signature(crash.error, crash.platform, MAX_CALLS))
    cause = _innermost(crash.error)
    if cause is not crash.error:
        parts += ["cause", *_parts(_signature(cause, crash.platform, _CAUSE_CALLS))]
    return ["crash", *parts]


class _Signature(NamedTuple):
    """What tells an error: its class, its calls, and the words of its message where they count."""

    name: str
    calls: list[str]
    message: str | None


def _signature(error: Error, platform: str, most: int) -> _Signature:
    name = stable_name(error.class_name, platform) if error.class_name else ""
    calls, named = made_once(error.frames, "calls", lambda: _calls(error.frames, platform))
    counts = _says_little(name) or not named
    return _Signature(name, calls[:most], template(error.message or "") if counts else None)


def _parts(signature: _Signature) -> list[str]:
    parts = [signature.name, *signature.calls]
    return parts if signature.message is None else [*parts, "message", signature.message]


def _reasons(signature: _Signature, whose: str) -> list[Reason]:
    found = [Reason(f"{whose}class", signature.name)] if signature.name else []
    found += [Reason(f"{whose}call", call) for call in signature.calls]
    if signature.message is not None:
        found.append(Reason(f"{whose}message", signature.message))
    return found


def _calls(stack: list[Frame], platform: str) -> tuple[list[str], bool]:
    """The calls that tell a stack, recursion folded, and whether they name a function of ours."""
    frames = _telling(stack)
    named = any(frame.in_app and is_named(frame, platform) for frame in frames[:MAX_CALLS])
    return fold([frame_key(frame, platform) for frame in frames]), named


def _telling(frames: list[Frame]) -> list[Frame]:
    """The application's own functions; else its top level; else whatever there is."""
    ours = [frame for frame in frames if frame.in_app]
    functions = [frame for frame in ours if not is_module_level(frame)]
    return functions or ours or frames


def _says_little(class_name: str) -> bool:
    if not class_name or class_name == ANONYMOUS:
        return True
    return class_name.rpartition(".")[2].lower() in _GENERIC


def _innermost(error: Error) -> Error:
    while error.inner:
        error = error.inner[0]
    return error


def _digest(parts: list[str]) -> str:
    text = "\x1f".join(parts)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _title(error: Error | None) -> str:
    return _UNTITLED if error is None else title_of(error.class_name, error.message)


def title_of(class_name: str | None, message: str | None) -> str:
    """How a person recognises crashes of a class with a message like this one."""
    name = class_name or ""
    line = first_line(message or "")
    if name and line and line != name.rpartition(".")[2]:
        return clip(f"{name}: {line}", _TITLE)
    return clip(name or line or _UNTITLED, _TITLE)
