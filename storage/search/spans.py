"""Spans within the documents of their events: what to ask, and how to read the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from elasticsearch.dsl import query as q

TYPE = "trace"
EVENT_FIELDS = ("id", "project_id", "service", "environment", "host", "version", "received_at")
MOST_OF_EVENT = 20
_PATH = "spans"
_FIELDS = (
    *("trace_id", "span_id", "operation", "category", "status"),
    *("segment", "started_at", "duration_ms"),
)


def spans_query(conditions: Mapping[str, Any]) -> q.Query:
    """What documents are asked. Conditions: ``service`` of the event; ``operation``, ``category``,
    ``status``, ``attribute`` (``name:value``), ``min_ms`` and ``max_ms``, all of the same span.
    """
    of_span: list[q.Query] = [
        q.Term(f"{_PATH}.{name}", {"value": conditions[name]})
        for name in ("operation", "category", "status")
        if name in conditions
    ]
    bounds = {"gte": conditions.get("min_ms"), "lte": conditions.get("max_ms")}
    if given := {name: bound for name, bound in bounds.items() if bound is not None}:
        of_span.append(q.Range(f"{_PATH}.duration_ms", given))
    if "attribute" in conditions:
        of_span.append(_attribute(conditions["attribute"]))
    nested = q.Nested(
        path=_PATH,
        query=q.Bool(filter=of_span or [q.MatchAll()]),
        inner_hits={"size": MOST_OF_EVENT, "sort": [{f"{_PATH}.duration_ms": "desc"}]},
    )
    of_event = [
        q.Term(name, {"value": conditions[name]}) for name in ("service",) if name in conditions
    ]
    return q.Bool(filter=[*of_event, nested])


def _attribute(text: str) -> q.Query:
    """An attribute of a value; without a colon, one of any value."""
    name, colon, value = text.partition(":")
    field = f"{_PATH}.attributes"
    if colon:
        return q.Term(field, {"value": f"{name}={value}"})
    return q.Prefix(field, {"value": f"{name}="})


def spans_of(hit: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The spans of a document that met the conditions, the slowest first, with their event."""
    source = hit["_source"]
    event = {name: source.get(name) for name in EVENT_FIELDS if name != "id"}
    for inner in hit["inner_hits"][_PATH]["hits"]["hits"]:
        span = inner["_source"]
        yield {
            "event_id": source["id"],
            **event,
            **{name: span.get(name) for name in _FIELDS},
            "attributes": dict(term.partition("=")[::2] for term in span.get("attributes") or []),
        }
