"""Damaged packs: looked into, put into quarantine, told of, and never touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from storage.errors import Corrupt, NotFound
from storage.files.layout import UnknownVersion
from storage.files.store import FileStore
from storage.sql.quarantine import Damage, Quarantine

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PackName:
    """What names a pack."""

    id: UUID
    key: str
    type: str


def quarantine(
    quarantined: Quarantine,
    files: FileStore,
    pack: PackName,
    error: Corrupt | NotFound,
    found_by: str,
) -> bool:
    """Put a pack that cannot be read whole into quarantine; False when it is none of ours to judge.

    A pack of a later format may be whole: it is left alone. Raises :class:`StoreDown`.
    """
    if isinstance(error, UnknownVersion):
        return False
    code = "pack_lost" if isinstance(error, NotFound) else "pack_corrupt"
    whole = damaged = None
    reason = error.detail
    if code == "pack_corrupt":
        whole, damaged, reason = _look_into(files, pack.key, reason)
    damage = Damage(pack.id, pack.key, pack.type, code, reason, whole, damaged)
    if quarantined.note(damage, found_by):
        _log.error(
            "pack_quarantined",
            code=code,
            type=pack.type,
            pack=str(pack.id),
            whole=whole,
            damaged=damaged,
            why=reason,
        )
    return True


def release_mended(
    quarantined: Quarantine, files: FileStore, looked_before: datetime, limit: int
) -> int:
    """Look at packs in quarantine again, and let those out that are whole now; how many.

    An object may have been restored from a copy. Raises :class:`StoreDown`.
    """
    mended = 0
    for found in quarantined.seen_before(looked_before, limit):
        try:
            files.read_pack(found.key)
        except (Corrupt, NotFound) as exc:
            quarantine(
                quarantined, files, PackName(found.id, found.key, found.type), exc, found.found_by
            )
            continue
        mended += quarantined.release([found.id])
        _log.warning("pack_mended", type=found.type, pack=str(found.id))
    return mended


def _look_into(files: FileStore, key: str, reason: str) -> tuple[int | None, int | None, str]:
    """How many events are whole, how many are known and not whole, and every fault met."""
    try:
        found = files.salvage_pack(key)
    except (Corrupt, NotFound):
        return None, None, reason
    try:
        told = len(files.read_index(key).entries)
    except (Corrupt, NotFound):
        return len(found.events), None, "; ".join(found.faults) or reason
    return len(found.events), told - len(found.events), "; ".join(found.faults) or reason
