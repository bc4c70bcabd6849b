"""Names of packs in the bucket.

``packs/<2 hex of a hash>/<type>/<yyyy-mm-dd>/<pack id>.pack``: the hash comes first, so that
writes of the same hour spread over an object store's partitions. Other stores keep the whole
key; nothing that is hot lists the bucket.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from uuid import UUID

#: How many beginnings the keys of a type and day are spread over.
SPREADS = 256

_SUFFIX = ".pack"
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")


def pack_key(event_type: str, day: date, pack_id: UUID) -> str:
    """The key of a pack; raises ``ValueError`` for a type that cannot stand in a path."""
    spread = hashlib.sha256(pack_id.bytes).digest()[0]
    return f"{day_prefix(spread, event_type, day)}{pack_id}{_SUFFIX}"


def day_prefix(spread: int, event_type: str, day: date) -> str:
    """What the keys of a type and day begin with, for one of the :data:`SPREADS`.

    Raises ``ValueError`` for a type that cannot stand in a path.
    """
    if not _TYPE.fullmatch(event_type):
        raise ValueError(f"{event_type!r} is not an event type's name")
    return f"packs/{spread:02x}/{event_type}/{day.isoformat()}/"


def pack_id_of(key: str) -> UUID | None:
    """The id of the pack of a key; null when it is no pack's key."""
    name = key.rpartition("/")[2]
    try:
        return UUID(name.removesuffix(_SUFFIX)) if name.endswith(_SUFFIX) else None
    except ValueError:
        return None
