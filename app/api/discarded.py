"""Discarded fingerprints: what of nothing more is stored, also when its group is long gone."""

from __future__ import annotations

from typing import Any

from app.api import triage_shapes as shapes
from app.api.answers import page_of
from app.api.arguments import bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.errors import not_found
from storage.sql.discarded_fingerprints import DiscardedFingerprint


def list_discarded(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /discarded-fingerprints, the last first."""
    project_id = desk.names.number(arguments["project"])
    try:
        page = desk.stores.triage.discarded.list(
            project_id, arguments["cursor"], arguments["limit"]
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return {"items": [_told(one) for one in page.items], "next_cursor": page.next_cursor}


def stop_discarding(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /discarded-fingerprints/{fingerprint_id}/stop: what comes of it is stored again."""
    discarded = desk.stores.triage.discarded
    found = discarded.find(parse_id(arguments["fingerprint_id"], "discarded fingerprint"))
    if found is None:
        raise not_found("discarded fingerprint")
    desk.require(found.project_id, "discarded fingerprint")
    discarded.stop(found, desk.caller.name)
    return {"done": True}


def _told(one: DiscardedFingerprint) -> dict[str, Any]:
    return {**shapes.DiscardedFingerprint(exclude=("id",)).dump(one), "id": str(one.group_id)}


ENDPOINTS = (
    Endpoint(
        "/discarded-fingerprints",
        "list_discarded",
        "Fingerprints of which nothing more is stored, with how many events were left out",
        list_discarded,
        page_of(shapes.DiscardedFingerprint),
        shapes.ActionArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/discarded-fingerprints/<fingerprint_id>/stop",
        "stop_discarding",
        "Store what comes of a fingerprint again",
        stop_discarding,
        shapes.Done,
        method="POST",
        scope="owned",
        needs="triage",
    ),
)
