"""Wiring of what accepts events: one handler a process, whatever lanes lead to it."""

from __future__ import annotations

import multiprocessing.util

from app.ingest.admission import Admission
from app.ingest.commit import Bounds, Committer
from app.ingest.handler import IngestHandler
from app.ingest.keycopy import open_key_copy
from app.ingest.keyring import KeyRing
from app.ingest.quotas import QuotaGuard
from app.ingest.refusal_log import open_refusal_log
from app.ingest.rounds import Rounds
from app.ingest.shedding import LoadLimits, Shedder
from app.ingest.tally import Tally
from app.stores import Stores
from broker.load import Load
from broker.quotas import QuotaCopies
from config.settings import Settings


def open_ingest(stores: Stores) -> IngestHandler:
    """The handler over the given stores; connects to nothing before it is used."""
    settings = stores.settings
    load = Load(settings.redis_url, timeout=settings.publish_timeout_seconds)
    shedder = Shedder(load.queues, LoadLimits(settings.shed_events, settings.shed_age_seconds))
    copies = QuotaCopies(settings.redis_url, timeout=settings.publish_timeout_seconds)
    quotas, tally = QuotaGuard(copies), Tally(load.count)
    refusals = open_refusal_log(settings)
    rounds = Rounds((shedder.step, quotas.step, tally.settle, refusals.tell))
    # Not atexit: a web worker is a child of multiprocessing, which does not run its handlers.
    multiprocessing.util.Finalize(None, rounds.close, exitpriority=0)
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
        Admission(shedder, quotas, tally),
        refusals,
        rounds,
    )


def commit_bounds(settings: Settings) -> Bounds:
    """What one task message may hold."""
    return Bounds(settings.commit_max_events, settings.commit_max_bytes)
