"""The file store on a real S3: what is written is read back, and every fault has its fate."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from uuid import UUID

import boto3
import pytest

from config.settings import Secret, Settings, SettingsError
from events.envelope import Envelope
from events.ids import new_id
from storage.errors import Corrupt, NotFound, Rejected, StoreDown
from storage.files.layout import UnknownVersion
from storage.files.store import FileStore
from storage.model import EventLocation, PackRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOON = 1_795_003_200_000


def crash(number: int, size: int = 300) -> Envelope:
    body = b'{"className":"E%d","x":"%s"}' % (number % 5, random.Random(number).randbytes(size))
    return Envelope(new_id(NOON + number), 1 + number % 3, "crash", "raygun.entry", body)


@pytest.fixture
def store(settings: Settings) -> FileStore:
    made = FileStore(replace(settings, frame_bytes=4_000))
    made.ensure_bucket()
    return made


@pytest.fixture
def s3(settings: Settings) -> Iterator[S3Client]:
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key.reveal(),
        aws_secret_access_key=settings.s3_secret_key.reveal(),
        region_name=settings.s3_region,
    )
    yield client
    client.close()


Written = tuple[PackRef, dict[UUID, EventLocation], dict[UUID, Envelope]]


def written(store: FileStore, count: int) -> Written:
    events = [crash(number) for number in range(count)]
    ref, locations = store.write_pack(events, new_id(NOON))
    return ref, locations, {event.id: event for event in events}


def replaced(s3: S3Client, settings: Settings, key: str, at: int, patch: bytes) -> None:
    data = bytearray(s3.get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read())
    at %= len(data)
    data[at : at + len(patch)] = patch
    s3.put_object(Bucket=settings.s3_bucket, Key=key, Body=bytes(data))


def cut(s3: S3Client, settings: Settings, key: str, length: int) -> None:
    data = s3.get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()[:length]
    s3.put_object(Bucket=settings.s3_bucket, Key=key, Body=data)


def test_a_pack_is_read_back_whole(store: FileStore, s3: S3Client, settings: Settings) -> None:
    ref, locations, events = written(store, 200)

    read = store.read_pack(ref.key)

    assert {e.envelope.id: e.envelope for e in read} == events
    assert {e.envelope.id: e.location for e in read} == locations
    assert (ref.type, ref.events) == ("crash", 200)
    assert ref.raw_bytes == sum(len(event.body) for event in events.values())
    head = s3.head_object(Bucket=settings.s3_bucket, Key=ref.key)
    assert head["ContentLength"] == ref.stored_bytes


def test_each_event_is_read_by_its_location(store: FileStore) -> None:
    _, locations, events = written(store, 60)

    for identity, location in locations.items():
        assert store.read_event(location) == events[identity].body


@pytest.mark.parametrize("count", [1, 4_000])
def test_the_index_is_read_from_the_tail(store: FileStore, count: int) -> None:
    ref, locations, _ = written(store, count)

    assert store.read_index(ref.key).locations(ref.key) == locations


def test_a_write_tried_again_leaves_the_same_object(
    store: FileStore, s3: S3Client, settings: Settings
) -> None:
    events = [crash(number) for number in range(30)]
    pack_id = new_id(NOON)

    first = store.write_pack(events, pack_id)
    etag = s3.head_object(Bucket=settings.s3_bucket, Key=first[0].key)["ETag"]
    second = store.write_pack(events[::-1], pack_id)

    assert second == first
    assert s3.head_object(Bucket=settings.s3_bucket, Key=first[0].key)["ETag"] == etag


def test_many_threads_share_a_store(store: FileStore) -> None:
    def work(first: int) -> int:
        events = {e.id: e for e in map(crash, range(first, first + 20))}
        ref, locations = store.write_pack(list(events.values()), new_id(NOON))
        assert len(store.read_pack(ref.key)) == 20
        assert all(store.read_event(at) == events[i].body for i, at in locations.items())
        return ref.events

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(0, 800, 20))) == 800


def test_what_is_not_there_is_not_found(store: FileStore) -> None:
    _, locations, _ = written(store, 1)
    missing = f"packs/00/crash/2026-11-18/{new_id(NOON)}.pack"
    (location,) = locations.values()

    for read in (store.read_pack, store.read_index, store.salvage_pack):
        with pytest.raises(NotFound):
            read(missing)
    with pytest.raises(NotFound):
        store.read_event(replace(location, pack_key=missing))


def test_damage_is_corrupt_and_the_rest_is_salvaged(
    store: FileStore, s3: S3Client, settings: Settings
) -> None:
    ref, locations, events = written(store, 60)
    torn = min(locations.values(), key=lambda location: location.frame_offset)
    replaced(s3, settings, ref.key, torn.frame_offset + 30, b"damage")

    with pytest.raises(Corrupt):
        store.read_pack(ref.key)
    found = store.salvage_pack(ref.key)

    read = {e.envelope.id: e.envelope for e in found.events}
    whole = {i for i, at in locations.items() if at.frame_offset != torn.frame_offset}
    assert whole <= read.keys() < events.keys()
    assert read == {i: events[i] for i in read}
    assert found.faults
    for identity in events.keys() - read.keys():
        with pytest.raises(Corrupt):
            store.read_event(locations[identity])


def test_truncation_is_corrupt_and_the_rest_is_salvaged(
    store: FileStore, s3: S3Client, settings: Settings
) -> None:
    ref, locations, _ = written(store, 60)
    last = max(locations.values(), key=lambda location: location.frame_offset)
    cut(s3, settings, ref.key, last.frame_offset + 5)

    for read in (store.read_pack, store.read_index):
        with pytest.raises(Corrupt):
            read(ref.key)
    with pytest.raises(Corrupt):
        store.read_event(last)
    whole = [at for at in locations.values() if at.frame_offset < last.frame_offset]
    assert len(store.salvage_pack(ref.key).events) == len(whole)
    assert all(store.read_event(location) for location in whole)

    cut(s3, settings, ref.key, last.frame_offset)
    with pytest.raises(Corrupt):
        store.read_event(last)

    cut(s3, settings, ref.key, 0)
    for read in (store.read_pack, store.read_index, store.salvage_pack):
        with pytest.raises(Corrupt):
            read(ref.key)


def test_a_location_that_lies_is_corrupt(store: FileStore) -> None:
    _, locations, _ = written(store, 60)
    location = next(iter(locations.values()))

    for lie in (
        {"checksum": location.checksum ^ 1},
        {"offset": location.offset + 1},
        {"length": 2**31},
        {"frame_offset": location.frame_offset + 1},
        {"frame_length": location.frame_length - 1},
        {"frame_length": 0},
        {"frame_length": 2**31},
    ):
        with pytest.raises(Corrupt):
            store.read_event(replace(location, **lie))


def test_a_later_format_is_refused_by_its_name(
    store: FileStore, s3: S3Client, settings: Settings
) -> None:
    ref, _, _ = written(store, 3)
    replaced(s3, settings, ref.key, -10, b"\x02\x00")
    with pytest.raises(UnknownVersion, match="version 2"):
        store.read_index(ref.key)
    replaced(s3, settings, ref.key, 16, b"\x02\x00")
    for read in (store.read_pack, store.salvage_pack):
        with pytest.raises(UnknownVersion, match="version 2"):
            read(ref.key)


def test_a_pack_under_another_name_is_corrupt(
    store: FileStore, s3: S3Client, settings: Settings
) -> None:
    ref, _, _ = written(store, 3)
    other = ref.key.replace(str(ref.id), str(new_id(NOON)))
    s3.copy_object(
        Bucket=settings.s3_bucket,
        Key=other,
        CopySource={"Bucket": settings.s3_bucket, "Key": ref.key},
    )

    for read in (store.read_pack, store.read_index):
        with pytest.raises(Corrupt, match="holds pack"):
            read(other)


def test_ensuring_a_bucket_twice_makes_it_once(settings: Settings, s3: S3Client) -> None:
    fresh = replace(settings, s3_bucket=f"{settings.s3_bucket}-fresh")
    store = FileStore(fresh)
    with pytest.raises(StoreDown, match="there is no bucket"):
        store.check()

    store.ensure_bucket()
    store.ensure_bucket()

    store.check()
    s3.delete_bucket(Bucket=fresh.s3_bucket)


def test_no_endpoint_is_told_at_once(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="SLUICE_S3_ENDPOINT"):
        FileStore(replace(settings, s3_endpoint=""))


def test_wrong_credentials_are_no_events_fault(settings: Settings) -> None:
    store = FileStore(replace(settings, s3_secret_key=Secret("wrong")))

    with pytest.raises(StoreDown) as caught:
        store.write_pack([crash(1)], new_id(NOON))

    assert "wrong" not in str(caught.value)


def assert_down(settings: Settings, endpoint: str) -> None:
    """Every way to use the store tells that it is down."""
    store = FileStore(replace(settings, s3_endpoint=endpoint, s3_timeout_seconds=0.3))
    key = f"packs/00/crash/2026-11-18/{new_id(NOON)}.pack"
    for use in (
        lambda: store.write_pack([crash(1)], new_id(NOON)),
        lambda: store.read_pack(key),
        lambda: store.read_index(key),
        lambda: store.read_event(EventLocation(key, 100, 50, 0, 10, 0)),
        store.ensure_bucket,
        store.check,
    ):
        with pytest.raises(StoreDown):
            use()


def test_a_refused_connection_is_down(settings: Settings) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can take the port
        taken.bind(("127.0.0.1", 0))
        assert_down(settings, f"http://127.0.0.1:{taken.getsockname()[1]}")


def test_a_server_that_never_answers_is_down(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert_down(settings, f"http://127.0.0.1:{silent.getsockname()[1]}")


@contextmanager
def faulty_server(status: int, body: bytes, told_length: int) -> Iterator[str]:
    """The address of a server that gives this answer to everything."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(told_length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.close_connection = True

        do_PUT = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Answers are not news here."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalError"),
        (503, "SlowDown"),
        (429, "TooManyRequests"),
        (400, "RequestTimeout"),
        (404, "NoSuchBucket"),
    ],
)
def test_a_server_that_is_not_well_is_down(settings: Settings, status: int, code: str) -> None:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    with faulty_server(status, body, len(body)) as endpoint:
        if status >= 429:  # for the others the code decides, and an answer to HEAD has none
            assert_down(settings, endpoint)
        with pytest.raises(StoreDown, match=f"{status} {code}"):
            FileStore(replace(settings, s3_endpoint=endpoint)).write_pack([crash(1)], new_id(NOON))


