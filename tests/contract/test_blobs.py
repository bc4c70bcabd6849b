"""Blobs on real stores: whole or not there, once a project, swept when an upload was killed."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from config.settings import Settings
from events.ids import new_id, now_ms
from storage.blobs import Blobs, Described
from storage.errors import NotFound, StoreDown
from storage.files.blobs import BlobStore, WrongDigest, blob_key
from storage.files.s3 import Bucket
from storage.sql.database import Database
from storage.sql.migrate import migrate
from storage.sql.projects import Projects

MEBIBYTE = 1 << 20


@dataclass
class World:
    database: Database
    bucket: Bucket
    blobs: Blobs
    projects: tuple[int, int]

    def objects(self) -> set[str]:
        return {key for key, _ in self.bucket.list("blobs/")}

    def unfinished(self) -> int:
        with self.bucket.calling("list uploads") as client:
            found = client.list_multipart_uploads(Bucket=self.bucket.name, Prefix="blobs/")
        return len(found.get("Uploads", []))


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    migrate(settings.postgres_dsn)
    database = Database(settings.postgres_dsn)
    bucket = Bucket(settings)
    projects = Projects(database)
    numbers = tuple(projects.create(f"tenant-{new_id(now_ms())}")[0].id for _ in range(2))
    yield World(database, bucket, Blobs(database, bucket), numbers)
    database.close()


def some(size: int) -> tuple[bytes, Described]:
    body = os.urandom(size)
    return body, Described(hashlib.sha256(body).digest(), name="core.dmp")


def chunks(body: bytes, size: int = 100_003) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def read(world: World, project: int, described: Described, start: int, length: int) -> bytes:
    row = world.blobs.rows.find(project, described.sha256)
    assert row is not None
    stream = world.blobs.read(row, start, length)
    try:
        return b"".join(stream)
    finally:
        stream.close()


@pytest.mark.parametrize("size", [0, 1, 8 * MEBIBYTE - 1, 8 * MEBIBYTE, 20 * MEBIBYTE + 7])
def test_a_blob_is_read_back_whole_and_by_range(world: World, size: int) -> None:
    body, described = some(size)
    row, created = world.blobs.write(world.projects[0], described, chunks(body))
    assert (row.bytes, created) == (size, True)
    assert read(world, world.projects[0], described, 0, size) == body
    if size > 10:
        assert read(world, world.projects[0], described, size - 9, 9) == body[-9:]
    assert world.unfinished() == 0


@pytest.mark.parametrize("size", [1000, 17 * MEBIBYTE])
def test_other_bytes_than_announced_leave_nothing(world: World, size: int) -> None:
    body, described = some(size)
    before = world.objects()
    with pytest.raises(WrongDigest):
        world.blobs.write(world.projects[0], described, chunks(body[:-1] + b"?"))
    assert world.blobs.rows.find(world.projects[0], described.sha256) is None
    assert (world.objects(), world.unfinished()) == (before, 0)
    assert world.blobs.uploads.stale(0) == []


def test_a_sender_that_breaks_off_leaves_nothing(world: World) -> None:
    body, described = some(17 * MEBIBYTE)

    def broken() -> Iterator[bytes]:
        yield from chunks(body[:-1])
        raise ConnectionError("the sender is gone")

    before = world.objects()
    with pytest.raises(ConnectionError):
        world.blobs.write(world.projects[0], described, broken())
    assert (world.objects(), world.unfinished()) == (before, 0)


def test_projects_share_no_object(world: World) -> None:
    body, described = some(5000)
    one, other = world.projects
    first = world.blobs.write(one, described, chunks(body))
    again = world.blobs.write(one, replace(described, name="another"), chunks(body))
    assert (first[1], again[1]) == (True, False)
    assert world.blobs.rows.find(other, described.sha256) is None
    assert world.blobs.write(other, described, chunks(body))[1] is True
    mine = {key for key in world.objects() if key.endswith(described.sha256.hex())}
    assert mine == {blob_key(number, described.sha256) for number in world.projects}
    world.blobs.erase_of_project(one)
    world.blobs.sweep(0, 0)
    assert read(world, other, described, 0, 5000) == body


def test_an_events_blobs_go_with_it_unless_another_has_them(world: World) -> None:
    project = world.projects[0]
    shared, own, kept = (some(100 + n) for n in range(3))
    events = [new_id(now_ms()) for _ in range(2)]
    for body, described in (shared, own, kept):
        world.blobs.write(project, described, chunks(body))
    link = world.blobs.rows.link
    for event in events:
        link(event, "crash", project, shared[1].sha256, "shared.txt")
    link(events[0], "crash", project, own[1].sha256, "own.txt")
    link(events[0], "crash", project, own[1].sha256, "own.txt")
    assert [one.name for one in world.blobs.rows.of_event(events[0], project)] == [
        "own.txt",
        "shared.txt",
    ]
    assert world.blobs.rows.of_event(events[0], world.projects[1]) == []
    assert world.blobs.erase_of_event([events[0]]).blobs == 1
    assert world.blobs.rows.find(project, own[1].sha256) is None
    assert world.blobs.rows.find(project, shared[1].sha256) is not None
    assert world.blobs.sweep(0, 3600).objects == 0  # within its grace
    assert blob_key(project, own[1].sha256) in world.objects()
    assert world.blobs.sweep(0, 0).objects == 1
    assert blob_key(project, own[1].sha256) not in world.objects()
    assert read(world, project, shared[1], 0, 100) == shared[0]


def test_a_link_needs_the_projects_own_blob_and_a_living_event(world: World) -> None:
    body, described = some(10)
    world.blobs.write(world.projects[0], described, chunks(body))
    event = new_id(now_ms())
    with pytest.raises(NotFound):
        world.blobs.rows.link(event, "crash", world.projects[1], described.sha256, "x")
    with world.database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO tombstones (event_id, type, project_id, erasure_id)"
            " VALUES (%s, 'crash', %s, %s)",
            (event, world.projects[0], new_id(now_ms())),
        )
    with pytest.raises(NotFound, match="erased"):
        world.blobs.rows.link(event, "crash", world.projects[0], described.sha256, "x")


def test_what_was_doomed_and_comes_again_stays(world: World) -> None:
    body, described = some(3000)
    project = world.projects[0]
    world.blobs.write(project, described, chunks(body))
    world.blobs.erase_of_project(project)
    world.blobs.write(project, described, chunks(body))
    world.blobs.sweep(0, 0)
    assert read(world, project, described, 0, 3000) == body


def test_unlinked_blobs_of_events_go_and_source_maps_stay(world: World) -> None:
    project = world.projects[0]
    attachment, source_map = some(10), some(11)
    world.blobs.write(project, attachment[1], chunks(attachment[0]))
    world.blobs.write(project, replace(source_map[1], kind="source_map"), chunks(source_map[0]))
    world.blobs.rows.doom_unlinked(days=1)
    assert world.blobs.rows.find(project, attachment[1].sha256) is not None
    assert world.blobs.rows.doom_unlinked(days=0).blobs >= 1
    assert world.blobs.rows.find(project, attachment[1].sha256) is None
    assert world.blobs.rows.find(project, source_map[1].sha256) is not None


def test_links_of_dropped_days_go(world: World) -> None:
    body, described = some(10)
    project = world.projects[0]
    world.blobs.write(project, described, chunks(body))
    event = new_id(now_ms())
    world.blobs.rows.drop_links("crash", event)
    world.blobs.rows.link(event, "crash", project, described.sha256, "x")
    assert world.blobs.rows.drop_links("rum", new_id(now_ms() + 1000)) == 0
    assert world.blobs.rows.drop_links("crash", event) == 0
    assert world.blobs.rows.drop_links("crash", new_id(now_ms() + 1000)) == 1


KILLED_UPLOAD = """
import os, signal, sys
from config.settings import load_settings
from storage.blobs import Blobs, Described
from storage.files.s3 import Bucket
from storage.sql.blob_uploads import BlobUploads
from storage.sql.database import Database

