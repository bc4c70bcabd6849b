"""GET /metrics: what this instance of the file server counts."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.files.desk import FilesDesk


def create_blueprint(desk: FilesDesk) -> Blueprint:
    """GET /metrics; needs no token."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(desk.registry), content_type=CONTENT_TYPE_LATEST)

    return blueprint
