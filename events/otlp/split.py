"""OTLP requests into events, at the door: as little is decoded as the question needs.

One request is one event, byte for byte as it was sent, where one resource sends and it fits the
bounds, which is what SDKs do. A collector's request of several resources becomes an event each, and
one that is too large several. What tells of an error is also a crash, as an event of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from events.limits import Limits
from events.otlp.attributes import value_of
from events.otlp.logs import is_error
from events.otlp.messages import LOGS, METRICS, TRACES, Opened, Signal, open_body
from events.otlp.traces import exceptions
from events.parse import loads
from events.record import Malformed

#: Spans, log records or metrics of one event: a trace's reader decodes all of an event's.
MAX_ITEMS = 1_000
#: The attribute of a resource that names the project to which it belongs, by one of its API keys.
KEY_ATTRIBUTE = "sluice.api_key"

_EVENT_TYPES = {"traces": "trace", "logs": "trace", "metrics": "metric"}
#: Without these bytes a body tells of no error, whatever its encoding.
_EXCEPTION = b"exception"


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes one event: its type and protocol, its body, and how many items are in it.

    ``key`` is the API key that its resource names.
    """

    event_type: str
    protocol: str
    body: bytes
    items: int = 1
    key: str | None = None


@dataclass(slots=True)
class Parts:
    """The events of a request, and how many of its items are none, with why of the first."""

    parts: list[Part] = field(default_factory=list)
    refused: int = 0
    why: str | None = None
    too_large: bool = False

    def refuse(self, items: int, why: str) -> None:
        """Note items that are left out."""
        self.refused += items
        self.why = self.why or why


def split(signal: Signal, encoding: str, body: bytes, limits: Limits) -> Parts:
    """The events of a request; raises :class:`Malformed` when it is none of its signal.

    A request without items has no events.
    """
    if encoding == "json":
        plain = _plain_json(signal, body, limits)
        if plain is not None:
            return plain
    opened = open_body(signal, encoding, body)
    parts = Parts()
    if opened.unread:
        parts.refuse(opened.unread, opened.why or "not understood")
    _Splitter(signal, encoding, body, limits, parts).split(opened)
    return parts


def key_in(signal: Signal, encoding: str, body: bytes) -> str | None:
    """The API key that the first resource with one names; raises :class:`Malformed`."""
    if KEY_ATTRIBUTE.encode() not in body:
        return None
    opened = open_body(signal, encoding, body)
    keys = (_key(resource) for resource in getattr(opened.request, signal.resources))
    return next((key for key in keys if key), None)


def _key(resource: Any) -> str | None:
    values = (
        value_of(pair.value) for pair in resource.resource.attributes if pair.key == KEY_ATTRIBUTE
    )
    return next((value for value in values if isinstance(value, str)), None)


def _plain_json(signal: Signal, body: bytes, limits: Limits) -> Parts | None:
    """A JSON request that is one event, without making messages of it; null for any other."""
    value = loads(body, limits.max_depth)
    resources, scopes, items = signal.names()
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The request is not a JSON object.")
    given = value.get(resources, [])
    if not isinstance(given, list):
        raise Malformed("not_an_array", f"{resources} is not an array.")
    if len(given) != 1 or len(body) > limits.max_event_bytes or _may_tell_more(signal, body):
        return None
    try:
        count = sum(len(scope[items]) for scope in given[0][scopes])
    except (KeyError, TypeError):
        return None
    if not 0 < count <= MAX_ITEMS:
        return None
    return Parts([_whole(signal, "json", body, count)])


def _may_tell_more(signal: Signal, body: bytes) -> bool:
    """Whether a body may hold errors or a key: then it is opened."""
    if KEY_ATTRIBUTE.encode() in body:
        return True
    return signal is LOGS or (signal is TRACES and _EXCEPTION in body)


def _whole(signal: Signal, encoding: str, body: bytes, items: int) -> Part:
    return Part(_EVENT_TYPES[signal.name], f"otlp.{signal.name}.{encoding}", body, items)


