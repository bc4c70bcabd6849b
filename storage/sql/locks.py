"""Advisory locks: which numbers this project uses, and what each keeps apart."""

from __future__ import annotations

from storage.sql.connection import Cursor

_SPACE = 0x51C3

MIGRATE = 1
PARTITIONS = 2
#: Held shared by what stores events, alone by what dead-letters them: so none is ever both.
SETTLING = 3
#: Held by whoever changes which groups are merged.
GROUPING = 4
#: Held by the one process that rebuilds a store, for as long as its connection stands; shared by
#: what restores rows, which a rebuild must not meet while it counts.
REBUILD = 20
#: Held by the one process that merges packs, for as long as its connection stands.
COMPACTION = 21
#: Held by whoever makes a slot of rollups anew.
ROLLUPS = 22
#: Held by what could take the last administrator, or makes the first.
ACCOUNTS = 50


def hold_alone(cursor: Cursor, lock: int) -> None:
    """Take a lock until the transaction ends; waits for every other holder."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_SPACE, lock))


def hold_shared(cursor: Cursor, lock: int) -> None:
    """Take a lock until the transaction ends; waits for a holder who holds it alone."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", (_SPACE, lock))


def try_hold_session(cursor: Cursor, lock: int) -> bool:
    """Take a lock until the connection ends, however it ends; False when another holds it."""
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", (_SPACE, lock))
    ((held,),) = cursor.fetchall()
    return bool(held)


def try_hold_shared(cursor: Cursor, lock: int) -> bool:
    """Take a lock until the transaction ends; False when somebody holds it alone."""
    cursor.execute("SELECT pg_try_advisory_xact_lock_shared(%s, %s)", (_SPACE, lock))
    ((held,),) = cursor.fetchall()
    return bool(held)
