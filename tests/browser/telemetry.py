"""Spans, logs, levels and sessions of the site: what services told of themselves."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from events.spans import operation_of
from tests.integration.api_world import HOSTILE, World
from tests.otlp_samples import RESOURCE, Timed, gauges, logs, now_ns, traces

MANY = 1_200
_WEB = {**RESOURCE, "service.name": "web", "host.name": "edge-1"}
_TEXT = HOSTILE.replace("\ud800", "").replace("\x00", "")
_HOUR_NS = 3_600_000_000_000
HOSTILE_OPERATION = "~" + operation_of(f"{_TEXT} GET /shop").encode().hex()


@dataclass(frozen=True)
class Telemetry:
    """A ``trace`` of two services with one of its spans, and the crash in it; one of very ``many``
    spans; and one whose every field is ``hostile``.
    """

    trace: str
    span: str
    crash: str
    many: str
    hostile: str


def tell(world: World) -> Telemetry:
    """Tell it all to project ``shop``."""
    trace_id, call = os.urandom(16), os.urandom(8)
    many, hostile = os.urandom(16), os.urandom(16)
    world.seed([*_shopping(trace_id, call), *_many(many), _hostile(hostile)], "shop", "trace")
    world.seed([body for n in range(30) for body in _ordinary(n)], "shop", "trace")
    world.seed([body for n in range(3) for body in _levels(n)], "shop", "metric")
    lines = logs((9, "paying"), (13, "slow"), (17, "declined"), trace_id=trace_id)
    _store(world, "trace", "otlp.logs.proto", [lines, _shouting(hostile)])
    told = {"exception.type": "PayError", "exception.message": "declined"}
    fault = logs((17, "declined"), trace_id=trace_id, attributes=told)
    (crash,) = _store(world, "crash", "otlp.error.proto", [fault])
    _store(world, "metric", "sentry.session", [_session(n) for n in range(60)])
    return Telemetry(trace_id.hex(), call.hex(), crash, many.hex(), hostile.hex())


def _store(world: World, kind: str, protocol: str, bodies: list[bytes]) -> list[str]:
    envelopes = world.envelopes(bodies, "shop", kind)
    made = [replace(one, protocol=protocol) for one in envelopes]
    return [str(one) for one in world.store(made)]


def _shopping(trace_id: bytes, call: bytes) -> list[bytes]:
    """A page that asks a shop, whose clock is off, and what is odd about some of its spans."""
    root, work = os.urandom(8), os.urandom(8)
    base = now_ns()
    page = traces(
        Timed("GET /cart", took=180, span_id=root, kind=2, attributes={"user.id": "ann"}),
        Timed("render", 4, 30, parent=root),
        Timed("POST", 40, 120, span_id=call, parent=root, kind=3, attributes={"http.method": "P"}),
        trace_id=trace_id,
        resource=_WEB,
        base_ns=base,
    )
    pay = traces(
        Timed("POST /pay", 50, 90, span_id=work, parent=call, kind=2, failed=True),
        Timed("SELECT cart", 60, 12, parent=work, attributes={"db.system.name": "postgresql"}),
        Timed("backwards", 80, -5, parent=work),
        Timed("orphan", 90, 5, parent=os.urandom(8)),
        trace_id=trace_id,
        base_ns=base - 2 * _HOUR_NS,
    )
    return [page, pay]


def _many(trace_id: bytes) -> list[bytes]:
    """A trace of more spans than a page has room for."""
    root = os.urandom(8)
    spans = [Timed(f"step {n}", n, 3, parent=root) for n in range(MANY)]
    job = Timed("nightly job", took=MANY + 3, span_id=root, kind=5)
    return [traces(job, *spans[:600], trace_id=trace_id), traces(*spans[600:], trace_id=trace_id)]


def _hostile(trace_id: bytes) -> bytes:
    """Spans whose every field tries to be more than text."""
    spans = [
        Timed(f"{_TEXT} {'long ' * 100}{n}", n, 5, failed=True, attributes={_TEXT: _TEXT * 20})
        for n in range(100)
    ]
    resource = {**RESOURCE, "service.name": _TEXT * 5, "host.name": f"{_TEXT}/../.json"}
    named = Timed(f"{_TEXT} GET /shop", 0, 3, kind=2)
    return traces(named, *spans, trace_id=trace_id, resource=resource)


def _shouting(trace_id: bytes) -> bytes:
    return logs(*[(17, f"{_TEXT} {'x' * 3000}")] * 40, trace_id=trace_id)


def _ordinary(number: int) -> list[bytes]:
    """A request with a query and a call, one of eight operations, a part of them failing."""
    root, ago = os.urandom(8), number * 90 * 1_000_000_000
    kind = number % 8
    spans = (
        Timed(f"GET /shop/{'abcdefgh'[kind]}", 0, 20 + 7 * number, span_id=root, kind=2,
              failed=number % 7 == 0),
        Timed(f"SELECT {'abcdefgh'[kind]}", 2, 3 + number, parent=root,
              attributes={"db.system.name": "postgresql"}),
        Timed("GET https://rates.example/now", 8, 5, parent=root, kind=3,
              attributes={"http.request.method": "GET"}),
        Timed("compute", 14, 2, parent=root),
    )  # fmt: skip
    return [traces(*spans, base_ns=now_ns() - ago)]


def _levels(number: int) -> list[bytes]:
    """Levels of a host, some of them many."""
    resource = {**RESOURCE, "host.name": f"web-{number}"}
    names = ("system.cpu.utilization", "system.memory.usage", "system.disk.io", "queue.length")
    names += tuple(f"pool.{n}.busy" for n in range(12))
    return [
        gauges(
            {name: [n * 0.25 + number + back % 5] for n, name in enumerate(names)},
            resource,
            now_ns() - back * 2 * 60_000_000_000,
        )
        for back in range(14)
    ]


def _session(number: int) -> bytes:
    """A session of the last days, of one of three versions; every tenth crashed."""
    began = datetime.now(UTC) - timedelta(hours=5 * number)
    session = {
        "sid": f"{number:032x}",
        "did": f"user-{number % 17}",
        "seq": 1,
        "started": began.isoformat(),
        "timestamp": began.isoformat(),
        "status": "crashed" if number % 10 == 0 else "exited",
        "attrs": {"release": ("2.1", "2.0", "9.9-calm")[number % 3], "environment": "production"},
    }
    return json.dumps(session).encode()