class _Splitter:
    """Splits one opened request."""

    def __init__(
        self, signal: Signal, encoding: str, body: bytes, limits: Limits, parts: Parts
    ) -> None:
        self._signal = signal
        self._encoding = encoding
        self._body = body
        self._limits = limits
        self._parts = parts
        self._has_keys = KEY_ATTRIBUTE.encode() in body

    def split(self, opened: Opened) -> None:
        resources = [one for one in self._resources(opened) if self._count(one)]
        fits = len(self._body) <= self._limits.max_event_bytes
        if len(resources) == 1 and fits and not self._has_keys:
            count = self._count(resources[0])
            if count <= MAX_ITEMS:
                whole = _whole(self._signal, self._encoding, self._body, count)
                self._parts.parts.append(whole)
                self._crashes(resources[0], None)
                return
        for resource in resources:
            key = self._take_key(resource)
            self._split_resource(resource, key)
            self._crashes(resource, key)

    def _resources(self, opened: Opened) -> Any:
        return getattr(opened.request, self._signal.resources)

    def _scopes(self, resource: Any) -> Any:
        return getattr(resource, self._signal.scopes)

    def _items(self, scope: Any) -> Any:
        return getattr(scope, self._signal.items)

    def _count(self, resource: Any) -> int:
        return sum(len(self._items(scope)) for scope in self._scopes(resource))

    def _take_key(self, resource: Any) -> str | None:
        """The key of a resource, which is stored with none of its events."""
        if not self._has_keys:
            return None
        key = _key(resource)
        attributes = resource.resource.attributes
        for at in reversed(range(len(attributes))):
            if attributes[at].key == KEY_ATTRIBUTE:
                del attributes[at]
        return key

    def _split_resource(self, resource: Any, key: str | None) -> None:
        """As few events as hold all items of a resource within the bounds."""
        pending: list[tuple[Any, Any]] = []
        size = base = resource.resource.ByteSize() + 200
        for scope in self._scopes(resource):
            for item in self._items(scope):
                bytes_ = item.ByteSize() + 8
                if base + bytes_ > self._limits.max_event_bytes:
                    most = self._limits.max_event_bytes
                    self._parts.refuse(1, f"larger than {most} bytes")
                    self._parts.too_large = True
                    continue
                room = size + bytes_ <= self._limits.max_event_bytes
                if pending and (len(pending) >= MAX_ITEMS or not room):
                    self._put(resource, pending, key)
                    pending, size = [], base
                pending.append((scope, item))
                size += bytes_
        if pending:
            self._put(resource, pending, key)

    def _put(self, resource: Any, items: list[tuple[Any, Any]], key: str | None) -> None:
        body = self._request(resource, items)
        name = self._signal.name
        part = Part(_EVENT_TYPES[name], f"otlp.{name}.proto", body, len(items), key)
        self._parts.parts.append(part)

    def _request(self, resource: Any, items: list[tuple[Any, Any]]) -> bytes:
        """The bytes of a request with some items of a resource."""
        request = self._signal.message()
        into = self._resources(Opened(request)).add()
        into.resource.CopyFrom(resource.resource)
        into.schema_url = resource.schema_url
        last = None
        for scope, item in items:
            if scope is not last:
                within = self._scopes(into).add()
                within.scope.CopyFrom(scope.scope)
                within.schema_url = scope.schema_url
                last = scope
            self._items(within).add().CopyFrom(item)
        return bytes(request.SerializeToString())

    def _crashes(self, resource: Any, key: str | None) -> None:
        if self._signal is METRICS or (self._signal is TRACES and _EXCEPTION not in self._body):
            return
        for scope in self._scopes(resource):
            for item in self._errors(scope):
                name = "exception" if self._signal is TRACES else "error"
                body = self._request(resource, [(scope, item)])
                if len(body) <= self._limits.max_event_bytes:
                    part = Part("crash", f"otlp.{name}.proto", body, 0, key)
                    self._parts.parts.append(part)

    def _errors(self, scope: Any) -> Iterator[Any]:
        """Items that hold one error each: log records, and spans with one of their events."""
        if self._signal is LOGS:
            yield from (record for record in scope.log_records if is_error(record))
            return
        for span, event in exceptions(scope):
            alone = type(span)()
            alone.CopyFrom(span)
            del alone.events[:]
            del alone.links[:]
            alone.events.add().CopyFrom(event)
            yield alone
