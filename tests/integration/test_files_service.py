"""The web tier reading through the file server, and reading on when that is away."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from app.factory import create_app
from app.payloads import BREAK_SECONDS
from app.stores import open_stores
from config.settings import Secret, Settings
from tests.integration.api_world import TOKEN, World, crash, open_world
from tests.integration.files_process import FilesProcess, running_files

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def files(
    module_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FilesProcess]:
    with open_world(module_settings):
        pass
    with running_files(module_settings, tmp_path_factory.mktemp("logs") / "files.log") as process:
        yield process


@pytest.fixture(scope="module")
def served(module_settings: Settings, files: FilesProcess) -> Settings:
    return replace(module_settings, files_url=files.url)


@pytest.fixture(scope="module")
def world(served: Settings) -> Iterator[World]:
    stores = open_stores(served)
    world = World(stores, create_app(served, stores).test_client())
    for name in ("bakery", "cinema"):
        world.add_project(name)
    yield world
    stores.search.close()
    stores.database.close()


def reads(files: FilesProcess) -> int:
    text = httpx.get(f"{files.url}/metrics", timeout=60).text
    lines = [
        line for line in text.splitlines() if line.startswith("sluice_files_cache_reads_total")
    ]
    return round(sum(float(line.rpartition(" ")[2]) for line in lines))


def seed(world: World, message: str) -> tuple[UUID, bytes]:
    body = crash(message)
    return world.seed([body], "bakery")[0], body


def test_every_reader_of_the_web_tier_goes_through_the_service(
    world: World, files: FilesProcess
) -> None:
    event, body = seed(world, "through the service")
    before = reads(files)
    assert world.get(f"/api/v1/events/{event}/raw").data == body
    assert world.json(f"/api/v1/events/{event}")["error"]["message"] == "through the service"
    page = world.get(f"/o/{event}")
    assert (page.status_code, "through the service" in page.text) == (200, True)
    assert reads(files) - before == 3


def test_a_signed_url_of_the_api_opens_the_event_at_the_service(world: World) -> None:
    event, body = seed(world, "signed for")
    made = world.client.post("/api/v1/signed-urls", json={"event": str(event)}, headers=HEADERS)
    assert made.status_code == 200, made.text
    answer = httpx.get(made.get_json()["url"], timeout=60)
    assert (answer.status_code, answer.content) == (200, body)
    part = httpx.get(made.get_json()["url"], headers={"Range": "bytes=1-4"}, timeout=60)
    assert (part.status_code, part.content) == (206, body[1:5])
    head = httpx.head(made.get_json()["url"], headers={"Accept-Encoding": "identity"}, timeout=60)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(body)))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"event": "x", "blob": "0" * 64}, 400),
        ({"event": str(UUID(int=9))}, 404),
        ({"event": "x"}, 404),
        ({"blob": "no hash"}, 400),
        ({"blob": "0" * 64}, 400),
        ({"blob": "0" * 64, "project": "nobody's"}, 400),
        ({"blob": "0" * 64, "project": "bakery"}, 200),
        ({"blob": "0" * 64, "project": "bakery", "seconds": 86_401}, 400),
        ({"blob": "0" * 64, "project": "bakery", "seconds": 0}, 400),
    ],
)
def test_what_cannot_be_signed_is_told(world: World, body: dict[str, object], status: int) -> None:
    answer = world.client.post("/api/v1/signed-urls", json=body, headers=HEADERS)
    assert answer.status_code == status, answer.text


def test_a_token_of_one_project_has_nothing_of_another_signed(world: World) -> None:
    token = world.stores.tokens.create("cinema", project_id=world.numbers["cinema"])
    headers = {"Authorization": f"Bearer {token}"}
    event, _ = seed(world, "of the bakery")
    for body, status in (
        ({"event": str(event)}, 404),
        ({"blob": "0" * 64, "project": "bakery"}, 400),
        ({"blob": "0" * 64}, 200),
    ):
        answer = world.client.post("/api/v1/signed-urls", json=body, headers=headers)
        assert answer.status_code == status, body


def test_a_reader_notices_nothing_while_the_service_hangs_or_is_gone(
    world: World, files: FilesProcess
) -> None:
    event, body = seed(world, "read all the same")
    files.signal(signal.SIGSTOP)
    try:
        assert world.get(f"/api/v1/events/{event}/raw").data == body
        began = time.monotonic()
        for _ in range(10):
            assert world.get(f"/api/v1/events/{event}/raw").data == body
        # Not one time-out a read: after the first nobody asked.
        assert time.monotonic() - began < 10 * BREAK_SECONDS
    finally:
        files.signal(signal.SIGCONT)
    before = reads(files)
    deadline = time.monotonic() + 60
    while reads(files) == before:
        assert time.monotonic() < deadline, "the service was never asked again"
        assert world.get(f"/api/v1/events/{event}/raw").data == body
        time.sleep(0.2)


def test_a_service_with_another_key_is_left_for_the_object_store(
    served: Settings, world: World, files: FilesProcess
) -> None:
    event, body = seed(world, "another key")
    before = reads(files)
    other = replace(served, session_key=Secret("another"))
    stores = open_stores(other)
    try:
        client = create_app(other, stores).test_client()
        assert client.get(f"/api/v1/events/{event}/raw", headers=HEADERS).data == body
    finally:
        stores.search.close()
        stores.database.close()
    assert reads(files) == before


def test_readers_at_once_are_all_answered_and_each_frame_is_fetched_once(
    world: World, files: FilesProcess
) -> None:
    bodies = [crash(f"many at once {number}") for number in range(40)]
    ids = world.seed(bodies, "bakery")
    misses = _misses(files)
    wrong: list[UUID] = []

    def read_all() -> None:
        with httpx.Client(headers={**HEADERS, "Accept-Encoding": "identity"}, timeout=60) as client:
            for event, body in zip(ids, bodies, strict=True):
                if client.get(f"{files.url}/files/v1/events/{event}").content != body:
                    wrong.append(event)

    threads = [threading.Thread(target=read_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert _misses(files) - misses == 1


def _misses(files: FilesProcess) -> int:
    text = httpx.get(f"{files.url}/metrics", timeout=60).text
    (line,) = (line for line in text.splitlines() if 'reads_total{found="miss"}' in line)
    return round(float(line.rpartition(" ")[2]))


def test_a_kill_of_the_service_leaves_a_cache_that_serves(
    module_settings: Settings, world: World, tmp_path: Path
) -> None:
    event, body = seed(world, "before the kill")
    for _ in range(2):
        with running_files(module_settings, tmp_path / "files.log") as process:
            answer = httpx.get(
                f"{process.url}/files/v1/events/{event}", headers=HEADERS, timeout=60
            )
            assert answer.content == body
            process.signal(signal.SIGKILL)
            process.parent.wait(60)
