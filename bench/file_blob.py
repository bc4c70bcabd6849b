"""Memory of the file server while it takes and serves a large blob."""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

from bench.processes import Watched

_CHUNK = 1 << 20
READERS = 2
"""One as fast as it can, one that is slow at the start: what it has not taken must not pile up."""
_PAUSE_SECONDS = 0.02


def serve_blob(url: str, token: str, megabytes: int, watched: Watched) -> dict[str, Any]:
    """Store a blob, read it with several readers at once, and watch the most memory it took."""
    address = urllib.parse.urlsplit(url).netloc
    digest = hashlib.sha256()
    for chunk in _chunks(megabytes):
        digest.update(chunk)
    path, headers = f"/files/v1/blobs/{digest.hexdigest()}", {"Authorization": f"Bearer {token}"}
    with _Watch(watched) as putting:
        _put(address, path, headers, megabytes)
    begun = time.monotonic()
    with _Watch(watched) as serving:
        readers = [
            threading.Thread(target=_get, args=(address, path, headers, digest.digest(), pause))
            for pause in (0.0, _PAUSE_SECONDS)[:READERS]
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    took = time.monotonic() - begun
    return {
        "what": f"serve a blob of {megabytes} MB, {READERS} readers",
        "mb_per_s": round(READERS * megabytes / took, 1),
        "before_mb": serving.first,
        "most_resident_mb": serving.most,
        "most_of_all_pss_mb": serving.all,
        "most_while_stored_mb": putting.most,
    }


def _chunks(megabytes: int) -> Iterator[bytes]:
    draw = random.Random(megabytes)
    for _ in range(megabytes):
        yield draw.randbytes(_CHUNK)


def _put(address: str, path: str, headers: dict[str, str], megabytes: int) -> None:
    connection = http.client.HTTPConnection(address, timeout=600)
    length = {"Content-Length": str(megabytes * _CHUNK)}
    connection.request("PUT", path, _chunks(megabytes), {**headers, **length})
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status not in (200, 201):
        raise RuntimeError(f"the blob was not stored: {answer.status} {said[:200]!r}")


def _get(address: str, path: str, headers: dict[str, str], expected: bytes, pause: float) -> None:
    connection = http.client.HTTPConnection(address, timeout=600)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    digest = hashlib.sha256()
    read = 0
    while chunk := answer.read(_CHUNK):
        digest.update(chunk)
        read += len(chunk)
        if read < 50 * _CHUNK:
            time.sleep(pause)
    connection.close()
    if digest.digest() != expected:
        raise RuntimeError(f"the blob came back wrong: {answer.status}")


class _Watch:
    """Megabytes, looked at 20 times a second: resident ones of the process that serves, and
    proportional ones of it and its parent together, which share pages.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.first = self.most = self.all = 0.0

    def __enter__(self) -> _Watch:
        self.first = self._serving()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self.most = max(self.most, self._serving())

    def _serving(self) -> float:
        parent, *children = self._watched.memory()
        together = sum(process.proportional for process in (parent, *children))
        self.all = max(self.all, round(together / 1e6, 1))
        return round(max(child.resident for child in children) / 1e6, 1)
