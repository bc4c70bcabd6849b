"""The file server's blobs over HTTP, on real stores: uploads, reads, refusals, memory."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest
import urllib3
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.errors import ApiError
from app.files.blobs import blob_path
from app.files.desk import FilesDesk, open_desk
from app.files.factory import create_app
from app.files.receiving import Gangway
from app.files.signing import Deed, open_signer
from config.settings import Settings
from events.ids import new_id, now_ms
from storage.files.blobs import blob_key
from tests.integration.api_world import TOKEN, World
from tests.integration.test_api_auth import free_port

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def desk(world: World, module_settings: Settings) -> Iterator[FilesDesk]:
    desk = open_desk(replace(module_settings, max_blob_bytes=30 * MEBIBYTE))
    yield desk
    desk.database.close()


@pytest.fixture(scope="module")
def client(desk: FilesDesk) -> FlaskClient:
    return create_app(desk).test_client()


@pytest.fixture(scope="module")
def shop_token(world: World) -> str:
    return world.stores.tokens.create("shop", project_id=world.numbers["shop"])


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


def path_of(body: bytes) -> str:
    return blob_path(hashlib.sha256(body).digest())


def signed(settings: Settings, path: str, project: int, deed: Deed = "read") -> str:
    signer = open_signer(settings)
    assert signer is not None
    return signer.sign(deed, path, project, int(time.time()) + 60)


def test_a_blob_is_put_once_and_read_back(client: FlaskClient, shop_token: str) -> None:
    body = os.urandom(9 * MEBIBYTE + 3)
    path = path_of(body)
    assert client.head(path, headers=bearer(shop_token)).status_code == 404
    made = client.put(f"{path}?kind=minidump&name=core.dmp", data=body, headers=bearer(shop_token))
    assert made.status_code == 201, made.text
    assert made.get_json() == {
        "sha256": path.rpartition("/")[2],
        "bytes": len(body),
        "content_type": "application/octet-stream",
        "kind": "minidump",
        "name": "core.dmp",
        "created": True,
    }
    again = client.put(path, data=body, headers=bearer(shop_token))
    assert (again.status_code, again.get_json()["created"]) == (200, False)
    skipped = client.put(path, headers={**bearer(shop_token), "Expect": "100-continue"})
    assert (skipped.status_code, skipped.get_json()["created"]) == (200, False)
    read = client.get(path, headers=bearer(shop_token))
    assert (read.status_code, read.data == body) == (200, True)
    assert read.headers["Content-Type"] == "application/octet-stream"
    assert read.headers["Content-Disposition"].startswith("attachment")
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in read.headers["Content-Security-Policy"]
    head = client.head(path, headers=bearer(shop_token))
    assert (head.headers["Content-Length"], head.data) == (str(len(body)), b"")


def test_ranges_and_conditions(client: FlaskClient, shop_token: str) -> None:
    body = os.urandom(100_000)
    path = path_of(body)
    client.put(path, data=body, headers=bearer(shop_token))
    part = client.get(path, headers={**bearer(shop_token), "Range": "bytes=99990-"})
    assert (part.status_code, part.data) == (206, body[99_990:])
    assert part.headers["Content-Range"] == "bytes 99990-99999/100000"
    beyond = client.get(path, headers={**bearer(shop_token), "Range": "bytes=100000-"})
    assert code(beyond) == (416, "range_not_satisfiable")
    etag = part.headers["ETag"]
    same = client.get(path, headers={**bearer(shop_token), "If-None-Match": etag})
    assert (same.status_code, same.data) == (304, b"")
    other = client.get(
        path, headers={**bearer(shop_token), "Range": "bytes=0-1", "If-Range": '"other"'}
    )
    assert (other.status_code, len(other.data)) == (200, 100_000)


def test_post_finds_the_hash_and_leaves_no_file(
    client: FlaskClient, desk: FilesDesk, shop_token: str
) -> None:
    body = os.urandom(8 * MEBIBYTE + 1)
    made = client.post(
        "/files/v1/blobs?name=a.map&kind=source_map", data=body, headers=bearer(shop_token)
    )
    assert (made.status_code, made.get_json()["sha256"]) == (201, hashlib.sha256(body).hexdigest())
    assert client.get(path_of(body), headers=bearer(shop_token)).data == body
    again = client.post("/files/v1/blobs", data=body, headers=bearer(shop_token))
    assert (again.status_code, again.get_json()["kind"]) == (200, "source_map")
    assert list((desk.settings.home / "uploads").iterdir()) == []


def test_a_blob_of_events_that_comes_as_a_source_map_stays(
    client: FlaskClient, shop_token: str
) -> None:
    body = os.urandom(100)
    client.put(path_of(body), data=body, headers=bearer(shop_token))
    kept = client.put(f"{path_of(body)}?kind=symbols", data=body, headers=bearer(shop_token))
    assert kept.get_json()["kind"] == "symbols"
    kept = client.put(path_of(body), data=body, headers=bearer(shop_token))
    assert kept.get_json()["kind"] == "symbols"


@pytest.mark.parametrize("size", [100, 17 * MEBIBYTE])
def test_a_wrong_hash_stores_nothing(
    client: FlaskClient, world: World, shop_token: str, size: int
) -> None:
    body = os.urandom(size)
    answer = client.put(path_of(body), data=body[1:] + b"?", headers=bearer(shop_token))
    assert code(answer) == (400, "digest_mismatch")
    assert client.head(path_of(body), headers=bearer(shop_token)).status_code == 404
    with world.stores.files.bucket.calling("list") as s3:
        found = s3.list_multipart_uploads(Bucket=world.stores.files.bucket.name)
    assert found.get("Uploads", []) == []


def test_bounds_and_arguments(client: FlaskClient, shop_token: str) -> None:
    large = bytes(30 * MEBIBYTE + 1)
    path = path_of(large)
    mine = bearer(shop_token)
    assert code(client.put(path, data=large, headers=mine)) == (413, "payload_too_large")
    assert code(client.post("/files/v1/blobs", data=large, headers=mine)) == (
        413,
        "payload_too_large",
    )
    body = b"x"
    for target, asked in (
        ("/files/v1/blobs/xyz", {}),
        (f"{path_of(body)}?kind=virus", {}),
        (f"{path_of(body)}?name=%00", {}),
        (f"{path_of(body)}?project=nowhere", {}),
        (f"{path_of(body)}?project=blog", {}),
    ):
        answer = client.put(target, data=body, headers={**mine, **asked})
        assert code(answer) == (400, "bad_argument"), (target, answer.text)
    encoded = client.put(path_of(body), data=body, headers={**mine, "Content-Encoding": "gzip"})
    assert code(encoded) == (400, "bad_encoding")
    unnamed = client.put(path_of(body), data=body, headers=bearer())
    assert code(unnamed) == (400, "bad_argument")
    assert client.get("/files/v1/blobs/xyz", headers=mine).status_code == 404


def test_a_key_may_bring_blobs_and_read_none(
    client: FlaskClient, world: World, shop_token: str
) -> None:
    body, key = os.urandom(50), {"X-ApiKey": world.keys["shop"]}
    assert client.put(path_of(body), data=body, headers=key).status_code == 201
    assert code(client.get(path_of(body), headers=key)) == (401, "token_missing")
    assert client.get(path_of(body), headers=bearer(shop_token)).data == body
    guess = client.put(path_of(body), headers={**key, "Expect": "100-continue"})
    assert code(guess) == (400, "digest_mismatch")
    unknown = client.put(path_of(body), data=body, headers={"X-ApiKey": "nobody-has-this"})
    assert code(unknown) == (403, "key_unknown")
    assert client.put(path_of(body), data=body).status_code == 401


def test_another_projects_blob_is_as_if_it_was_not_there(
    client: FlaskClient, world: World, module_settings: Settings, shop_token: str
) -> None:
    body = os.urandom(60)
    path = path_of(body)
    client.put(f"{path}?project=blog", data=body, headers=bearer())
    assert client.get(f"{path}?project=blog", headers=bearer()).data == body
    assert code(client.get(path, headers=bearer(shop_token))) == (404, "not_found")
    assert code(client.get(f"{path}?project=blog", headers=bearer(shop_token))) == (
        400,
        "bad_argument",
    )
    assert code(client.get(f"{path}?project=shop", headers=bearer())) == (404, "not_found")
    mine = signed(module_settings, path, world.numbers["shop"])
    assert code(client.get(mine)) == (404, "not_found")
    theirs = signed(module_settings, path, world.numbers["blog"])
    assert client.get(theirs).data == body
    swapped = re.sub("project=[0-9]+", f"project={world.numbers['shop']}", theirs)
    assert code(client.get(swapped)) == (403, "signature_invalid")
    # It holds for what it was signed for: no writing with a URL for reading, nor another blob.
    assert code(client.put(theirs, data=body)) == (403, "signature_invalid")
    writing = signed(module_settings, path, world.numbers["shop"], "write")
    assert client.put(writing, data=body).status_code == 201
    assert client.get(mine).data == body


def test_a_blob_that_was_changed_in_the_bucket_is_never_taken_for_whole(
    client: FlaskClient, world: World, desk: FilesDesk, shop_token: str
) -> None:
    body = os.urandom(700_000)
    client.put(path_of(body), data=body, headers=bearer(shop_token))
    row = desk.blobs.rows.find(world.numbers["shop"], hashlib.sha256(body).digest())
    assert row is not None
    files = world.stores.files.bucket
    files.put(row.key, body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(Exception, match="SHA-256"):
        _ = client.get(path_of(body), headers=bearer(shop_token)).data
    files.put(row.key, body[:-1])
    assert code(client.get(path_of(body), headers=bearer(shop_token))) == (
        500,
        "payload_unreadable",
    )
    files.delete(row.key)
    assert code(client.get(path_of(body), headers=bearer(shop_token))) == (
        500,
        "payload_unreadable",
    )


def test_stores_that_are_away_are_told(module_settings: Settings, shop_token: str) -> None:
    away = replace(module_settings, s3_endpoint=f"http://127.0.0.1:{free_port()}")
    client = create_app(open_desk(away)).test_client()
    body = os.urandom(100)
    for size in (100, 17 * MEBIBYTE):
        body = os.urandom(size)
        assert code(client.put(path_of(body), data=body, headers=bearer(shop_token))) == (
            503,
            "store_down",
        )


@pytest.fixture(scope="module")
def served(world: World, module_settings: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """The file server under granian, as the Procfile runs it; its address and process."""
    port = free_port()
    environ = os.environ | {
        "SLUICE_HOME": str(module_settings.home),
        "SLUICE_POSTGRES_DSN": module_settings.postgres_dsn.reveal(),
        "SLUICE_S3_BUCKET": module_settings.s3_bucket,
        "SLUICE_S3_ENDPOINT": module_settings.s3_endpoint,
        "SLUICE_S3_ACCESS_KEY": module_settings.s3_access_key.reveal(),
        "SLUICE_S3_SECRET_KEY": module_settings.s3_secret_key.reveal(),
    }
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--factory", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--blocking-threads", "16", "app.serving:files"),
    ]
    process = subprocess.Popen(command, env=environ)
    try:
        base = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not alive(base):
            assert time.monotonic() < deadline, "the file server did not start"
            time.sleep(0.1)
        yield base, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def alive(base: str) -> bool:
    try:
        return urllib3.request("GET", f"{base}/health/live", retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


class Peak:
    """The most resident bytes of a process's largest child, looked at while something runs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._over = threading.Event()
        self.bytes = 0

    def _look(self) -> None:
        while not self._over.wait(0.02):
            sizes = [child.memory_info().rss for child in self._process.children()]
            self.bytes = max([self.bytes, *sizes])

    def __enter__(self) -> Peak:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_a_large_blob_passes_through_without_being_held(
    served: tuple[str, psutil.Process], shop_token: str
) -> None:
    base, process = served
    size, block = 200 * MEBIBYTE, os.urandom(MEBIBYTE)
    digest = hashlib.sha256(block * (size // MEBIBYTE)).digest()
    path = f"{base}{blob_path(digest)}"
    http = urllib3.PoolManager()
    with Peak(process) as peak:
        made = http.request(
            "PUT",
            path,
            body=(block for _ in range(size // MEBIBYTE)),
            headers=bearer(shop_token),
            timeout=240,
        )
        assert made.status == 201, made.data
        read = http.request(
            "GET", path, headers=bearer(shop_token), preload_content=False, timeout=240
        )
        found = hashlib.sha256()
        for chunk in read.stream(MEBIBYTE):
            found.update(chunk)
    assert found.digest() == digest
    assert 0 < peak.bytes < 120 * MEBIBYTE, f"{peak.bytes / MEBIBYTE:.0f} MiB"


def test_a_sender_that_breaks_off_leaves_nothing(
    served: tuple[str, psutil.Process], desk: FilesDesk, world: World, shop_token: str
) -> None:
    base, _ = served
    body = os.urandom(20 * MEBIBYTE)
    pool = urllib3.HTTPConnectionPool(base.removeprefix("http://"))
    connection = pool._get_conn()
    connection.putrequest("PUT", path_of(body))
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Authorization", f"Bearer {shop_token}")
    connection.endheaders()
    connection.send(body[:-1000])
    connection.close()
    key = blob_key(world.numbers["shop"], hashlib.sha256(body).digest())
    deadline = time.monotonic() + 60
    while key in {noted for _, noted in desk.blobs.uploads.stale(0)}:
        assert time.monotonic() < deadline, "the upload was not abandoned"
        time.sleep(0.05)
    assert desk.blobs.rows.find(world.numbers["shop"], hashlib.sha256(body).digest()) is None
    with world.stores.files.bucket.calling("list") as s3:
        found = s3.list_multipart_uploads(Bucket=world.stores.files.bucket.name)
    assert found.get("Uploads", []) == []


def test_a_refused_sender_reads_why(served: tuple[str, psutil.Process]) -> None:
    base, _ = served
    body = os.urandom(5 * MEBIBYTE)
    answer = urllib3.request("PUT", f"{base}{path_of(body)}", body=body, retries=False)
    assert (answer.status, answer.json()["error"]["code"]) == (401, "token_missing")


def test_a_project_gets_half_of_the_places_and_all_of_them_no_more() -> None:
    gangway = Gangway(4)

    def refused(project: int) -> bool:
        try:
            with gangway.enter(project):
                return False
        except ApiError as error:
            return (error.status, error.code) == (503, "overloaded")

    with gangway.enter(1), gangway.enter(1):
        assert refused(1)
        with gangway.enter(2):
            assert not refused(2)
            with gangway.enter(3):
                assert refused(2)
                assert refused(4)
    assert not refused(1)


def test_a_blob_id_is_no_event(client: FlaskClient) -> None:
    event = client.get(f"/files/v1/blobs/{new_id(now_ms())}?project=shop", headers=bearer())
    assert event.status_code == 404
