"""What retention did, and what waits for it, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.stores import Stores


def retention_metrics(stores: Stores) -> Iterator[Metric]:
    """Events and bytes that went with their days, and days that are hidden and not gone."""
    events = CounterMetricFamily(
        "sluice_retention_events", "Events dropped with their days.", labels=["type"]
    )
    size = CounterMetricFamily(
        "sluice_retention_bytes", "Bytes of packs dropped with their days.", labels=["type"]
    )
    waiting = GaugeMetricFamily(
        "sluice_retention_days_waiting", "Days past their term and not gone.", labels=["type"]
    )
    for totals in stores.retention.days.totals():
        events.add_metric([totals.type], totals.events)
        size.add_metric([totals.type], totals.bytes)
        waiting.add_metric([totals.type], totals.waiting)
    yield from (events, size, waiting)
