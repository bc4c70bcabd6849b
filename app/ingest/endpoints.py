"""Every ingest path of every protocol."""

from __future__ import annotations

from app.ingest.endpoint import Endpoint
from app.ingest.otlp.endpoints import ENDPOINTS as OTLP
from app.ingest.otlp.endpoints import SENTRY_ENDPOINTS as SENTRY_OTLP
from app.ingest.raygun.endpoints import ENDPOINTS as RAYGUN
from app.ingest.sentry.endpoints import ENDPOINTS as SENTRY
from app.ingest.sentry.endpoints import endpoint_at as sentry_endpoint_at

ENDPOINTS: tuple[Endpoint, ...] = (*RAYGUN, *OTLP, *SENTRY, *SENTRY_OTLP)
_BY_PATH: dict[str, Endpoint] = {endpoint.path: endpoint for endpoint in (*RAYGUN, *OTLP)}


def endpoint_at(path: str) -> Endpoint | None:
    """The endpoint of exactly this path; null where there is none, or only behind a prefix."""
    return _BY_PATH.get(path) or (sentry_endpoint_at(path) if path.startswith("/api/") else None)
