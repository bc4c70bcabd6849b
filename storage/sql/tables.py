"""The event tables: one a type, ``<type>_events``, regular so that a type needs no code here."""

from __future__ import annotations

from functools import cache

from config.policy import EVENT_TYPES
from events.record import Column, Record
from events.registry import event_type

#: The columns every event table begins with.
COMMON = (
    Column("id", "uuid"),
    Column("project_id", "int4"),
    Column("pack_id", "uuid"),
    Column("protocol", "text"),
    Column("occurred_at", "timestamptz"),
    Column("group_id", "uuid"),
    Column("user_key", "text"),
    Column("frame_offset", "int8"),
    Column("frame_length", "int4"),
    Column("slice_offset", "int4"),
    Column("slice_length", "int4"),
    Column("checksum", "int8"),
    Column("redacted", "int4"),
)


def event_types() -> tuple[str, ...]:
    """Names of the types that have a table, in the policy table's order."""
    return tuple(policy.name for policy in EVENT_TYPES)


def events_table(type_name: str) -> str:
    """The name of a type's table; raises ``KeyError`` for a type the policy table lacks."""
    if type_name not in event_types():
        raise KeyError(type_name)
    return f"{type_name}_events"


def derived_tables(type_name: str) -> tuple[str, ...]:
    """The tables that SQL fills from the rows of a type; each has a partition a day."""
    return event_type(type_name).DERIVED


def own_columns(type_name: str) -> tuple[Column, ...]:
    """The columns that only this type's table has."""
    return event_type(type_name).COLUMNS


def version_column(type_name: str) -> str:
    """What of a row of a type's table is its version: SQL of ours."""
    return "''" if version_position(type_name) is None else "coalesce(version, '')"


@cache
def version_position(type_name: str) -> int | None:
    """Where in a type's own columns an event's version stands; null for a type without one."""
    names = [column.name for column in own_columns(type_name)]
    return names.index("version") if "version" in names else None


def version_of(type_name: str, record: Record) -> str:
    """The version of the application that an event came from; empty when it did not say."""
    position = version_position(type_name)
    return "" if position is None else record.row[position] or ""
