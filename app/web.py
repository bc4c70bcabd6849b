"""The web tier's process: the ingest lane on asyncio, and Flask in threads for all else.

Both lead to the same handler of events, so what is accepted, and how it is answered, is decided in
one place. See ``docs/adr/0020-ingest-lane.md``.
"""

from __future__ import annotations

import atexit
import os
from concurrent.futures import ThreadPoolExecutor

from app.factory import create_app
from app.ingest.lane import IngestLane
from app.ingest.loop_commit import LoopCommitter
from app.ingest.opening import commit_bounds, open_ingest
from app.ingest.slow_senders import SlowSenders
from app.rsgi import HTTPProtocol, Scope
from app.stores import Stores, open_stores
from app.wsgi_bridge import Patience, WsgiBridge
from config.logs import configure_logs
from config.policy import EVENT_TYPES
from config.settings import Settings, load_settings
from storage.metering import start_metering


class WebApplication:
    """What granian calls for every request."""

    def __init__(self, lane: IngestLane, bridge: WsgiBridge) -> None:
        self._lane = lane
        self._bridge = bridge

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        endpoint = self._lane.endpoint(scope)
        if endpoint is None:
            await self._bridge.serve(scope, protocol)
        else:
            await self._lane.serve(endpoint, scope, protocol)


def create_web(settings: Settings, stores: Stores) -> WebApplication:
    """The application over the given stores; it connects to nothing yet."""
    ingest = open_ingest(stores)
    threads = ThreadPoolExecutor(settings.web_threads, thread_name_prefix="web")
    readers = ThreadPoolExecutor(settings.web_readers, thread_name_prefix="ingest-read")
    publishers = ThreadPoolExecutor(len(EVENT_TYPES), thread_name_prefix="ingest-publish")
    committer = LoopCommitter(
        stores.outbox.publish,
        commit_bounds(settings),
        publishers,
        patience=0,  # the outbox has its own, and the spool after it
    )
    return WebApplication(
        IngestLane(
            ingest,
            committer,
            readers,
            settings.max_wire_bytes,
            SlowSenders(settings.body_seconds),
        ),
        WsgiBridge(create_app(settings, stores, ingest), threads, patience_of(settings)),
    )


def patience_of(settings: Settings) -> Patience:
    """How long Flask's lane waits for bodies."""
    return Patience(settings.body_silence_seconds, settings.body_seconds)


def create() -> WebApplication:
    """The application as the environment says: what each web process serves.

    Raises :class:`config.settings.SettingsError` when a setting cannot be used.
    """
    settings = load_settings(os.environ)
    configure_logs(settings.log_level, "web")
    stores = open_stores(settings)
    stores.outbox.start()
    atexit.register(start_metering(settings).stop)
    return create_web(settings, stores)