def test_an_answer_cut_short_is_down_and_not_corrupt(settings: Settings) -> None:
    with faulty_server(200, b"half", 50) as endpoint:
        store = FileStore(replace(settings, s3_endpoint=endpoint))
        with pytest.raises(StoreDown):
            store.read_event(EventLocation("packs/x", 0, 50, 0, 10, 0))
        with pytest.raises(StoreDown):
            store.read_pack("packs/x")


def test_a_server_without_ranges_is_noticed(settings: Settings) -> None:
    with faulty_server(200, bytes(5_000), 5_000) as endpoint:
        store = FileStore(replace(settings, s3_endpoint=endpoint))
        with pytest.raises(Corrupt, match="gave 5000 bytes"):
            store.read_event(EventLocation("packs/x", 0, 50, 0, 10, 0))
        with pytest.raises(Corrupt, match="no range"):
            store.read_index("packs/x")


def test_data_that_s3_refuses_is_rejected(settings: Settings) -> None:
    body = b"<Error><Code>EntityTooLarge</Code></Error>"
    with faulty_server(400, body, len(body)) as endpoint:
        store = FileStore(replace(settings, s3_endpoint=endpoint))
        with pytest.raises(Rejected, match="EntityTooLarge"):
            store.write_pack([crash(1)], new_id(NOON))
