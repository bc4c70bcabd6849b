"""Adding what a process counted of its requests to SQL, every little while and at its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime

import structlog

from config.settings import Settings
from storage.errors import StoreDown
from storage.files.meter import METER, Meter
from storage.sql.database import Database
from storage.sql.usage import Usage

#: A process that is killed loses what it counted for so long; ``bill`` says what that means.
FLUSH_SECONDS = 20.0

_log = structlog.get_logger(__name__)


def _today() -> date:
    return datetime.now(UTC).date()


class Metering:
    """Moves counts from the meter to SQL. Keeps no connection: it needs one for a moment."""

    def __init__(
        self, database: Database, meter: Meter = METER, today: Callable[[], date] = _today
    ) -> None:
        self._database = database
        self._usage = Usage(database)
        self._meter = meter
        self._today = today
        self._over = threading.Event()

    def flush(self) -> None:
        """Add what was counted; while PostgreSQL is away it is kept for the next time.

        An outage at the commit leaves unknown whether it was added; it is then added once more:
        the meter may say a little too much, never too little for that.
        """
        counts = self._meter.take()
        if not counts:
            return
        try:
            self._usage.add_requests(self._today(), counts)
        except StoreDown as exc:
            self._meter.give_back(counts)
            _log.debug("requests_not_counted_yet", reason=exc.detail)
        finally:
            self._database.close()

    def run(self, seconds: float = FLUSH_SECONDS) -> None:
        """Flush every so often until :meth:`stop`."""
        while not self._over.wait(seconds):
            self.flush()

    def stop(self) -> None:
        """End :meth:`run`, with a last flush."""
        self._over.set()
        self.flush()


def start_metering(settings: Settings) -> Metering:
    """Meter this process in a thread of its own; call it after a fork, and ``stop`` at the end."""
    metering = Metering(Database(settings.postgres_dsn, max_connections=1))
    threading.Thread(target=metering.run, name="metering", daemon=True).start()
    return metering
