"""Whether this process lives, and whether it can accept events.

Ready means that this instance can accept events (the broker answers, or the spool has room until
it does) and that events get through: a canary event of each type that has not arrived for long
says ``stalled``, also when every process and store looks alive. A store that is away does not
decide by itself: events of known keys are still accepted and wait in the broker. So a balancer
must ask /health/live, and whoever watches asks /health/ready.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import orjson
import structlog
from flask import Blueprint, Response

from app.probes import ProbeResult, Probes
from app.stores import Stores
from storage.errors import StoreError

log = structlog.get_logger(__name__)

NEEDED = frozenset({"broker"})


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


class Health:
    """Whether this instance accepts events, and whether they get through."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._probes = store_probes(stores)

    def stores(self) -> dict[str, ProbeResult]:
        """How each store answers, within the probes' time-out."""
        return self._probes.run()

    def read(self) -> tuple[int, dict[str, object]]:
        """As :func:`readiness`, within the probes' time-out."""
        results = self.stores()
        stalled = [] if results["broker"].problem else stalled_types(self._stores)
        has_room = self._stores.outbox.has_room()
        return readiness(results, spool_has_room=has_room, stalled=stalled)


def _json(status: int, body: object) -> Response:
    response = Response(orjson.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def create_blueprint(stores: Stores) -> Blueprint:
    """GET /health/live and /health/ready; neither needs a token."""
    blueprint = Blueprint("health", __name__, url_prefix="/health")
    health = Health(stores)

    @blueprint.get("/live")
    def live() -> Response:
        return _json(200, {"status": "alive"})

    @blueprint.get("/ready")
    def ready() -> Response:
        status, body = health.read()
        response = _json(status, body)
        if status == 503:
            response.headers["Retry-After"] = "5"
        return response

    return blueprint
