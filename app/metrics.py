"""GET /metrics: Prometheus text, from counters that live in the stores.

The stores count, not this process: so the numbers are right whichever web process answers, and
go on across restarts. The series of a store that is away are absent, its ``sluice_store_up`` is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.health import store_probes
from app.object_metrics import object_metrics
from app.pack_metrics import pack_metrics
from app.probes import Probes
from app.retention_metrics import retention_metrics
from app.stores import Stores
from broker.client import QueueState
from events.ids import now_ms
from storage.errors import StoreError
from storage.spool.state import read_spool_state
from storage.sql.repairs import Repairs


def queue_metrics(queues: Iterable[QueueState]) -> Iterator[Metric]:
    """Depth, age and pause of every queue."""
    messages = GaugeMetricFamily(
        "sluice_queue_messages", "Task messages in a queue.", labels=["queue", "state"]
    )
    events = GaugeMetricFamily(
        "sluice_queue_events", "Events in a queue's messages.", labels=["queue"]
    )
    age = GaugeMetricFamily(
        "sluice_queue_oldest_age_seconds",
        "Age of the oldest event; absent: empty.",
        labels=["queue"],
    )
    paused = GaugeMetricFamily(
        "sluice_queue_paused", "1 while a queue is paused.", labels=["queue"]
    )
    why = GaugeMetricFamily(
        "sluice_queue_pause",
        "1 while a queue is paused, with why: an operator's reason, a flood, or a store's outage.",
        labels=["queue", "kind", "reason"],
    )
    for state in queues:
        for name in ("ready", "reserved", "parked"):
            messages.add_metric([state.queue, name], getattr(state, name))
        events.add_metric([state.queue], state.events)
        paused.add_metric([state.queue], float(state.paused))
        if state.pause is not None:
            why.add_metric([state.queue, state.pause.kind, state.pause.summary], 1)
        if state.oldest_age_seconds is not None:
            age.add_metric([state.queue], state.oldest_age_seconds)
    yield from (messages, events, age, paused, why)


def refused_metric(totals: Mapping[str, int]) -> Metric:
    """Events that were refused, by type and by the code they were answered with."""
    refused = CounterMetricFamily(
        "sluice_events_refused", "Events refused under pressure.", labels=["type", "code"]
    )
    for name, events in totals.items():
        kind, *labels = name.split(":")
        if kind == "refused":
            refused.add_metric(labels, events)
    return refused


def ignored_metric(totals: Mapping[str, int]) -> Metric:
    """Items that were taken and of which nothing is made, by their type in the SDK's words."""
    ignored = CounterMetricFamily(
        "sluice_items_ignored", "Items of which nothing is made.", labels=["item"]
    )
    for name, items in totals.items():
        kind, _, item = name.partition(":")
        if kind == "ignored":
            ignored.add_metric([item], items)
    return ignored


def canary_metric(ages: Mapping[str, float]) -> Metric:
    """How long ago the last canary that arrived was sent: grows while nothing gets through."""
    age = GaugeMetricFamily(
        "sluice_canary_age_seconds",
        "Seconds since the last canary event that reached all stores was sent.",
        labels=["type"],
    )
    for event_type, seconds in ages.items():
        age.add_metric([event_type], seconds)
    return age


def broker_metrics(stores: Stores) -> Iterator[Metric]:
    """What the broker counts: accepted, retried, queues."""
    totals = stores.broker.totals()
    for name, text in (
        ("accepted", "Events answered 202 and held by the broker."),
        ("retried", "Events that a stage tried again."),
    ):
        yield CounterMetricFamily(f"sluice_events_{name}", text, value=totals.get(name, 0))
    yield CounterMetricFamily(
        "sluice_events_over_quota",
        "Events accepted and dropped, since their project's quota was used up.",
        value=totals.get("over_quota", 0),
    )
    yield from (refused_metric(totals), ignored_metric(totals))
    yield canary_metric(stores.progress.ages())
    yield from queue_metrics(stores.broker.queues())


def sql_metrics(stores: Stores) -> Iterator[Metric]:
    """What PostgreSQL counts, by event type: stored, dead, lost at clients, repaired."""
    stored = CounterMetricFamily(
        "sluice_events_stored", "Events that reached all three stores.", labels=["type"]
    )
    dead = CounterMetricFamily(
        "sluice_events_dead", "Dead letters made since the start.", labels=["type"]
    )
    lost = CounterMetricFamily(
        "sluice_events_client_lost", "Events that SDKs say they could not send.", labels=["type"]
    )
    for event_type, counts in stores.settled.totals().items():
        stored.add_metric([event_type], counts.stored)
        dead.add_metric([event_type], counts.dead)
        lost.add_metric([event_type], counts.client_lost)
    repaired = CounterMetricFamily(
        "sluice_repaired", "Events that reconciling repaired.", labels=["kind", "type"]
    )
    for (kind, event_type), events in Repairs(stores.database).totals().items():
        repaired.add_metric([kind, event_type], events)
    yield from (stored, dead, lost, repaired)


def spool_metrics(home: Path, now_ms: int) -> Iterator[Metric]:
    """What waits on this machine's disk, in the spools of all its web processes."""
    state = read_spool_state(home)
    age = 0.0 if state.oldest_ms is None else max(0.0, (now_ms - state.oldest_ms) / 1000)
    for name, text, value in (
        ("events", "Accepted events that wait in the spool.", float(state.events)),
        ("bytes", "Bytes of the spool.", float(state.bytes)),
        ("oldest_age_seconds", "Age of the oldest batch in the spool; 0: empty.", age),
        ("quarantined_bytes", "Bytes of spool files set aside: damaged.", float(state.quarantined)),
    ):
        yield GaugeMetricFamily(f"sluice_spool_{name}", text, value=value)
    yield CounterMetricFamily(
        "sluice_spool_refused", "Events refused with 503 by a full spool.", value=state.refused
    )


class StoreCollector(Collector):
    """Reads the stores at each scrape."""

    def __init__(self, stores: Stores, probes: Probes) -> None:
        self._stores = stores
        self._probes = probes

    def collect(self) -> Iterator[Metric]:
        """Every series that can be told now; a store that is away costs its own only."""
        up = GaugeMetricFamily("sluice_store_up", "1 when a store answers.", labels=["store"])
        results = self._probes.run()
        alive = {name: result.problem is None for name, result in results.items()}
        sources: tuple[tuple[str, Callable[[Stores], Iterator[Metric]]], ...] = (
            ("broker", broker_metrics),
            ("sql", sql_metrics),
            ("sql", object_metrics),
            ("sql", retention_metrics),
            ("sql", pack_metrics),
        )
        for store, source in sources:
            if alive[store]:
                try:
                    yield from list(source(self._stores))
                except StoreError:
                    alive[store] = False  # it went between the probe and the question
        for store, answers in alive.items():
            up.add_metric([store], float(answers))
        yield up
        yield from spool_metrics(self._stores.settings.home, now_ms())


def create_blueprint(stores: Stores) -> Blueprint:
    """GET /metrics; needs no token."""
    blueprint = Blueprint("metrics", __name__)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StoreCollector(stores, store_probes(stores)))

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint
