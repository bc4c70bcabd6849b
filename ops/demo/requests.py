"""Requests that the shop's API serves, as OpenTelemetry's SDK for Python exports them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ops.demo.faults import Fault
from ops.demo.people import Person
from ops.demo.story import API, REGRESSED, SERVERS

#: Within how long the requests of one export began.
EXPORT_MS = 5_000
_SERVER, _CLIENT, _INTERNAL, _ERROR = 2, 3, 1, 2
_NS = 1_000_000
#: How much longer the payment provider takes since the bad release, and how often it fails.
_SLOW_FACTOR, _BAD_SHARE, _USUAL_SHARE = 2.6, 0.09, 0.003


@dataclass(frozen=True, slots=True)
class Step:
    """What a request does in turn. ``asked`` is a statement, or the address of another service."""

    name: str
    kind: Literal["db", "http", "work"]
    ms: float
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """A request that the API serves, relatively so often, by these steps."""

    method: str
    route: str
    weight: float
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """As a span of it is called."""
        return f"{self.method} {self.route}"


def _db(name: str, ms: float, statement: str) -> Step:
    return Step(name, "db", ms, statement)


_CART = _db("SELECT carts", 4, "SELECT * FROM carts WHERE id = %s")
_PRODUCT = _db("SELECT products", 5, "SELECT * FROM products WHERE sku = %s")
_LINES = _db("SELECT cart_lines", 8, "SELECT * FROM cart_lines WHERE cart = %s")
_PAYMENT = Operation("POST", "/api/payment/quote", 9, (
    _CART,
    _LINES,
    Step("total", "work", 3),
    Step("GET /v1/rates", "http", 31, "https://rates.example.com/v1/rates"),
    Step("POST /v1/quotes", "http", 190, "https://pay.example.com/v1/quotes"),
    _db("INSERT quotes", 6, "INSERT INTO quotes (cart, amount, until) VALUES (%s, %s, %s)"),
))  # fmt: skip
OPERATIONS = (
    Operation("GET", "/api/products/{sku}", 42, (
        _PRODUCT,
        Step("catalog.find", "work", 1),
        _db("SELECT prices", 4, "SELECT * FROM prices WHERE sku = %s AND currency = %s"),
        Step("GET /stock/{sku}", "http", 28, "https://stock.example.com/stock"),
    )),
    Operation("GET", "/api/search", 16, (
        Step("rank", "work", 21),
        _db("SELECT products by name", 46, "SELECT * FROM products WHERE name %% %s LIMIT 40"),
    )),
    Operation("GET", "/api/cart", 22, (
        _CART,
        _LINES,
        Step("total", "work", 3),
    )),
    Operation("POST", "/api/cart/lines", 12, (
        _PRODUCT,
        _db("INSERT cart_lines", 7, "INSERT INTO cart_lines VALUES (%s, %s, %s)"),
    )),
    _PAYMENT,
    Operation("POST", "/api/orders", 5, (
        _CART,
        _db("INSERT orders", 12, "INSERT INTO orders VALUES (%s, %s, %s, %s)"),
        Step("POST /v1/charges", "http", 240, "https://pay.example.com/v1/charges"),
        _db("UPDATE stock", 9, "UPDATE stock SET left = left - %s WHERE sku = %s"),
        Step("render mail", "work", 14),
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """A request that somebody made; ``fault`` is what ended it, if anything that was told of, with
    its message, and ``waited_ms`` how long another server was waited for until then.
    """

    operation: Operation
    who: Person
    fault: Fault | None = None
    message: str = ""
    waited_ms: float = 0.0


def any_operation(rng: Random) -> Operation:
    """What is asked next."""
    return rng.choices(OPERATIONS, [one.weight for one in OPERATIONS])[0]


def operation_at(path: str) -> Operation:
    """The operation of a fault's path."""
    return next(one for one in OPERATIONS if one.route.startswith(path))


def export(rng: Random, at_ms: int, release: str, served: Sequence[Served]) -> bytes:
    """One body for ``POST /v1/traces``, sent by a server at a moment: each request in its trace.
    A request with a fault ends at that moment, the others within :data:`EXPORT_MS` before.
    """
    request = ExportTraceServiceRequest()
    into = request.resource_spans.add()
    put(into.resource.attributes, resource(rng.choice(SERVERS), release))
    within = into.scope_spans.add()
    within.scope.name = "opentelemetry.instrumentation.flask"
    for one in served:
        ago = 0 if one.fault else rng.randint(0, EXPORT_MS)
        _Writer(rng, within.spans, (at_ms - ago) * _NS, release).write(one)
    return request.SerializeToString()


def resource(host: str, release: str) -> dict[str, Any]:
    """What a server of the API says of itself."""
    return {
        "service.name": API,
        "service.version": release,
        "deployment.environment.name": "production",
        "host.name": host,
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.38.0",
    }


