"""How the web tier reads raw payloads: through the file server, whose cache is warm, or from S3.

While the file server is away a reader notices nothing but time: the first read that it does not
answer takes up to a few seconds, and for some seconds after it nobody asks it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

import structlog
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from app.breaker import Breaker
from app.files.events import event_path
from app.files.signing import Signer, open_signer
from config.settings import Settings
from storage.errors import Corrupt
from storage.files.pack import cut_out
from storage.files.store import FileStore
from storage.questions import asking
from storage.reading import EventReader
from storage.sql.events import Events, StoredEvent

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 0.5
READ_SECONDS = 3.0
BREAK_SECONDS = 5.0
_URL_SECONDS = 60
# What says that this file server cannot serve now, or does not believe us: others may, S3 does.
_AWAY = frozenset({403, 429, 502, 503, 504})


class FilesService:
    """The file server, asked over kept connections with signed URLs. For any number of threads."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        connections: int,
        *,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url.rstrip("/")
        self._signer = signer
        self._breaker = breaker or Breaker(BREAK_SECONDS)
        self._clock = clock
        self._http = urllib3.PoolManager(
            num_pools=1,
            maxsize=connections,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
        )

    def read(self, event: StoredEvent) -> bytes | None:
        """An event's bytes, checksum verified; null when the service did not give them."""
        if self._breaker.is_open:
            return None
        expires = int(self._clock()) + _URL_SECONDS
        path = self._signer.sign("read", event_path(event.id), event.project_id, expires)
        at = event.location
        try:
            status, body = self._ask(path, at.length)
            if status == HTTPStatus.OK:
                return cut_out(body, 0, at.length, at.checksum)
        except (HTTPError, Corrupt) as exc:
            self._away(type(exc).__name__)
            return None
        if status in _AWAY:
            self._away(str(status))
        return None

    def _ask(self, path: str, length: int) -> tuple[int, bytes]:
        try:
            return self._get(path, length)
        except ProtocolError:
            # It closed a kept connection just when we used it: once more, on a new one.
            return self._get(path, length)

    def _get(self, path: str, length: int) -> tuple[int, bytes]:
        answer = self._http.request("GET", self._url + path, preload_content=False)
        try:
            body = answer.read(length + 1)
            if len(body) <= length:
                answer.drain_conn()
            return answer.status, body
        finally:
            answer.release_conn()

    def _away(self, why: str) -> None:
        if self._breaker.trip():
            log.warning("files_service_away", why=why)


class PayloadReader:
    """Raw payloads of events that were just looked up."""

    def __init__(self, service: FilesService | None, direct: EventReader) -> None:
        self._service = service
        self._direct = direct

    def read(self, event: StoredEvent) -> bytes:
        """Exactly the event's bytes, verified, as :meth:`storage.reading.EventReader.read`."""
        with asking("files"):
            body = self._service.read(event) if self._service else None
            return self._direct.read(event) if body is None else body


def open_payloads(settings: Settings, events: Events, files: FileStore) -> PayloadReader:
    """The reader that ``settings`` ask for; it connects to nothing yet."""
    signer = open_signer(settings)
    service = None
    if settings.files_url and signer:
        service = FilesService(settings.files_url, signer, settings.web_threads)
    return PayloadReader(service, EventReader(events, files))
