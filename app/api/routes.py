"""The blueprint of /api/v1: every endpoint's row, with checks before it and JSON after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Response, request

from app import health, metrics
from app.api import (
    account,
    apm,
    app_users,
    attachments,
    cost,
    custody,
    dead_letters,
    discarded,
    effective_settings,
    erasures,
    events,
    group_detail,
    groups,
    keys,
    ledger,
    letter_bulk,
    measures,
    members,
    operations,
    packs,
    parked,
    path_rules,
    pools,
    projects,
    queues,
    quotas,
    receipts,
    redaction,
    refusals,
    related,
    releases,
    replays,
    retention,
    rum,
    search,
    sessions,
    signed_urls,
    tokens,
    traces,
    triage,
    users,
    views,
)
from app.api.access import CallerCheck, require_token
from app.api.arguments import load_arguments, load_body
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.names import ProjectNames, narrowed
from app.api.openapi import openapi_document
from app.last_known import LastKnown
from app.outage import store_down
from app.stores import Stores
from events.ids import Clock, now_ms
from storage.errors import StoreDown
from storage.sql.audit import acting_from

PREFIX = "/api/v1"
API_VERSION = "1"


@cache
def _document() -> dict[str, Any]:
    return openapi_document(ENDPOINTS, PREFIX, API_VERSION)


def read_openapi(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /openapi.json."""
    del desk, arguments
    return _document()


ENDPOINTS: tuple[Endpoint, ...] = (
    *events.ENDPOINTS,
    *attachments.ENDPOINTS,
    *related.ENDPOINTS,
    *cost.ENDPOINTS,
    *groups.ENDPOINTS,
    *group_detail.ENDPOINTS,
    *triage.ENDPOINTS,
    *discarded.ENDPOINTS,
    *releases.ENDPOINTS,
    *views.ENDPOINTS,
    *search.ENDPOINTS,
    *ledger.ENDPOINTS,
    *dead_letters.ENDPOINTS,
    *letter_bulk.ENDPOINTS,
    *replays.ENDPOINTS,
    *retention.ENDPOINTS,
    *quotas.ENDPOINTS,
    *packs.ENDPOINTS,
    *parked.ENDPOINTS,
    *projects.ENDPOINTS,
    *keys.ENDPOINTS,
    *members.ENDPOINTS,
    *refusals.ENDPOINTS,
    *queues.ENDPOINTS,
    *redaction.ENDPOINTS,
    *erasures.ENDPOINTS,
    *signed_urls.ENDPOINTS,
    *rum.ENDPOINTS,
    *path_rules.ENDPOINTS,
    *sessions.ENDPOINTS,
    *app_users.ENDPOINTS,
    *operations.ENDPOINTS,
    *pools.ENDPOINTS,
    *custody.ENDPOINTS,
    *receipts.ENDPOINTS,
    *account.ENDPOINTS,
    *tokens.ENDPOINTS,
    *users.ENDPOINTS,
    *effective_settings.ENDPOINTS,
    *apm.ENDPOINTS,
    *traces.ENDPOINTS,
    *measures.ENDPOINTS,
    Endpoint(
        "/openapi.json",
        "read_openapi",
        "This API as an OpenAPI 3 document",
        read_openapi,
        None,
        opens_with="nothing",
        needs="nothing",
    ),
)


def open_desk(stores: Stores, clock: Clock = now_ms) -> Desk:
    """What handlers and pages work with; connects to nothing yet."""
    seconds = stores.settings.key_cache_seconds
    tokens = CallerCheck(stores.tokens, seconds)
    sessions = CallerCheck(stores.accounts.sessions, seconds)
    names = ProjectNames(stores.projects)
    return Desk(stores, names, tokens, sessions, clock, health.Health(stores), LastKnown(clock))


def _query_pairs(endpoint: Endpoint) -> list[tuple[str, str]]:
    pairs = list(request.args.items(multi=True))
    if endpoint.opens_with == "token_or_key":
        return [(name, value) for name, value in pairs if name.lower() != "apikey"]
    return pairs


def _at_desk_of_caller(endpoint: Endpoint, desk: Desk) -> Desk:
    """The desk as who asks may use it; raises ``ApiError`` 401 and 403."""
    desk = replace(desk, needs=endpoint.needs)
    if endpoint.opens_with != "token":
        return desk
    desk = replace(desk, caller=require_token(request, desk.tokens))
    if endpoint.scope == "installation":
        desk.require(None, "this endpoint")
    return desk


def _answer(endpoint: Endpoint, desk: Desk, path: dict[str, str]) -> Response:
    desk = _at_desk_of_caller(endpoint, desk)
    arguments = load_arguments(endpoint.arguments, _query_pairs(endpoint))
    if endpoint.method != "GET":
        given = load_body(endpoint.body, request.get_data()) if endpoint.body else {}
        arguments |= {**given, "actor": desk.caller.actor}
    if endpoint.scope == "filtered":
        arguments = narrowed(arguments, desk.caller, endpoint.needs)
    answer = endpoint.handler(desk, {**arguments, **path})
    if isinstance(answer, Response):
        return answer
    return Response(orjson.dumps(answer), content_type="application/json")


def _view(endpoint: Endpoint, desk: Desk) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        try:
            with acting_from(request.remote_addr or ""):
                response = _answer(endpoint, desk, path)
        except StoreDown as exc:
            raise store_down(exc) from exc
        response.headers["Cache-Control"] = "no-store"
        return response

    return view


def create_api(desk: Desk) -> Blueprint:
    """The API alone. Every error is an ``ApiError``, told by the factory."""
    blueprint = Blueprint("v1", __name__, url_prefix=PREFIX)
    for endpoint in ENDPOINTS:
        blueprint.add_url_rule(
            endpoint.rule, endpoint.name, _view(endpoint, desk), methods=[endpoint.method]
        )
    return blueprint


def create_blueprint(stores: Stores) -> Blueprint:
    """All that machines read: /api/v1, /health and /metrics."""
    blueprint = Blueprint("api", __name__)
    blueprint.register_blueprint(create_api(open_desk(stores)))
    blueprint.register_blueprint(health.create_blueprint(stores))
    blueprint.register_blueprint(metrics.create_blueprint(stores))
    return blueprint
