"""Metrics of the object store: requests, bytes, and what the month has cost yet.

Of all projects together: who scrapes needs no token, and what a project stores is its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.stores import Stores
from storage.billing import month_bill
from storage.sql.blob_uploads import BlobUploads
from storage.sql.usage import Usage


def object_metrics(stores: Stores) -> Iterator[Metric]:
    """What SQL knows of the object store; raises ``StoreDown``."""
    yield from _requests(Usage(stores.database))
    yield from _doomed(BlobUploads(stores.database))
    month = datetime.now(UTC).date().replace(day=1)
    _, rows = month_bill(stores.settings, stores.database, month)
    stored: dict[str, float] = defaultdict(float)
    raw: dict[str, float] = defaultdict(float)
    for row in rows:
        stored[row.type] += row.stored_bytes
        raw[row.type] += row.raw_bytes
    for name, text, sizes in (
        ("stored", "Bytes that lie in the object store, at the last look.", stored),
        ("raw", "Bytes of the payloads in them.", raw),
    ):
        family = GaugeMetricFamily(f"sluice_object_{name}_bytes", text, labels=["type"])
        for kind, size in sorted(sizes.items()):
            family.add_metric([kind], size)
        yield family
    yield GaugeMetricFamily(
        "sluice_object_month_dollars",
        "What the object store has cost this month, by the price list of the settings.",
        value=sum(row.cost for row in rows),
    )
    yield GaugeMetricFamily(
        "sluice_object_month_alone_dollars",
        "What it would have cost with one object per event.",
        value=sum(row.one_object_per_event for row in rows),
    )


def _doomed(uploads: BlobUploads) -> Iterator[Metric]:
    objects, size = uploads.waiting()
    yield GaugeMetricFamily(
        "sluice_doomed_blob_objects",
        "Objects of blobs that are no more, which wait for their grace to end.",
        value=objects,
    )
    yield GaugeMetricFamily("sluice_doomed_blob_bytes", "Bytes of those objects.", value=size)


def _requests(usage: Usage) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "sluice_object_requests",
        "Requests to the object store that were answered, by type of object and what they cost as.",
        labels=["type", "operation"],
    )
    sizes = CounterMetricFamily(
        "sluice_object_bytes", "Bytes of objects in them.", labels=["type", "operation"]
    )
    for one in usage.request_totals():
        requests.add_metric([one.type, one.operation], one.requests)
        sizes.add_metric([one.type, one.operation], one.bytes)
    yield from (requests, sizes)
