"""Values that are compared: numbers, times and versions, as a query writes them; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from events.versions import ordering

Bound: TypeAlias = int | str | datetime | timedelta
"""A number, the :func:`events.versions.ordering` of a version, a moment, or an age at the time of
asking.
"""

_OPERATOR = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)
_RANGE = re.compile(r"\[\s*([^,\s]*)\s*,\s*([^,\s]*)\s*\]")
_AGE = re.compile(r"(\d{1,6})(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY = timedelta(days=1)
_MAX_NUMBER = 2**63 - 1
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


@dataclass(frozen=True, slots=True)
class Span:
    """From ``low`` to ``high``, both included unless they are open; null: without an end."""

    low: Bound | None = None
    high: Bound | None = None
    low_open: bool = False
    high_open: bool = False

    def at(self, now: datetime) -> Span:
        """The span with moments in place of ages."""
        low, high = (now - end if isinstance(end, timedelta) else end for end in self._ends())
        return Span(low, high, self.low_open, self.high_open)

    def _ends(self) -> tuple[Bound | None, Bound | None]:
        return self.low, self.high


def numbers(text: str) -> Span:
    """``10``, ``>10``, ``[5,20]``; raises ``ValueError`` that says what is wrong."""
    return _span(text, _number)


def versions(text: str) -> Span:
    """``>1.4``, ``[1.2,2.0]``; raises ``ValueError``."""
    return _span(text, _version)


def is_compared(text: str) -> bool:
    """Whether a value asks for a comparison, not for itself."""
    return text[:1] in ("<", ">") or _RANGE.fullmatch(text) is not None


def times(text: str) -> Span:
    """Ages and days: ``<24h`` is less than a day ago, ``24h`` too; ``>2026-01-01`` after that day,
    ``2026-01-01`` on it, ``[2026-01-01,2026-01-31]`` from the one to the other with both. A time
    with hours is a moment. In UTC unless it says otherwise. Raises ``ValueError``.
    """
    found = _RANGE.fullmatch(text)
    if found:
        high, high_open = _end(found[2])
        return Span(_beginning(found[1]), high, high_open=high_open)
    operator, value = _split(text)
    if (age := _age(value)) is not None:
        return Span(high=age) if operator in (">", ">=") else Span(low=age)
    start, end = _moments(value)
    spans = {
        ">": Span(low=end, low_open=start == end),
        ">=": Span(low=start),
        "<": Span(high=start, high_open=True),
        "<=": Span(high=end, high_open=start != end),
        "=": Span(start, end, high_open=start != end),
    }
    return spans[operator]


def _span(text: str, read: Callable[[str], int | str]) -> Span:
    found = _RANGE.fullmatch(text)
    if found:
        low, high = (read(end) if end else None for end in found.groups())
        return Span(low, high)
    operator, value = _split(text)
    bound = read(value)
    spans = {
        ">": Span(low=bound, low_open=True),
        ">=": Span(low=bound),
        "<": Span(high=bound, high_open=True),
        "<=": Span(high=bound),
        "=": Span(bound, bound),
    }
    return spans[operator]


def _split(text: str) -> tuple[str, str]:
    found = _OPERATOR.fullmatch(text)
    if found is None or not found[2]:
        raise ValueError("a value must follow here")
    return found[1] or "=", found[2]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:20]) > _MAX_NUMBER:
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def _version(text: str) -> str:
    found = ordering(text)
    if found is None:
        raise ValueError(f"{text!r} has no order: only versions that are numbers can be compared")
    return found


def _age(text: str) -> timedelta | None:
    found = _AGE.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _beginning(text: str) -> Bound | None:
    """Where a range of times begins."""
    if not text:
        return None
    age = _age(text)
    return _moments(text)[0] if age is None else age


def _end(text: str) -> tuple[Bound | None, bool]:
    """Where a range of times ends, and whether before that moment: with a whole day it does."""
    if not text:
        return None, False
    if (age := _age(text)) is not None:
        return age, False
    start, end = _moments(text)
    return end, start != end


def _moments(text: str) -> tuple[datetime, datetime]:
    """The beginning and the end of a day, or a moment twice."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write an age such as 24h or 7d, or a day such as 2026-01-31"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"a time lies in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment, moment + _DAY if _DATE.fullmatch(text) else moment
