"""The ingest paths on Flask: a thin lane to :class:`app.ingest.handler.IngestHandler`.

A path prefix is accepted (``/relay/entries``), for SDKs that keep the path of a proxy they are
pointed at; only first segments that Sluice serves itself are not prefixes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter

from app.cors import CREDENTIALS_ALLOWED
from app.ingest.endpoint import Endpoint, IngestRequest
from app.ingest.endpoints import ENDPOINTS
from app.ingest.handler import IngestHandler
from app.ingest.sentry.endpoints import NUMBER, PIXEL

_CHUNK = 64 * 1024

View = Callable[..., Response]


class PrefixConverter(BaseConverter):
    """Any path before an ingest path, also an empty one, but none that the API or pages use."""

    regex = r"(?!(?:api|assets|events|groups|health)(?:/|\Z)).*?"
    part_isolating = False


class NumberConverter(BaseConverter):
    """The number of a project in Sentry's paths; it changes nothing, so any will do."""

    regex = NUMBER


def create_blueprint(handler: IngestHandler) -> Blueprint:
    """The ingest paths over the process's handler."""
    blueprint = Blueprint("ingest", __name__)
    blueprint.record_once(_register_converters)
    for endpoint in ENDPOINTS:
        _route(blueprint, endpoint.path, _view(handler, endpoint), ["POST"])
    _route(blueprint, PIXEL.path, _view(handler, PIXEL), ["GET"])
    _route(blueprint, "/ping", _ping, ["GET", "POST"])
    return blueprint


def _register_converters(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["ingest_prefix"] = PrefixConverter
    state.app.url_map.converters["ingest_number"] = NumberConverter


def _route(blueprint: Blueprint, path: str, view: View, methods: list[str]) -> None:
    setattr(view, CREDENTIALS_ALLOWED, True)
    name = "_".join([*re.findall(r"[a-z]+", path), *methods])
    for rule in (path, f"/<ingest_prefix:prefix>{path}"):
        blueprint.add_url_rule(rule, name, view, methods=methods)


def _view(handler: IngestHandler, endpoint: Endpoint) -> View:
    def accept(**_: Any) -> Response:  # neither a prefix nor a number changes anything
        answer = handler.accept(
            IngestRequest(
                endpoint,
                request.query_string.decode("latin-1"),
                request.headers,
                _chunks(request.environ["wsgi.input"]),
            )
        )
        kind = answer.headers.get("Content-Type", "text/plain")
        return Response(answer.body, answer.status, answer.headers, content_type=kind)

    return accept


def _ping(**_: Any) -> Response:
    """Say that the server is there; older raygun4js asks until it hears so."""
    return Response(status=200, mimetype="text/plain")


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    # The raw stream: Flask would parse a form, or stop at a missing Content-Length.
    return iter(lambda: stream.read(_CHUNK), b"")
