"""What compaction did, what waits for it, and damaged packs, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.stores import Stores
from config.policy import EVENT_TYPES
from events.ids import now_ms
from storage.sql.compacting import Compacting, CompactionState, CompactionTotals
from storage.sql.quarantine import Quarantine

_COUNTED = (
    ("merges", "Merged packs written."),
    ("packs_merged", "Packs that were merged into others."),
    ("bytes_read", "Bytes of packs that were merged."),
    ("bytes_written", "Bytes of merged packs."),
    ("events_dropped", "Copies, erased and expired events that merging left out."),
    ("packs_deleted", "Objects of packs that were deleted."),
    ("bytes_deleted", "Bytes of packs that were deleted."),
)


def pack_metrics(stores: Stores) -> Iterator[Metric]:
    """Counters since the start by type; what waits, now."""
    compacting = Compacting(stores.database)
    yield from _counters(compacting.totals())
    yield from _waiting(compacting.state())
    damaged = GaugeMetricFamily(
        "sluice_packs_quarantined", "Packs that cannot be read whole, or are lost.", labels=["type"]
    )
    found = Quarantine(stores.database).count()
    for row in EVENT_TYPES:
        damaged.add_metric([row.name], found.get(row.name, 0))
    yield damaged


def _counters(totals: list[CompactionTotals]) -> Iterator[Metric]:
    for name, text in _COUNTED:
        counter = CounterMetricFamily(f"sluice_compaction_{name}", text, labels=["type"])
        for row in totals:
            counter.add_metric([row.type], getattr(row, name))
        yield counter


def _waiting(state: CompactionState) -> Iterator[Metric]:
    since = state.erased_since
    age = (datetime.fromtimestamp(now_ms() / 1000, UTC) - since).total_seconds() if since else 0.0
    for name, text, value in (
        ("merges_under_way", "Merges begun and not ended.", state.merges),
        ("packs_doomed", "Packs no row points at, kept for a grace.", state.doomed_packs),
        ("packs_doomed_bytes", "Their bytes.", state.doomed_bytes),
        ("erased_events_waiting", "Erased events whose bytes lie in a pack yet.", state.erased),
        ("erased_events_age_seconds", "Age of the oldest of these; 0: none.", max(0.0, age)),
    ):
        yield GaugeMetricFamily(f"sluice_{name}", text, value=value)
