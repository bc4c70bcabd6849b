"""Redacting events by the rules of their project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from events.envelope import Envelope
from events.redact.finder import Finder
from events.redact.matches import MARKER, Match, MatchList, Notes
from events.redact.messages import redact_message, redacts
from events.redact.patterns import KnownKey
from events.redact.rules import Rules
from events.redact.scan import redact_body


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would make of a body: its bytes then, and each match by rule and path."""

    body: bytes
    redacted: int
    matches: list[Match]


class Redactor:
    """Redacts the events of one project. ``keys`` are the project's own. Not for several threads
    at once.
    """

    def __init__(self, rules: Rules, keys: Iterable[KnownKey] = ()) -> None:
        self._finder = Finder(rules, keys)
        self._notes = Notes()

    def redact(self, envelope: Envelope) -> Envelope:
        """The envelope as it may be stored, with its count; the same bytes where nothing matches.

        To redact again what was redacted changes nothing.
        """
        is_message = redacts(envelope.protocol)
        if not self._finder.may_match(envelope.body, message=is_message):
            return envelope
        if is_message:
            body = redact_message(envelope.protocol, envelope.body, self._finder, self._notes)
        else:
            body = redact_body(envelope.body, self._finder, self._notes)
        count = body.count(MARKER)
        if body is envelope.body and count == envelope.redacted:
            return envelope
        return replace(envelope, body=body, redacted=count)

    def preview(self, body: bytes) -> Preview:
        """What would be stored of a body, and why. Keeps nothing."""
        matches = MatchList()
        redacted = redact_body(body, self._finder, matches)
        return Preview(redacted, redacted.count(MARKER), matches.found)
