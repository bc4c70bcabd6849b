"""What went wrong, as Sentry's events tell it: exceptions and their causes, or a message."""

from __future__ import annotations

import json
from typing import Any

from events.code import BY_CLASS
from events.fields import listed, members
from events.report import Error, Frame
from events.sentry.frames import read_frames
from events.text import as_text, clip

#: Causes followed below one error, and errors read of one crash in all.
MAX_CHAIN = 60
MAX_ERRORS = 200
#: Threads shown with their stacks.
MAX_THREADS = 500

_CLASS = 1_000
_MESSAGE = 2_000_000
_NAME = 1_000


def values_of(value: Any) -> list[dict[str, Any]]:
    """The objects of what SDKs write as ``{"values": […]}``, as a list, or as a single object."""
    if isinstance(value, dict):
        value = listed(value["values"]) if "values" in value else [value] if value else []
    return [one for one in listed(value) if isinstance(one, dict)]


def read_error(event: dict[str, Any], platform: str) -> Error | None:
    """The error of an event with its causes, or its message; null when it has neither."""
    exceptions = values_of(event.get("exception"))[-MAX_ERRORS:]
    error = _Chain(exceptions, platform).top() if exceptions else _message(event)
    if error is None or error.frames:
        return error
    thread = exceptions[-1].get("thread_id") if exceptions else None
    frames, omitted = _stack_beside(event, thread, platform)
    return error._replace(frames=frames, frames_omitted=omitted)


def read_message(event: dict[str, Any]) -> str | None:
    """The message of an event, as its values were put in."""
    for part in (event.get("logentry"), event.get("message")):
        fields = members(part) or {"message": part}
        for name in ("formatted", "message"):
            message = as_text(fields.get(name), _MESSAGE)
            if message is not None:
                return message
    return None


def read_threads(event: dict[str, Any], platform: str) -> list[dict[str, Any]] | None:
    """The threads that ran, with their frames; null when the SDK tells of none."""
    threads = values_of(event.get("threads"))[:MAX_THREADS]
    return [_thread(one, platform) for one in threads] or None


def _message(event: dict[str, Any]) -> Error | None:
    message = read_message(event)
    return None if message is None else Error(None, message, [], [])


def _stack_beside(event: dict[str, Any], thread_id: Any, platform: str) -> tuple[list[Frame], int]:
    """The stack that stands beside an error without one: of its thread, or of the event."""
    threads = values_of(event.get("threads"))

    def nearness(thread: dict[str, Any]) -> tuple[bool, bool, bool]:
        same = thread_id is not None and thread.get("id") == thread_id
        return same, thread.get("crashed") is True, thread.get("current") is True

    nearest = max(threads, key=nearness, default={})
    stack = nearest.get("stacktrace") if any(nearness(nearest)) else None
    return read_frames(stack or event.get("stacktrace"), platform)


def _thread(fields: dict[str, Any], platform: str) -> dict[str, Any]:
    frames, omitted = read_frames(fields.get("stacktrace"), platform)
    return {
        "id": as_text(fields.get("id"), _NAME),
        "name": as_text(fields.get("name"), _NAME),
        "state": as_text(fields.get("state"), _NAME),
        "crashed": fields.get("crashed") is True,
        "current": fields.get("current") is True,
        "frames": frames,
        "frames_omitted": omitted,
    }


class _Chain:
    """The exceptions of one event, innermost cause first as SDKs write them."""

    def __init__(self, exceptions: list[dict[str, Any]], platform: str) -> None:
        self._exceptions = exceptions
        self._platform = platform

    def top(self) -> Error:
        """The outermost error, its causes within it."""
        tree = self._tree()
        if tree is not None:
            root, children = tree
            return self._of_tree(root, children, 0)
        error = None
        for fields in self._exceptions[-MAX_CHAIN - 1 :]:
            error = self._error(fields, [] if error is None else [error])
        if error is None:
            raise ValueError("a chain has at least one exception")
        return error

    def _tree(self) -> tuple[int, dict[int, list[int]]] | None:
        """The root's position and each one's children's, by the SDK's own numbers.

        Null where the numbers do not make one tree: then the order tells.
        """
        at: dict[int, int] = {}
        parents: dict[int, int] = {}
        for position, fields in enumerate(self._exceptions):
            mechanism = members(fields.get("mechanism"))
            number, parent = mechanism.get("exception_id"), mechanism.get("parent_id")
            if type(number) is not int or number in at:
                return None
            at[number] = position
            if type(parent) is int and parent != number:
                parents[number] = parent
        roots = [number for number in at if number not in parents]
        if len(roots) != 1 or not set(parents.values()) <= at.keys():
            return None
        children: dict[int, list[int]] = {}
        for number in sorted(parents):
            children.setdefault(at[parents[number]], []).append(at[number])
        return (at[roots[0]], children) if self._holds_all(at[roots[0]], children) else None

    def _holds_all(self, root: int, children: dict[int, list[int]]) -> bool:
        """Whether all hang on the root: others go in circles."""
        reached, front = 1, children.get(root, [])
        while front:
            reached += len(front)
            front = [child for one in front for child in children.get(one, [])]
        return reached == len(self._exceptions)

    def _of_tree(self, position: int, children: dict[int, list[int]], level: int) -> Error:
        below = children.get(position, []) if level < MAX_CHAIN else []
        inner = [self._of_tree(child, children, level + 1) for child in below]
        return self._error(self._exceptions[position], inner)

    def _error(self, fields: dict[str, Any], inner: list[Error]) -> Error:
        stack = fields.get("stacktrace") or fields.get("raw_stacktrace")
        frames, omitted = read_frames(stack, self._platform)
        return Error(self._class(fields), _value(fields.get("value")), frames, inner, omitted)

    def _class(self, fields: dict[str, Any]) -> str | None:
        name = as_text(fields.get("type"), _CLASS)
        package = as_text(fields.get("module"), _CLASS)
        if name is None or package is None or self._platform not in BY_CLASS:
            return name
        return name if name.startswith(f"{package}.") else clip(f"{package}.{name}", _CLASS)


def _value(value: Any) -> str | None:
    """The text of an exception; some SDKs send an object."""
    if isinstance(value, dict | list):
        return clip(json.dumps(value), _MESSAGE)
    return "" if value == "" else as_text(value, _MESSAGE)
