"""The error of a crash and its causes, whichever of Raygun's fields hold them."""

from __future__ import annotations

from typing import Any

from events.fields import listed, lowered
from events.raygun.apple import read_threads
from events.raygun.frames import read_frames
from events.report import Error
from events.text import as_text

#: Causes followed below one error, and errors read of one crash in all.
MAX_CHAIN = 60
MAX_ERRORS = 200

_CLASS = 1_000
_MESSAGE = 2_000_000


def read_error(details: dict[str, Any], platform: str) -> Error | None:
    """The error of a report, with its causes; null when the report has none."""
    raw = details.get("error")
    if not isinstance(raw, dict):
        message = as_text(raw, _MESSAGE)
        raw = {} if message is None else {"message": message}
    if not raw and not details.get("threads"):
        return None
    error = _Reader(platform).error(raw, 0)
    if error.frames:
        return error
    frames, omitted = read_threads(details)
    return error._replace(frames=frames, frames_omitted=omitted)


class _Reader:
    """Reads one chain; counts the errors it may still read."""

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self._left = MAX_ERRORS

    def error(self, raw: dict[str, Any], level: int) -> Error:
        self._left -= 1
        fields = lowered(raw)
        class_name = as_text(fields.get("classname"), _CLASS)
        frames, omitted = read_frames(fields.get("stacktrace"), self._platform)
        return Error(
            class_name,
            self._message(fields.get("message"), class_name),
            frames,
            self._inner(fields, level),
            omitted,
            fields.get("data") or None,
        )

    def _inner(self, fields: dict[str, Any], level: int) -> list[Error]:
        """Causes: .NET repeats the first of ``innerErrors`` as ``innerError``."""
        causes = listed(fields.get("innererrors")) or [fields.get("innererror")]
        inner = []
        for cause in causes:
            if isinstance(cause, dict) and cause and level < MAX_CHAIN and self._left > 0:
                inner.append(self.error(cause, level + 1))
        return inner

    def _message(self, raw: Any, class_name: str | None) -> str | None:
        if raw == "":
            return ""
        message = as_text(raw, _MESSAGE)
        if message is None or class_name is None:
            return message
        return message.removeprefix(_prefix(class_name, self._platform))


def _prefix(class_name: str, platform: str) -> str:
    """What an SDK writes before every message, its class mostly; empty where it writes nothing."""
    if platform in {"python", "java"}:
        return f"{class_name.rpartition('.')[2]}: "
    if platform == "php":
        return "Error: " if class_name == "ErrorException" else f"{class_name}: "
    return ""
