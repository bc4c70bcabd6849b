"""What was found: by which rule, and where in the event."""

from __future__ import annotations

from typing import NamedTuple

#: What stands in an event where something was blanked. How many there are is the event's count:
#: so one that passes redaction again counts the same.
MARKER = b"[redacted-by-sluice]"


class Match(NamedTuple):
    """``rule`` is ``name:<rule>`` or ``value:<kind>``; ``path`` as ``details.user[0].token``."""

    rule: str
    path: str


class Notes:
    """Where matches are noted. This one notes nothing, as nobody asks on the ordinary way."""

    @property
    def wanted(self) -> bool:
        """Whether anybody asks for matches, and so for their paths."""
        return False

    def add(self, rule: str, path: str) -> None:
        """Take note of a match."""


class MatchList(Notes):
    """Keeps the first ``limit`` matches, for a person."""

    def __init__(self, limit: int = 1_000) -> None:
        self.found: list[Match] = []
        self._limit = limit

    @property
    def wanted(self) -> bool:
        """Whether there is room for more."""
        return len(self.found) < self._limit

    def add(self, rule: str, path: str) -> None:
        """Take note of a match, unless there are too many."""
        if self.wanted:
            self.found.append(Match(rule, path))
