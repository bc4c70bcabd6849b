"""Whether this process lives, and whether it can accept events.

Ready means that this instance can accept events (the broker answers, or the spool has room until
it does) and that events get through: a canary event of each type that has not arrived for long
says ``stalled``, also when every process and store looks alive. A store that is away does not
decide by itself: events of known keys are still accepted and wait in the broker. So a balancer
must ask /health/live, and whoever watches asks /health/ready.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import orjson
import structlog
from flask import Blueprint, Response

from app.stores import Stores
from storage.errors import StoreError

log = structlog.get_logger(__name__)

NEEDED = frozenset({"broker"})
PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How a dependency answered: ``problem`` is null when it did, ``seconds`` it took."""

    problem: str | None
    seconds: float


Check = Callable[[], object]


class Probes:
    """Asks each dependency in a thread of its own, and waits for none longer than ``seconds``.

    A check that hangs keeps its thread, and no second one is started beside it: however often
    this is asked, a dead store costs one thread.
    """

    def __init__(self, checks: Mapping[str, Check], seconds: float = PROBE_SECONDS) -> None:
        self._checks = checks
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._running: dict[str, Future[ProbeResult]] = {}

    def run(self) -> dict[str, ProbeResult]:
        """One result per dependency, within the time-out."""
        with self._lock:
            running = {name: self._start(name) for name in self._checks}
        wait(running.values(), timeout=self._seconds)
        hung = ProbeResult("timed out", self._seconds)
        return {name: (run.result() if run.done() else hung) for name, run in running.items()}

    def _start(self, name: str) -> Future[ProbeResult]:
        earlier = self._running.get(name)
        if earlier is not None and not earlier.done():
            return earlier
        if self._pool is None:  # not at creation: threads do not survive a fork
            self._pool = ThreadPoolExecutor(len(self._checks), thread_name_prefix="probe")
        self._running[name] = self._pool.submit(_probe, name, self._checks[name])
        return self._running[name]


def _probe(name: str, check: Check) -> ProbeResult:
    started = time.monotonic()
    try:
        check()
    except StoreError as exc:
        log.warning("dependency_down", store=name, detail=exc.detail)
        return ProbeResult("down", time.monotonic() - started)
    return ProbeResult(None, time.monotonic() - started)


def store_probes(stores: Stores) -> Probes:
    """Probes of the four stores."""
    return Probes(
        {
            "broker": stores.broker.check,
            "sql": stores.database.check,
            "files": stores.files.check,
            "search": stores.search.check,
        }
    )


def readiness(
    results: Mapping[str, ProbeResult], *, spool_has_room: bool, stalled: Collection[str] = ()
) -> tuple[int, dict[str, object]]:
    """The status code and body of /health/ready. Addresses stay in the logs: it needs no token.

    ``stalled`` are the event types whose canaries have not arrived for too long.
    """
    down = {name for name, result in results.items() if result.problem}
    accepting = spool_has_room or not down & NEEDED
    status = "degraded" if down else "ready"
    if stalled:
        status = "stalled"
    if not accepting:
        status = "unavailable"
    body: dict[str, object] = {
        "status": status,
        "spool_has_room": spool_has_room,
        "stalled": sorted(stalled),
        "dependencies": {
            name: {
                "ok": result.problem is None,
                "problem": result.problem,
                "needed_to_accept": name in NEEDED,
                "seconds": round(result.seconds, 4),
            }
            for name, result in results.items()
        },
    }
    return (503 if stalled or not accepting else 200), body


def stalled_types(stores: Stores) -> list[str]:
    """Event types that do not get through; none while the broker cannot be asked."""
    limit = stores.settings.canary_stalled_seconds
    try:
        ages = stores.progress.ages()
    except StoreError as exc:
        log.warning("progress_unknown", store=exc.store, detail=exc.detail)
        return []
    return [event_type for event_type, age in ages.items() if age > limit]


def _json(status: int, body: object) -> Response:
    response = Response(orjson.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def create_blueprint(stores: Stores) -> Blueprint:
    """GET /health/live and /health/ready; neither needs a token."""
    blueprint = Blueprint("health", __name__, url_prefix="/health")
    probes = store_probes(stores)

    @blueprint.get("/live")
    def live() -> Response:
        return _json(200, {"status": "alive"})

    @blueprint.get("/ready")
    def ready() -> Response:
        results = probes.run()
        stalled = [] if results["broker"].problem else stalled_types(stores)
        has_room = stores.outbox.has_room()
        status, body = readiness(results, spool_has_room=has_room, stalled=stalled)
        response = _json(status, body)
        if status == 503:
            response.headers["Retry-After"] = "5"
        return response

    return blueprint
