"""Request bodies as the protocol's own messages, from either of its encodings.

OTLP's JSON is proto3's but for ids, which are hexadecimal (OTLP specification, "JSON Protobuf
Encoding"). A span, metric or log record of JSON that cannot be understood is left out alone, and
counted; in protobuf a body is whole or none.
"""

from __future__ import annotations

import binascii
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.fields import listed
from events.parse import loads
from events.record import Malformed
from events.text import storable

Request: TypeAlias = (
    ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest
)

_MAX_DEPTH = 60
_PAIR = {"key", "value"}


@dataclass(frozen=True, slots=True)
class Signal:
    """One of the three kinds of request: its message, and how its parts are called in it.

    A request holds resources, a resource scopes, a scope items.
    """

    name: str
    message: Callable[[], Request]
    resources: str
    scopes: str
    items: str
    ids: tuple[str, ...] = ()

    def names(self) -> tuple[str, str, str]:
        """Resources, scopes and items, as JSON calls them."""
        resources, scopes, items = map(_camel, (self.resources, self.scopes, self.items))
        return resources, scopes, items


TRACES = Signal(
    "traces",
    ExportTraceServiceRequest,
    "resource_spans",
    "scope_spans",
    "spans",
    ("traceId", "spanId", "parentSpanId"),
)
METRICS = Signal(
    "metrics", ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics"
)
LOGS = Signal(
    "logs",
    ExportLogsServiceRequest,
    "resource_logs",
    "scope_logs",
    "log_records",
    ("traceId", "spanId"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A request, how many of its items could not be read, and why the first of them."""

    request: Any
    unread: int = 0
    why: str | None = None


def open_body(signal: Signal, encoding: str, body: bytes) -> Opened:
    """The request in a body; raises :class:`Malformed` when it is none of this signal."""
    if encoding == "json":
        return _Json(signal).open(body)
    request = signal.message()
    try:
        request.ParseFromString(body)
    except (DecodeError, ValueError) as exc:
        raise Malformed("not_protobuf", f"The body is no OTLP {signal.name} request.") from exc
    return Opened(request)


class _Json:
    """Opens one JSON body, item by item."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._unread = 0
        self._why: str | None = None

    def open(self, body: bytes) -> Opened:
        value = loads(body, _MAX_DEPTH)
        if not isinstance(value, dict):
            raise Malformed("not_an_object", "The request is not a JSON object.")
        resources, scopes, items = self._signal.names()
        request = self._signal.message()
        given = _field(value, resources, self._signal.resources)
        if given is not None and not isinstance(given, list):
            raise Malformed("not_an_array", f"{resources} is not an array.")
        for resource in _objects(given):
            into = getattr(request, self._signal.resources).add()
            self._merge(without(resource, scopes, self._signal.scopes), into)
            for scope in _objects(_field(resource, scopes, self._signal.scopes)):
                within = getattr(into, self._signal.scopes).add()
                self._merge(without(scope, items, self._signal.items), within)
                for item in listed(_field(scope, items, self._signal.items)):
                    self._add(item, getattr(within, self._signal.items))
        return Opened(request, self._unread, self._why)

    def _add(self, item: Any, items: Any) -> None:
        message = items.add()
        if not self._merge(item, message):
            del items[-1]
            self._unread += 1

    def _merge(self, value: Any, message: Message) -> bool:
        if not isinstance(value, dict):
            self._why = self._why or f"{str(value)[:40]!r} is no object"
            return False
        try:
            json_format.ParseDict(
                _ready(value, self._signal.ids), message, ignore_unknown_fields=True
            )
        except (
            json_format.ParseError,
            ValueError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as exc:
            self._why = self._why or str(exc)[:300]
            message.Clear()
            return False
        return True


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in listed(value) if isinstance(item, dict)]


def _field(value: dict[str, Any], *names: str) -> Any:
    return next((value[name] for name in names if name in value), None)


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """An object less some of its members."""
    return {key: item for key, item in value.items() if key not in names}


def _ready(value: Any, ids: tuple[str, ...]) -> Any:
    """A value with its ids as proto3 has them, without nulls, which mean the default, and without
    halves of characters, on which the messages' own lookups break.
    """
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        if value.keys() == _PAIR and isinstance(value["value"], str):  # blanked by redaction
            return {"key": value["key"], "value": {"stringValue": value["value"]}}
        return {
            storable(key): _base64(item) if key in ids or _camel(key) in ids else _ready(item, ids)
            for key, item in value.items()
            if item is not None
        }
    return [_ready(item, ids) for item in value] if isinstance(value, list) else value


def _base64(value: Any) -> Any:
    """An id of hexadecimal digits in base64; what is none stays, for the parser to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return b64encode(binascii.unhexlify(value)).decode()
    except (binascii.Error, ValueError):
        raise ValueError(f"{value[:40]!r} is no hexadecimal id") from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
