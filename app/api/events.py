"""Events: the full picture, the raw bytes, and receipts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, request

from app.api import answers
from app.api.access import bearer, request_keys, require_right, require_token
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.picture import full_picture
from app.api.times import iso, may_be_on_its_way
from app.errors import ApiError, not_found
from app.raw import read_raw
from events.ids import id_time
from events.sentry.headed import own_bytes
from storage.rights import Caller, of_project
from storage.sql.events import Receipt, StoredEvent

STAGES = ("files", "sql", "search")


def find_event(desk: Desk, text: str) -> StoredEvent:
    """The row of an event's id, ours or its SDK's; raises ``ApiError`` 404 and ``StoreDown``."""
    event_id = parse_id(text, "event")
    event = desk.stores.events.find(event_id)
    if event is None:
        known = id_of_sdk(desk, event_id, desk.caller)
        event = None if known is None else desk.stores.events.find(known)
    if event is None:
        raise not_found("event")
    desk.require(event.project_id, "event")
    return event


def id_of_sdk(desk: Desk, sdk_id: UUID, caller: Caller) -> UUID | None:
    """Our id of an event that is asked for by its SDK's, of the projects that the caller may read.

    Raises ``ApiError`` 409 ``ambiguous_id`` when several projects have one, and ``StoreDown``.
    """
    ids = desk.stores.sdk_ids.find(sdk_id, caller.projects())
    if len(ids) > 1:
        raise ApiError(
            409,
            "ambiguous_id",
            f"{len(ids)} projects have an event of this id: ask with a project's token, or by the "
            "id that Sluice gave it.",
        )
    return ids[0] if ids else None


def read_event(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /events/{event_id}."""
    event = find_event(desk, arguments["event_id"])
    return full_picture(event, read_raw(desk.stores.payloads, event))


def read_event_raw(desk: Desk, arguments: Arguments) -> Response:
    """GET /events/{event_id}/raw: hostile bytes, so never to be rendered by a browser."""
    event = find_event(desk, arguments["event_id"])
    kind, ending = _raw_kind(event.protocol)
    raw = own_bytes(event.protocol, read_raw(desk.stores.payloads, event))
    response = Response(raw, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{event.id}.{ending}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    if event.redacted:
        response.headers["Sluice-Redacted"] = str(event.redacted)
    return response


def _raw_kind(protocol: str) -> tuple[str, str]:
    """The media type of an event's bytes, and how a file of them is called."""
    if protocol.endswith(".proto"):
        return "application/x-protobuf", "binpb"
    return "application/json", "json"


def stage_state(receipt: Receipt | None, stage: str) -> Any:
    """Null, the time an event reached a stage, or the dead letter it became there."""
    if receipt is None:
        return None
    if stage in receipt.dead:
        return {"dead_letter": str(receipt.dead[stage])}
    return iso(getattr(receipt, f"{stage}_at"))


def _key_owner(desk: Desk, keys: list[str]) -> Caller:
    owners = (desk.stores.projects.find_key(key) for key in keys)
    owner = next((found for found in owners if found is not None), None)
    if owner is None:
        raise ApiError(403, "key_unknown", "There is no such API key.")
    if owner.revoked:
        raise ApiError(403, "key_revoked", "This API key is revoked.")
    return of_project("key", owner.project_id, owner.project, "read")


def _reader(desk: Desk) -> Caller:
    """Who asks for a receipt: a token, or whoever has a key of a project."""
    keys = request_keys(request)
    if keys and bearer(request) is None:
        return _key_owner(desk, keys)
    return require_token(request, desk.tokens)


def read_receipt(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /receipts/{event_id}: opened by a token, or by a key of the event's project."""
    reader = _reader(desk)
    event_id: UUID = parse_id(arguments["event_id"], "receipt")
    receipt = desk.stores.events.receipt(event_id)
    if receipt is None and (known := id_of_sdk(desk, event_id, reader)) is not None:
        event_id = known
        receipt = desk.stores.events.receipt(event_id)
    if receipt is None and not may_be_on_its_way(event_id, desk.now_ms()):
        raise not_found("receipt")
    if receipt is not None:
        require_right(reader, "read", receipt.project_id, "receipt")
    return {
        "id": str(event_id),
        "accepted_at": iso(id_time(event_id)),
        **{stage: stage_state(receipt, stage) for stage in STAGES},
        "filtered": iso(receipt.filtered_at) if receipt else None,
    }


ENDPOINTS = (
    Endpoint(
        "/events/<event_id>",
        "read_event",
        "The full picture of an event",
        read_event,
        answers.Event,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/events/<event_id>/raw",
        "read_event_raw",
        "Exactly the bytes that the SDK sent, after content decoding and redaction",
        read_event_raw,
        None,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/receipts/<event_id>",
        "read_receipt",
        "Which stages an event has reached",
        read_receipt,
        answers.Receipt,
        opens_with="token_or_key",
        scope="owned",
        needs="read",
    ),
)
