"""Copies of API keys, to decide by while PostgreSQL is away: in the broker and on the disk.

What PostgreSQL tells is copied in the background, at once when nothing was copied for a second.
The broker's copy is shared by all instances and knows of revocations at once; the disk's serves a
process that was restarted while both are away.
"""

from __future__ import annotations

import multiprocessing.util
import threading
import time
from collections.abc import Callable

import structlog

from app.ingest.keyfile import KeyFile
from broker.known_keys import KnownKeys, key_digest
from config.settings import Settings
from storage.errors import StoreDown
from storage.sql.projects import KeyOwner

PAUSE_SECONDS = 1.0
"""The shortest time between two writes of copies."""
AWAY_SECONDS = 1.0
"""How long the broker is left alone after it failed to answer."""
ANSWER_SECONDS = 0.5
"""How long the broker may take to answer: a request waits for it, and the disk may know too."""
MAX_TOLD = 10_000

_log = structlog.get_logger(__name__)

_Changes = dict[str, KeyOwner | None]


class KeyCopy:
    """Thread-safe. Its thread starts with the first key that is learnt, and is a daemon."""

    def __init__(
        self, shared: KnownKeys, file: KeyFile, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = shared
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._told: dict[str, KeyOwner] = {}
        self._to_tell: _Changes = {}
        self._to_save: _Changes = {}
        self._closed = False
        self._thread: threading.Thread | None = None
        self._away_until = float("-inf")
        self._complaints: set[str] = set()

    def learn(self, key: str, owner: KeyOwner | None) -> None:
        """Copy what PostgreSQL just said of a key, unless the copies say so already."""
        digest = key_digest(key)
        saved = self._file.read().get(digest)
        with self._lock:
            if self._told.get(digest) != owner or (owner is None and saved is not None):
                self._to_tell[digest] = owner
            if saved != owner:
                self._to_save[digest] = owner
            if self._to_tell or self._to_save:
                self._start()
                self._wake.notify()

    def recall(self, key: str) -> KeyOwner | None:
        """Whose key it was when PostgreSQL last said; None when no copy knows of it."""
        digest = key_digest(key)
        return _later(self._file.read().get(digest), self._find_shared(digest))

    def close(self) -> None:
        """Stop the thread, once it has tried to copy what there is to copy."""
        with self._lock:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _find_shared(self, digest: str) -> KeyOwner | None:
        if self._clock() < self._away_until:
            return None
        try:
            return self._shared.find(digest)
        except StoreDown as error:
            self._away_until = self._clock() + AWAY_SECONDS
            _log.warning("key_copy_unreachable", reason=error.detail)
            return None

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="sluice-keys", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._closed:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or self._to_tell or self._to_save)
            self._copy()
            with self._wake:
                self._wake.wait_for(lambda: self._closed, timeout=PAUSE_SECONDS)
        self._copy()

    def _copy(self) -> None:
        """Write both copies; what cannot be written stays to be written."""
        for write in (self._tell, self._save):
            try:
                write()
                self._complaints.discard(write.__name__)
            except (StoreDown, OSError) as error:
                self._complain(write.__name__, str(error))
            except Exception:  # a bug must not end the thread
                _log.exception("key_copy_failed")

    def _complain(self, about: str, reason: str) -> None:
        if about not in self._complaints:  # a second later it is the same one again
            self._complaints.add(about)
            _log.warning("keys_not_copied", reason=reason)

    def _tell(self) -> None:
        with self._lock:
            changes = dict(self._to_tell)
        self._shared.keep(changes)
        with self._lock:
            self._drop(self._to_tell, changes)
            if len(self._told) > MAX_TOLD:
                self._told.clear()  # they are told again, which changes nothing
            for digest, owner in changes.items():
                self._told.pop(digest, None)
                if owner is not None:
                    self._told[digest] = owner

    def _save(self) -> None:
        with self._lock:
            changes = dict(self._to_save)
        if changes:
            self._file.merge(changes)
            with self._lock:
                self._drop(self._to_save, changes)

    @staticmethod
    def _drop(waiting: _Changes, done: _Changes) -> None:
        for digest, owner in done.items():
            if waiting.get(digest) == owner:
                waiting.pop(digest, None)


def _later(saved: KeyOwner | None, shared: KeyOwner | None) -> KeyOwner | None:
    """Of two memories of a key the broker's, but a revocation is never taken back."""
    if saved is None or shared is None:
        return saved or shared
    same = (saved.project_id, saved.project) == (shared.project_id, shared.project)
    return saved if same and saved.revoked else shared


def open_key_copy(settings: Settings) -> KeyCopy:
    """The copies of a web process; opens no file and no connection before it is used."""
    shared = KnownKeys(settings.redis_url, timeout=ANSWER_SECONDS)
    copy = KeyCopy(shared, KeyFile(settings.home / "keys.json"))
    # Not atexit: a web worker is a child of multiprocessing, which does not run its handlers.
    multiprocessing.util.Finalize(None, copy.close, exitpriority=0)
    return copy
