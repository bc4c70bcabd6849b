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

_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")


def pack_key(event_type: str, day: date, pack_id: UUID) -> str:
    """The key of a pack; raises ``ValueError`` for a type that cannot stand in a path."""
    if not _TYPE.fullmatch(event_type):
        raise ValueError(f"{event_type!r} is not an event type's name")
    spread = hashlib.sha256(pack_id.bytes).hexdigest()[:2]
    return f"packs/{spread}/{event_type}/{day.isoformat()}/{pack_id}.pack"
