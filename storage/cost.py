"""What the object store costs, against one object per event. Pure.

The bill of a month has requests and bytes kept. Bytes are kept by the day: what a day's look found
costs a day's part of a month's price, so a month under way shows what has come together yet.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

#: How much smaller zstd makes an event that is stored alone (measured on crashes of 3.4 KB).
ALONE_RATIO = 3.5

_GIGABYTE = 1e9
BLOB = "blob"


@dataclass(frozen=True, slots=True)
class Prices:
    """A price list in dollars: of a thousand requests, and of a GB kept for a month."""

    put_per_1000: float
    get_per_1000: float
    gb_month: float

    def of(self, puts: float, gets: float, gb_months: float) -> float:
        """The bill."""
        requests = puts * self.put_per_1000 + gets * self.get_per_1000
        return requests / 1000 + gb_months * self.gb_month


@dataclass(frozen=True, slots=True)
class Written:
    """What came into packs in a month; ``packs`` and ``stored_bytes`` are shares by raw bytes."""

    project_id: int
    type: str
    events: int
    packs: float
    raw_bytes: int
    stored_bytes: float


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of a type of object in a month; ``operation`` is what they cost as."""

    type: str
    operation: str
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What lay in the object store on a day."""

    day: date
    project_id: int
    type: str
    objects: float
    events: int
    raw_bytes: float
    stored_bytes: float


@dataclass(frozen=True, slots=True)
class CostRow:
    """A project's type in a month. ``objects``, ``raw_bytes``, ``stored_bytes`` and ``saved_bytes``
    are what lay there at its last look; ``events`` came in the month. ``one_object_per_event`` is
    the bill of as many PUTs as events, the same GETs, and events compressed one by one.
    """

    project_id: int
    type: str
    events: int
    objects: float
    puts: float
    gets: float
    raw_bytes: float
    stored_bytes: float
    cost: float
    one_object_per_event: float

    @property
    def saved_bytes(self) -> float:
        """Raw bytes that need no room, being compressed."""
        return self.raw_bytes - self.stored_bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes kept over a month, in GB months, and what the last look found."""

    last: Sample
    gb_months: float
    alone_gb_months: float


def bill(
    month: date,
    prices: Prices,
    written: Iterable[Written],
    requests: Iterable[Requests],
    samples: Iterable[Sample],
) -> list[CostRow]:
    """A row for every project and type with anything in the month, the dearest first.

    Requests are of a type; projects share them by the raw bytes that came, or, where none came, by
    those that lie there. Packs that are known to be written count as PUTs also where the process
    that counted them was killed before it could say so.
    """
    came = {(one.project_id, one.type): one for one in written}
    kept = _kept(month, samples)
    counted = {(one.type, one.operation): one.requests for one in requests}
    shares = _shares(came, kept)
    rows = [
        _row(key, came.get(key), kept.get(key), counted, shares[key], prices, _packs(came, key[1]))
        for key in came.keys() | kept.keys()
    ]
    return sorted(rows, key=lambda row: (-row.cost, row.project_id, row.type))


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def sentence(month: date, rows: Iterable[CostRow]) -> str:
    """The two sums in words."""
    cost, alone = 0.0, 0.0
    for row in rows:
        cost += row.cost
        alone += row.one_object_per_event
    named = month.strftime("%Y-%m")
    return f"{named}: {_dollars(cost)}; one object per event would be {_dollars(alone)}"


def _dollars(amount: float) -> str:
    """To the cent, and less than one to its hundredth part."""
    return f"${amount:,.2f}" if amount >= 0.01 or not amount else f"${amount:.4f}"


_Key = tuple[int, str]


def _kept(month: date, samples: Iterable[Sample]) -> dict[_Key, Kept]:
    days = calendar.monthrange(month.year, month.month)[1]
    kept: dict[_Key, Kept] = {}
    for one in sorted(samples, key=lambda sample: sample.day):
        key = (one.project_id, one.type)
        before = kept.get(key)
        ratio = 1.0 if one.type == BLOB else ALONE_RATIO
        stored = one.stored_bytes / _GIGABYTE / days
        alone = one.raw_bytes / ratio / _GIGABYTE / days
        kept[key] = Kept(
            one,
            (before.gb_months if before else 0.0) + stored,
            (before.alone_gb_months if before else 0.0) + alone,
        )
    return kept


def _shares(came: dict[_Key, Written], kept: dict[_Key, Kept]) -> dict[_Key, float]:
    """Each project's part of its type's requests."""
    sizes: dict[_Key, float] = {}
    for kind in {kind for _, kind in came.keys() | kept.keys()}:
        some = {key: float(one.raw_bytes) for key, one in came.items() if key[1] == kind}
        if not some:
            some = {key: one.last.raw_bytes for key, one in kept.items() if key[1] == kind}
        sizes.update(some)
    totals: dict[str, float] = defaultdict(float)
    for (_, kind), size in sizes.items():
        totals[kind] += size
    keys = came.keys() | kept.keys()
    return {key: sizes.get(key, 0.0) / totals[key[1]] if totals[key[1]] else 0.0 for key in keys}


def _packs(came: dict[_Key, Written], kind: str) -> float:
    return sum(one.packs for (_, of_kind), one in came.items() if of_kind == kind)


def _row(
    key: _Key,
    written: Written | None,
    kept: Kept | None,
    counted: dict[tuple[str, str], int],
    share: float,
    prices: Prices,
    packs: float,
) -> CostRow:
    project_id, kind = key
    puts = max(counted.get((kind, "put"), 0), packs) * share
    gets = counted.get((kind, "get"), 0) * share
    events = written.events if written else 0
    gb_months, alone_gb_months = (kept.gb_months, kept.alone_gb_months) if kept else (0.0, 0.0)
    alone_puts = puts if kind == BLOB else events
    return CostRow(
        project_id=project_id,
        type=kind,
        events=events,
        objects=kept.last.objects if kept else 0.0,
        puts=puts,
        gets=gets,
        raw_bytes=kept.last.raw_bytes if kept else 0.0,
        stored_bytes=kept.last.stored_bytes if kept else 0.0,
        cost=prices.of(puts, gets, gb_months),
        one_object_per_event=prices.of(alone_puts, gets, alone_gb_months),
    )
