"""Packs: what compaction did, what waits, and which are damaged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from marshmallow import Schema, fields

from app.api.answers import page_of
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.times import iso
from storage.sql.compacting import Compacting
from storage.sql.quarantine import Quarantine


class CompactionTotals(Schema):
    """What was done of a type since the start. Sizes are bytes."""

    type = fields.String(required=True)
    merges = fields.Integer(required=True)
    packs_merged = fields.Integer(required=True)
    bytes_read = fields.Integer(required=True)
    bytes_written = fields.Integer(required=True)
    events_dropped = fields.Integer(required=True)
    packs_deleted = fields.Integer(required=True)
    bytes_deleted = fields.Integer(required=True)


class PacksSummary(Schema):
    """``doomed``: packs no row points at, deleted after a grace. ``erased_waiting``: erased events
    whose bytes lie in a pack yet, the longest since ``erased_since``.
    """

    totals = fields.List(fields.Nested(CompactionTotals), required=True)
    merges_under_way = fields.Integer(required=True)
    doomed = fields.Integer(required=True)
    doomed_bytes = fields.Integer(required=True)
    erased_waiting = fields.Integer(required=True)
    erased_since = fields.String(required=True, allow_none=True)
    quarantined = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class QuarantinedPack(Schema):
    """A damaged pack. ``whole`` and ``damaged`` count events; null: nothing could tell."""

    id = fields.String(required=True)
    key = fields.String(required=True)
    type = fields.String(required=True)
    code = fields.String(required=True)
    reason = fields.String(required=True)
    whole = fields.Integer(required=True, allow_none=True)
    damaged = fields.Integer(required=True, allow_none=True)
    found_by = fields.String(required=True)
    at = fields.String(required=True)
    seen_at = fields.String(required=True)


def packs_summary(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /packs/summary."""
    del arguments
    compacting = Compacting(desk.stores.database)
    state = compacting.state()
    return {
        "totals": [asdict(row) for row in compacting.totals()],
        "merges_under_way": state.merges,
        "doomed": state.doomed_packs,
        "doomed_bytes": state.doomed_bytes,
        "erased_waiting": state.erased,
        "erased_since": iso(state.erased_since),
        "quarantined": Quarantine(desk.stores.database).count(),
    }


def list_quarantined(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /packs/quarantined: the hundred met last, in one page."""
    del arguments
    found = Quarantine(desk.stores.database).list()
    items = [
        {**asdict(pack), "id": str(pack.id), "at": iso(pack.at), "seen_at": iso(pack.seen_at)}
        for pack in found
    ]
    return {"items": items, "next_cursor": None}


ENDPOINTS = (
    Endpoint(
        "/packs/summary",
        "packs_summary",
        "What compaction did and what waits for it",
        packs_summary,
        PacksSummary,
        needs="read",
    ),
    Endpoint(
        "/packs/quarantined",
        "list_quarantined",
        "Packs that cannot be read whole, or are lost",
        list_quarantined,
        page_of(QuarantinedPack),
        needs="read",
    ),
)
