"""The copy of API keys on this machine's disk, shared by its web processes.

``<home>/keys.json``, for its owner only: the SHA-256 of each key, in hex, with its project's
number and name and whether it is revoked. It is replaced in one rename, so a crash leaves the old
one or the new one; what is lost with it is only that a key cannot be decided while PostgreSQL and
the broker are both away.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog

from storage.sql.projects import KeyOwner

MAX_KEYS = 10_000
"""The keys written longest ago are dropped beyond this: about 1.5 MB of file."""

Owners = Mapping[str, KeyOwner]

_log = structlog.get_logger(__name__)


class KeyFile:
    """Reads are cached until the file changes. Safe between processes; one thread merges."""

    def __init__(self, path: Path, most: int = MAX_KEYS) -> None:
        self._path = path
        self._most = most
        self._seen: tuple[tuple[int, int], Owners] | None = None

    def read(self) -> Owners:
        """Owners by digest; none when there is no file, or one that cannot be read."""
        version = self._version()
        if version is None:
            return {}
        seen = self._seen
        if seen is None or seen[0] != version:
            seen = self._seen = (version, self._load())
        return seen[1]

    def merge(self, changes: Mapping[str, KeyOwner | None]) -> None:
        """Write what was learnt beside what is there; null forgets a key. Raises ``OSError``."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock():
            owners = dict(self._load())
            for digest, owner in changes.items():
                owners.pop(digest, None)
                if owner is not None:
                    owners[digest] = owner
            kept = list(owners.items())[-self._most :]
            self._replace({d: [o.project_id, o.project, o.revoked] for d, o in kept})

    def _version(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _load(self) -> Owners:
        try:
            rows = json.loads(self._path.read_bytes())["keys"]
            return {str(digest): _owner(*row) for digest, row in rows.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("key_file_unreadable", path=str(self._path), error=str(error))
            return {}

    def _replace(self, rows: dict[str, list[object]]) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".keys.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                json.dump({"version": 1, "keys": rows}, handle)
                handle.flush()
                os.fsync(handle.fileno())
            Path(temporary).replace(self._path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @contextmanager
    def _lock(self) -> Iterator[None]:
        descriptor = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _owner(project_id: int, project: str, revoked: bool) -> KeyOwner:
    return KeyOwner(int(project_id), str(project), bool(revoked))
