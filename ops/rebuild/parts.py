"""Which parts a rebuild consists of: months of search, days of SQL; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from storage.sql.rebuilds import Part


def search_parts(types: Iterable[str], first: date, last: date) -> list[Part]:
    """Whole months, since an index holds one: the months of the days, each with all its days."""
    return [
        Part("search", name, f"{start:%Y.%m}", start, _month_end(start))
        for name in types
        for start in _month_starts(first, last)
    ]


def sql_parts(types: Iterable[str], first: date, last: date) -> list[Part]:
    """Single days, since a partition holds one."""
    days = [first + timedelta(count) for count in range((last - first).days + 1)]
    return [Part("sql", name, day.isoformat(), day, day) for name in types for day in days]


def _month_starts(first: date, last: date) -> Iterator[date]:
    start = first.replace(day=1)
    while start <= last:
        yield start
        start = _month_end(start) + timedelta(days=1)


def _month_end(start: date) -> date:
    return (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
