"""Redaction of protobuf bodies: decoded, each text looked at, and encoded again where one changed.

Text in the bytes of a message cannot be replaced as it stands, since its length stands before it.
An attribute is blanked by its name as a field of JSON is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from events.otlp.messages import LOGS, METRICS, TRACES, Request, open_body
from events.redact.finder import Finder
from events.redact.matches import MARKER, Notes
from events.redact.scan import redact_body

_MESSAGES = {
    "otlp.traces.proto": TRACES,
    "otlp.exception.proto": TRACES,
    "otlp.logs.proto": LOGS,
    "otlp.error.proto": LOGS,
    "otlp.metrics.proto": METRICS,
}
_BLANK = MARKER.decode()


def redacts(protocol: str) -> bool:
    """Whether bodies of a protocol are messages, which no text scanner may touch."""
    return protocol in _MESSAGES


def redact_message(protocol: str, body: bytes, finder: Finder, notes: Notes) -> bytes:
    """The body with its matches blanked; the same object without any.

    Raises :class:`events.record.Malformed` for bytes that are no message of the protocol.
    """
    request: Request = open_body(_MESSAGES[protocol], "proto", body).request
    walk = _Walk(finder, notes)
    walk.message(request, "")
    return bytes(request.SerializeToString()) if walk.changed else body


class _Walk:
    """One pass over a message, in place."""

    def __init__(self, finder: Finder, notes: Notes) -> None:
        self._finder = finder
        self._notes = notes
        self.changed = False

    def message(self, message: Message, path: str) -> None:
        if message.DESCRIPTOR.name == "KeyValue" and self._blanked(message, path):
            return
        for descriptor, value in message.ListFields():
            here = f"{path}.{descriptor.name}" if path else descriptor.name
            if descriptor.type == FieldDescriptor.TYPE_MESSAGE:
                for at, part in enumerate(value if descriptor.is_repeated else [value]):
                    self.message(part, _within(here, part, at))
            elif descriptor.type == FieldDescriptor.TYPE_STRING:
                self._strings(message, descriptor, value, here)

    def _blanked(self, pair: Any, path: str) -> bool:
        rule = self._finder.names.rule(pair.key.encode())
        if rule is None:
            return False
        kind = pair.value.WhichOneof("value")
        told = kind is not None and (kind != "string_value" or pair.value.string_value)
        if told and pair.value.string_value != _BLANK:
            self._notes.add(f"name:{rule}", path)
            pair.value.string_value = _BLANK  # it takes the place of whatever kind was there
            self.changed = True
        return True

    def _strings(self, message: Any, descriptor: FieldDescriptor, value: Any, path: str) -> None:
        if descriptor.is_repeated:
            for at, text in enumerate(value):
                self._text(text, path, partial(value.__setitem__, at))
        else:
            self._text(value, path, lambda new: setattr(message, descriptor.name, new))

    def _text(self, text: str, path: str, put: Callable[[str], None]) -> None:
        raw = text.encode()
        if not self._finder.may_match(raw):
            return
        redacted = redact_body(raw, self._finder, self._notes, path, depth=1)
        if redacted is not raw:
            put(redacted.decode("utf-8", "replace"))
            self.changed = True


def _within(path: str, part: Message, at: int) -> str:
    """Where a part stands: attributes by their name, all else by its number."""
    if part.DESCRIPTOR.name == "KeyValue":
        return f"{path}.{part.key}"  # type: ignore[attr-defined]
    return f"{path}[{at}]"
