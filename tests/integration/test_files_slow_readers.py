"""Readers that do not read hold their slots and nothing else; and the cache ages by itself."""

from __future__ import annotations

import hashlib
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from config.settings import Settings
from tests.integration.api_world import TOKEN, World, crash
from tests.integration.files_process import FilesProcess, running_files

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
BLOB = random.Random(1).randbytes(1 << 20) * 24
PATH = f"/files/v1/blobs/{hashlib.sha256(BLOB).hexdigest()}?project=shop"
DOWNLOADS = 3
THREADS = 6


@pytest.fixture(scope="module")
def files(
    world: World, module_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FilesProcess]:
    log = tmp_path_factory.mktemp("logs") / "files.log"
    more = {
        "SLUICE_FILES_THREADS": str(THREADS),
        "SLUICE_BLOB_UPLOADS": "1",
        "SLUICE_BLOB_DOWNLOADS": str(DOWNLOADS),
        "SLUICE_FILES_CACHE_SECONDS": "2",
    }
    with running_files(module_settings, log, **more) as process:
        sent = httpx.put(process.url + PATH, content=BLOB, headers=HEADERS, timeout=300)
        assert sent.status_code == 201, sent.text
        yield process


def wait_until(done: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def stalled_reader(files: FilesProcess) -> socket.socket:
    """Asks for the blob and takes its head, and no more than fits a small window."""
    address = urlsplit(files.url)
    assert address.hostname
    assert address.port
    client = socket.create_connection((address.hostname, address.port), timeout=60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    head = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    client.sendall(head.encode())
    assert client.recv(12) == b"HTTP/1.1 200"
    return client


def test_readers_that_stall_take_their_slots_and_leave_the_rest_to_others(
    world: World, files: FilesProcess
) -> None:
    body = crash("read beside them")
    (event,) = world.seed([body], "shop")
    with ExitStack() as open_connections:
        for _ in range(DOWNLOADS):
            open_connections.enter_context(stalled_reader(files))
        refused = httpx.get(files.url + PATH, headers=HEADERS, timeout=60)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
        assert refused.headers["Retry-After"]
        answer = httpx.get(f"{files.url}/files/v1/events/{event}", headers=HEADERS, timeout=60)
        assert answer.content == body
        assert httpx.get(f"{files.url}/health/live", timeout=60).status_code == 200
        assert httpx.head(files.url + PATH, headers=HEADERS, timeout=60).status_code == 200

    def served() -> bool:
        found = httpx.get(files.url + PATH, headers=HEADERS, timeout=300)
        assert found.status_code in (200, 503)
        return found.content == BLOB

    wait_until(served, "slots of readers that went away were not given back")


@pytest.mark.parametrize("credential", ["", f"Authorization: Bearer {TOKEN}\r\n"])
def test_senders_that_stall_leave_threads_to_others(files: FilesProcess, credential: str) -> None:
    """Refused ones, and ones that send again what is there."""
    address = urlsplit(files.url)
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\n{credential}Content-Length: {len(BLOB)}\r\n\r\n"
    with ExitStack() as open_connections:
        for _ in range(2 * THREADS):
            place = (str(address.hostname), address.port or 0)
            sender = open_connections.enter_context(socket.create_connection(place, timeout=60))
            sender.sendall(head.encode())
        for _ in range(THREADS):
            assert httpx.get(f"{files.url}/health/live", timeout=60).status_code == 200
    assert httpx.head(files.url + PATH, headers=HEADERS, timeout=60).status_code == 200


def test_a_refused_or_missing_blob_keeps_no_slot(files: FilesProcess) -> None:
    with httpx.Client(base_url=files.url, headers=HEADERS, timeout=300) as client:
        for _ in range(DOWNLOADS + 2):
            assert client.get(f"/files/v1/blobs/{'0' * 64}?project=shop").status_code == 404
            assert client.get(PATH, headers={"Range": "bytes=0-9"}).content == BLOB[:10]
            etag = f'"{hashlib.sha256(BLOB).hexdigest()}"'
            assert client.get(PATH, headers={"If-None-Match": etag}).status_code == 304
        assert client.get(PATH).content == BLOB


def test_what_is_too_old_leaves_the_disk_though_nobody_asks(
    world: World, files: FilesProcess, module_settings: Settings
) -> None:
    (event,) = world.seed([crash("ages")], "shop")
    answer = httpx.get(f"{files.url}/files/v1/events/{event}", headers=HEADERS, timeout=60)
    assert answer.status_code == 200
    folder = Path(module_settings.home) / "files-cache"
    wait_until(lambda: not list(folder.glob("[0-9a-f][0-9a-f]/*-*")), "the cache was never swept")
