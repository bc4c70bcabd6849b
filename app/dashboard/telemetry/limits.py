"""What pages say of bounds: series that were one too many, and sums that are not all. Pure."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from datetime import datetime

from storage.sql.minutes import MAX_SUMS, Limited


@dataclass(frozen=True, slots=True)
class Limit:
    """How often a series was one too many and was counted as ``other``, and when last; ``cut``:
    there is more than was added up, and what is small is left out.
    """

    times: int
    last_at: datetime | None
    cut: bool


def limit_of(limited: Limited, sums: Sized = ()) -> Limit:
    """What is to be said of a project's series, and of sums that were read."""
    return Limit(limited.times, limited.last_at, len(sums) >= MAX_SUMS)
