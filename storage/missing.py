"""Which events of a pack have no row though they should, and which of those were counted; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from events.ids import id_minute

PackMember: TypeAlias = tuple[UUID, int]
"""An event of a pack and its project, as the pack's footer tells them."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Events without a row and without a dead letter.

    ``counted`` ones had a row that the pack's counts still tell of: writing it again must count
    nothing. Of ``uncounted`` ones this pack knows nothing: another pack may have counted them.
    """

    counted: list[UUID]
    uncounted: list[UUID]


def missing_rows(
    pack_id: UUID,
    counts: Mapping[tuple[int, int], int],
    members: Iterable[PackMember],
    rows: Mapping[UUID, UUID],
    lettered: Collection[UUID],
) -> Missing:
    """Sort a pack's missing events by whether the pack counted them.

    ``counts`` has the rows the pack inserted by minute and project; ``rows`` the pack of each
    event's row. What the pack inserted and no longer has is how many may be counted of a minute.
    """
    members = list(members)
    gone = Counter(counts)
    gone.subtract(
        (id_minute(event_id), project)
        for event_id, project in members
        if rows.get(event_id) == pack_id
    )
    found = Missing([], [])
    for event_id, project in members:
        if event_id in rows or event_id in lettered:
            continue
        slot = (id_minute(event_id), project)
        (found.counted if gone[slot] > 0 else found.uncounted).append(event_id)
        gone[slot] -= 1
    return found