settings = load_settings(os.environ)
project, sha256, step = int(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.argv[3]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def chunks():
    body = open(sys.argv[4], "rb").read()
    yield body[: len(body) - 1]
    if step == "parts":
        die()
    yield body[len(body) - 1 :]

if step == "row":
    BlobUploads.finish = die
Blobs(Database(settings.postgres_dsn), Bucket(settings)).write(project, Described(sha256), chunks())
"""


@pytest.mark.parametrize("size", [5000, 17 * MEBIBYTE])
@pytest.mark.parametrize("step", ["parts", "row"])
def test_an_upload_killed_anywhere_is_swept(
    world: World, settings: Settings, tmp_path: Path, step: str, size: int
) -> None:
    body, described = some(size)
    project, key = world.projects[0], blob_key(world.projects[0], described.sha256)
    (tmp_path / "body").write_bytes(body)
    environ = os.environ | {
        "SLUICE_POSTGRES_DSN": settings.postgres_dsn.reveal(),
        "SLUICE_S3_BUCKET": settings.s3_bucket,
        "SLUICE_S3_ENDPOINT": settings.s3_endpoint,
        "SLUICE_S3_ACCESS_KEY": settings.s3_access_key.reveal(),
        "SLUICE_S3_SECRET_KEY": settings.s3_secret_key.reveal(),
    }
    arguments = [str(project), described.sha256.hex(), step, str(tmp_path / "body")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_UPLOAD, *arguments], env=environ, check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    assert world.blobs.rows.find(project, described.sha256) is None
    assert (key in world.objects()) is (step == "row")
    assert world.unfinished() == (1 if step == "parts" and size > MEBIBYTE else 0)
    assert world.blobs.sweep(3600, 0).uploads == 0  # it may still be under way
    assert world.blobs.sweep(0, 0).uploads == 1
    assert (key in world.objects(), world.unfinished()) == (False, 0)
    assert world.blobs.write(project, described, chunks(body))[1] is True


def test_a_sweep_leaves_what_another_upload_completed(world: World) -> None:
    body, described = some(100)
    project = world.projects[0]
    world.blobs.uploads.begin(blob_key(project, described.sha256))
    world.blobs.write(project, described, chunks(body))
    assert world.blobs.sweep(0, 0).uploads == 1
    assert read(world, project, described, 0, 100) == body


def test_a_store_that_is_away_leaves_the_upload_noted(world: World, settings: Settings) -> None:
    away = replace(settings, s3_endpoint="http://127.0.0.1:9")
    body, described = some(100)
    with pytest.raises(StoreDown):
        Blobs(world.database, Bucket(away)).write(world.projects[0], described, chunks(body))
    assert len(world.blobs.uploads.stale(0)) == 1
    with pytest.raises(StoreDown):
        Blobs(world.database, Bucket(away)).sweep(0, 0)
    assert len(world.blobs.uploads.stale(0)) == 1
    assert world.blobs.sweep(0, 0).uploads == 1


def test_one_part_is_the_most_that_lies_in_memory(world: World) -> None:
    store = BlobStore(world.bucket, part_bytes=5 * MEBIBYTE)
    parts = 0

    def counted() -> Iterator[bytes]:
        nonlocal parts
        for _ in range(12):
            parts += 1
            yield body

    body = bytes(MEBIBYTE)
    digest = hashlib.sha256(body * 12).digest()
    assert store.write("blobs/parts", digest, counted()) == 12 * MEBIBYTE
    assert parts == 12
    store.delete("blobs/parts")
