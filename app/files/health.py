"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response

from app.files.desk import FilesDesk
from app.probes import Probes


def _json(status: int, body: object) -> Response:
    response = Response(orjson.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if status != 200:
        response.headers["Retry-After"] = "5"
    return response


def create_blueprint(desk: FilesDesk) -> Blueprint:
    """GET /health/live and /health/ready; neither needs a token.

    Without SQL nothing can be looked up: 503 ``unavailable``. Without the object store, what the
    cache has is served: 200 ``degraded``.
    """
    blueprint = Blueprint("health", __name__, url_prefix="/health")
    probes = Probes({"sql": desk.database.check, "files": desk.files.check})

    @blueprint.get("/live")
    def live() -> Response:
        return _json(200, {"status": "alive"})

    @blueprint.get("/ready")
    def ready() -> Response:
        results = probes.run()
        down = {name for name, result in results.items() if result.problem}
        status = "degraded" if down else "ready"
        if "sql" in down:
            status = "unavailable"
        dependencies = {
            name: {
                "ok": result.problem is None,
                "problem": result.problem,
                "seconds": round(result.seconds, 4),
            }
            for name, result in results.items()
        }
        body = {"status": status, "dependencies": dependencies}
        return _json(503 if status == "unavailable" else 200, body)

    return blueprint
