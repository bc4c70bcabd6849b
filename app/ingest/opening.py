"""Wiring of what accepts events: one handler a process, whatever lanes lead to it."""

from __future__ import annotations

from app.ingest.commit import Bounds, Committer
from app.ingest.handler import IngestHandler
from app.ingest.keycopy import open_key_copy
from app.ingest.keyring import KeyRing
from app.ingest.shedding import open_shedder
from app.stores import Stores
from config.settings import Settings


def open_ingest(stores: Stores) -> IngestHandler:
    """The handler over the given stores; connects to nothing before it is used."""
    settings = stores.settings
    return IngestHandler(
        settings,
        KeyRing(
            stores.projects.find_key,
            settings.key_cache_seconds,
            copies=open_key_copy(settings),
        ),
        Committer(
            stores.outbox.publish,
            commit_bounds(settings),
            patience=0,  # the outbox has its own, and the spool after it
        ),
        open_shedder(settings),
    )


def commit_bounds(settings: Settings) -> Bounds:
    """What one task message may hold."""
    return Bounds(settings.commit_max_events, settings.commit_max_bytes)
