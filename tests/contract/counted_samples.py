"""Events of spans and metrics for the SQL contract tests, and how they come and go."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from sql_samples import FILES_AT, World, a_pack

from events.envelope import Envelope
from events.ids import new_id
from events.metric import normalise as normalise_metric
from events.record import Record
from events.trace import normalise as normalise_trace
from storage.sql.minutes import Span

SPAN_NS = 1_000_000


def attribute(name: str, value: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": value}}


def spans(
    world: World,
    *durations: float,
    service: str = "shop",
    name: str = "GET /",
    minute: int = 0,
    failed: bool = False,
) -> Record:
    """Spans that began so many minutes from now."""
    at = (world.now_ms + minute * 60_000) * 1_000_000
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": [attribute("service.name", service)]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": uuid4().hex,
                                "spanId": uuid4().hex[:16],
                                "name": name,
                                "kind": 2,
                                "status": {"code": 2 if failed else 1},
                                "startTimeUnixNano": str(at),
                                "endTimeUnixNano": str(at + round(ms * SPAN_NS)),
                            }
                            for ms in durations
                        ]
                    }
                ],
            }
        ]
    }
    return normalise_trace(envelope(world, "trace", "otlp.traces.json", body))


def metrics(world: World, *data: dict[str, Any], minute: int = 0) -> Record:
    """``data`` are metrics, whose points are given a time."""
    at = str((world.now_ms + minute * 60_000) * 1_000_000)
    for metric in data:
        for kind in metric.values():
            for point in kind.get("dataPoints", []) if isinstance(kind, dict) else []:
                point["timeUnixNano"] = at
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": list(data)}]}]}
    return normalise_metric(envelope(world, "metric", "otlp.metrics.json", body))


def gauge(value: float, name: str = "load", **labels: str) -> dict[str, Any]:
    point = {"asDouble": value, "attributes": [attribute(*pair) for pair in labels.items()]}
    return {"name": name, "gauge": {"dataPoints": [point]}}


def counter(value: float, *, cumulative: bool) -> dict[str, Any]:
    temporality = 2 if cumulative else 1
    return {
        "name": "orders",
        "sum": {
            "isMonotonic": True,
            "aggregationTemporality": temporality,
            "dataPoints": [{"asDouble": value}],
        },
    }


def histogram(counts: list[int], total: float, *, cumulative: bool) -> dict[str, Any]:
    point = {
        "count": str(sum(counts)),
        "sum": total,
        "bucketCounts": [str(count) for count in counts],
        "explicitBounds": [10, 100, 1000],
    }
    temporality = 2 if cumulative else 1
    data = {"aggregationTemporality": temporality, "dataPoints": [point]}
    return {"name": "took", "unit": "ms", "histogram": data}


def envelope(world: World, kind: str, protocol: str, body: Any) -> Envelope:
    event_id = new_id(world.now_ms)
    return Envelope(event_id, world.project.id, kind, protocol, json.dumps(body).encode())


def store(world: World, *records: Record, kind: str) -> int:
    pack, items = a_pack(list(records), type_name=kind)
    return world.packs.store(pack, FILES_AT, items)


def around(world: World, minutes: int = 10, every: int = 1) -> Span:
    now = world.now_ms // 60_000
    return Span(now - minutes, now + minutes + 1, every)


def delete(world: World, kind: str, record: Record) -> None:
    with world.database.transaction() as cursor:
        cursor.execute(f"DELETE FROM {kind}_events WHERE id = %s", (record.id,))
