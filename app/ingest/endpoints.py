"""Every ingest path of every protocol."""

from __future__ import annotations

from app.ingest.endpoint import Endpoint
from app.ingest.raygun.endpoints import ENDPOINTS as RAYGUN

ENDPOINTS: tuple[Endpoint, ...] = RAYGUN
_BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS}


def endpoint_at(path: str) -> Endpoint | None:
    """The endpoint of exactly this path; null where there is none, or only behind a prefix."""
    return _BY_PATH.get(path)