def put(attributes: Any, values: Mapping[str, Any]) -> None:
    """Add attributes of whole numbers and text to a message of OTLP."""
    for name, value in values.items():
        pair = attributes.add(key=name)
        kind = "int_value" if isinstance(value, int) else "string_value"
        setattr(pair.value, kind, value)


class _Writer:
    """Writes the spans of a request that ends at a moment, in nanoseconds since 1970."""

    def __init__(self, rng: Random, spans: Any, end_ns: int, release: str) -> None:
        self._rng = rng
        self._spans = spans
        self._end_ns = end_ns
        self._release = release
        self._trace_id, self._root = rng.randbytes(16), rng.randbytes(8)

    def write(self, served: Served) -> None:
        operation, fault = served.operation, served.fault
        failed = fault is not None or self._rng.random() < self._share_failing(operation)
        steps = operation.steps
        if failed:
            steps = steps[: 1 + steps.index(_failing(operation, fault))]
        took = [self._took(step) for step in steps]
        if fault is not None and steps[-1].kind != "work":
            took[-1] = served.waited_ms
        before, after = self._rng.uniform(1, 4), self._rng.uniform(0.5, 3)
        at = self._end_ns - round((before + sum(took) + after) * _NS)
        self._request(served, at, failed=failed)
        at += round(before * _NS)
        for place, (step, ms) in enumerate(zip(steps, took, strict=True)):
            self._step(step, at, ms, failed=failed and place == len(steps) - 1)
            at += round(ms * _NS)

    def _share_failing(self, operation: Operation) -> float:
        bad = operation is _PAYMENT and self._release == REGRESSED
        return _BAD_SHARE if bad else _USUAL_SHARE

    def _took(self, step: Step) -> float:
        pays = step.kind == "http" and "pay." in step.asked and self._release == REGRESSED
        return step.ms * self._rng.lognormvariate(0, 0.45) * (_SLOW_FACTOR if pays else 1)

    def _request(self, served: Served, at: int, *, failed: bool) -> None:
        operation, fault = served.operation, served.fault
        span = self._span(operation.name, _SERVER, at, self._end_ns, self._root)
        told: dict[str, Any] = {
            "http.request.method": operation.method,
            "http.route": operation.route,
            "url.path": operation.route.replace("{sku}", f"SKU-{self._rng.randint(1000, 1400)}"),
            "server.address": "api.shop.example.com",
            "http.response.status_code": 500 if fault else 502 if failed else 200,
            "user_agent.original": served.who.browser.agent,
            "user.id": served.who.identifier,
        }
        if served.who.email:
            told |= {"user.email": served.who.email}
        put(span.attributes, told)
        span.status.code = _ERROR if failed else 0
        if fault is not None:
            span.status.message = f"{fault.class_name}: {served.message}"
            event = span.events.add(name="exception", time_unix_nano=self._end_ns)
            put(event.attributes, _exception(fault, served.message))

    def _step(self, step: Step, at: int, ms: float, *, failed: bool) -> None:
        kind = _INTERNAL if step.kind == "work" else _CLIENT
        span = self._span(step.name, kind, at, at + round(ms * _NS), self._rng.randbytes(8))
        span.parent_span_id = self._root
        span.status.code = _ERROR if failed else 0
        if step.kind == "db":
            told = {"db.system.name": "postgresql", "db.namespace": "shop"}
            put(span.attributes, {**told, "db.query.text": step.asked, "server.address": "db-1"})
        elif step.kind == "http":
            method, status = step.name.partition(" ")[0], 504 if failed else 200
            told = {"http.request.method": method, "url.full": step.asked}
            put(span.attributes, {**told, "http.response.status_code": status})

    def _span(self, name: str, kind: int, start: int, end: int, span_id: bytes) -> Any:
        return self._spans.add(
            trace_id=self._trace_id,
            span_id=span_id,
            name=name,
            kind=kind,
            start_time_unix_nano=start,
            end_time_unix_nano=end,
            flags=0x101,
        )


def _failing(operation: Operation, fault: Fault | None) -> Step:
    """The step in which a request fails: the one that its fault names, else its slowest."""
    named = (step for step in operation.steps if fault is not None and step.name == fault.traced)
    return next(named, max(operation.steps, key=lambda step: step.ms))


def _exception(fault: Fault, message: str) -> dict[str, Any]:
    """The attributes of a span's event ``exception``, its traceback as Python prints it."""
    lines = ["Traceback (most recent call last):"]
    for line in reversed(fault.stack):
        lines += [f'  File "{line.file}", line {line.line}, in {line.function}', f"    {line.code}"]
    lines.append(f"{fault.class_name}: {message}")
    return {
        "exception.type": fault.class_name,
        "exception.message": message,
        "exception.stacktrace": "\n".join(lines) + "\n",
    }
