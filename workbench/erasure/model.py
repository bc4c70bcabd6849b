"""What a page of looking for events gives."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from storage.sql.erasing import Found


@dataclass(slots=True)
class Finds:
    """Events to erase by type, sessions of the user, and where the pass goes on.

    ``unreadable`` counts what could not be read to the end, and so may hold more.
    """

    following: dict[str, Any]
    events: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    sessions: set[bytes] = field(default_factory=set)
    unreadable: int = 0
