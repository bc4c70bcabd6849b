"""Any S3: both addressings, a CA of one's own, keys and locks on every object, faults between."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ops.servers.seaweedfs as seaweedfs
from config.settings import Secret, Settings, SettingsError, load_settings
from storage.errors import StoreDown, StoreError
from storage.files.blobs import BlobStore
from storage.files.meter import METER, Count
from storage.files.s3 import Bucket
from tests.faults.fault_proxy import FaultProxy, Mode
from tests.faults.object_store import ObjectStore

MEBIBYTE = 1 << 20


def watched(bucket: Bucket) -> list[tuple[str, str, dict[str, str]]]:
    """Method, URL and headers of every request of a bucket from now on, as they are sent."""
    sent: list[tuple[str, str, dict[str, str]]] = []

    def note(request: Any, **_: Any) -> None:
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        sent.append((request.method, request.url, headers))

    with bucket.calling("watch") as client:
        client.meta.events.register("before-send.s3", note)
    return sent


def makers_of(sent: list[tuple[str, str, dict[str, str]]]) -> list[tuple[str, dict[str, str]]]:
    """The requests that make an object: whole ones, and the beginnings of uploads."""
    whole = [(m, h) for m, url, h in sent if m == "PUT" and "partNumber" not in url]
    return whole + [(m, h) for m, url, h in sent if m == "POST" and "uploads" in url]


def write_both_ways(bucket: Bucket) -> None:
    """An object in one piece, and one in parts. The server may refuse what it does not have."""
    with suppress(StoreError):
        bucket.put("backends/one", b"x")
    body = os.urandom(6 * MEBIBYTE)
    with suppress(StoreError):
        BlobStore(bucket, 5 * MEBIBYTE).write("backends/two", hashlib.sha256(body).digest(), [body])


def test_a_kms_key_is_asked_for_with_every_object(settings: Settings) -> None:
    bucket = Bucket(replace(settings, s3_kms_key_id="arn:aws:kms:eu-west-1:1:key/abc"))
    sent = watched(bucket)
    write_both_ways(bucket)
    makers = makers_of(sent)
    assert {method for method, _ in makers} == {"PUT", "POST"}
    for _, headers in makers:
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"].endswith("key/abc")


def test_a_lock_is_asked_for_with_every_object(settings: Settings) -> None:
    bucket = Bucket(replace(settings, s3_object_lock_mode="GOVERNANCE", s3_object_lock_days=2.0))
    sent = watched(bucket)
    write_both_ways(bucket)
    makers = makers_of(sent)
    assert {method for method, _ in makers} == {"PUT", "POST"}
    for method, headers in makers:
        assert headers["x-amz-object-lock-mode"] == "GOVERNANCE"
        assert "T" in headers["x-amz-object-lock-retain-until-date"]
        if method == "PUT":  # S3 refuses a locked object without one
            assert headers["x-amz-checksum-sha256"]


def test_without_the_settings_no_object_asks_for_anything(settings: Settings) -> None:
    bucket = Bucket(settings)
    sent = watched(bucket)
    write_both_ways(bucket)
    assert len(sent) >= 4
    named = {name for _, _, headers in sent for name in headers}
    assert not {name for name in named if "lock" in name or "encryption" in name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_ADDRESSING", "both"),
        ("S3_OBJECT_LOCK_MODE", "governance"),
        ("S3_OBJECT_LOCK_DAYS", "0"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({f"SLUICE_{name}": value})


def test_a_ca_bundle_that_cannot_be_read_is_named(settings: Settings) -> None:
    bucket = Bucket(replace(settings, s3_ca_bundle="/nowhere/ca.pem"))
    with pytest.raises(StoreDown, match="SLUICE_S3_CA_BUNDLE"):
        bucket.check()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A SeaweedFS that knows its own domain, as virtual addressing needs."""
    with pytest.MonkeyPatch.context() as patch:
        domain = "-s3.domainName=s3.test"
        patch.setattr(seaweedfs, "_PLAIN", (*seaweedfs._PLAIN, domain))
        store = ObjectStore(tmp_path_factory.mktemp("weed"))
        try:
            store.start()
            yield store
        finally:
            store.close()


def settings_of(store: ObjectStore, **changes: Any) -> Settings:
    return replace(load_settings(store.environment), s3_bucket="backends", **changes)


def works(bucket: Bucket) -> None:
    bucket.ensure()
    body = os.urandom(6 * MEBIBYTE)
    BlobStore(bucket, 5 * MEBIBYTE).write("blobs/two", hashlib.sha256(body).digest(), [body])
    assert bucket.get_range("blobs/two", 100, 10) == body[100:110]
    assert [key for key, _ in bucket.list("blobs/two")] == ["blobs/two"]
    bucket.delete("blobs/two")


def test_virtual_addressing_names_the_bucket_in_the_host(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of the domain lead here, as a wildcard record would make them."""
    real = socket.getaddrinfo

    def here(host: Any, *rest: Any, **named: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith("s3.test") else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    endpoint = f"http://s3.test:{store.proxy.port}"
    works(Bucket(settings_of(store, s3_endpoint=endpoint)))
    bucket = Bucket(settings_of(store, s3_endpoint=endpoint, s3_addressing="virtual"))
    sent = watched(bucket)
    works(bucket)
    assert sent
    assert all(url.startswith("http://backends.s3.test:") for _, url, _ in sent)


@contextmanager
def tls_in_front(upstream_port: int, folder: Path) -> Iterator[int]:
    """A proxy that speaks TLS with the certificate in a folder; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 16):
                target.sendall(chunk)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve(plain: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(("127.0.0.1", upstream_port)) as upstream,
        ):
            back = threading.Thread(target=copy, args=(upstream, client), daemon=True)
            back.start()
            copy(client, upstream)
            back.join()

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                plain, _ = listener.accept()
                threading.Thread(target=serve, args=(plain,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def make_certificates(folder: Path) -> None:
    """A CA, ``ca.pem``, and a server's certificate of it for 127.0.0.1."""
    openssl = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    ca = ("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test ca")
    server = (
        *("-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    for arguments in (ca, server):
        subprocess.run([*openssl, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_ca_of_ones_own_is_trusted_and_no_other(store: ObjectStore, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    with tls_in_front(store.proxy.port, tmp_path) as port:
        endpoint = f"https://127.0.0.1:{port}"
        bundle = str(tmp_path / "ca.pem")
        works(Bucket(settings_of(store, s3_endpoint=endpoint, s3_ca_bundle=bundle)))
        with pytest.raises(StoreDown, match="SLUICE_S3_CA_BUNDLE"):
            Bucket(settings_of(store, s3_endpoint=endpoint)).check()


@pytest.mark.parametrize("mode", [Mode.UNAVAILABLE, Mode.SLOW])
def test_an_upload_through_a_failing_store_leaves_no_object_and_goes_afterwards(
    settings: Settings, mode: Mode
) -> None:
    proxy = FaultProxy(int(settings.s3_endpoint.rpartition(":")[2]), delay=6.0)
    try:
        through = replace(
            settings, s3_endpoint=f"http://127.0.0.1:{proxy.port}", s3_timeout_seconds=2.0
        )
        bucket, body = Bucket(through), os.urandom(16 * MEBIBYTE)
        digest, key = hashlib.sha256(body).digest(), f"blobs/faults-{mode.value}"
        blobs = BlobStore(bucket, 5 * MEBIBYTE)

        def broken() -> Iterator[bytes]:
            yield body[: 6 * MEBIBYTE]
            failing.enter_context(proxy.failing(mode))
            yield body[6 * MEBIBYTE :]

        with ExitStack() as failing, pytest.raises(StoreDown):
            blobs.write(key, digest, broken())
        assert list(Bucket(settings).list(key)) == []
        direct = BlobStore(Bucket(settings))
        direct.abort(key)
        assert direct.abort(key) == 0
        assert blobs.write(key, digest, [body]) == len(body)
        stream = blobs.read(key, 0, len(body))
        assert hashlib.sha256(b"".join(stream)).digest() == digest
        stream.close()
    finally:
        proxy.close()


def test_every_answered_request_is_counted_by_what_it_costs_as(settings: Settings) -> None:
    bucket = Bucket(settings)
    METER.take()
    bucket.put("packs/ab/crash/2026-01-01/x.pack", b"12345")
    bucket.get("packs/ab/crash/2026-01-01/x.pack", 100)
    bucket.get_range("packs/ab/crash/2026-01-01/x.pack", 1, 2)
    with pytest.raises(StoreError):
        bucket.get("packs/ab/crash/2026-01-01/none.pack", 100)
    list(bucket.list("packs/ab/crash/"))
    bucket.delete("packs/ab/crash/2026-01-01/x.pack")
    body = os.urandom(12 * MEBIBYTE)
    BlobStore(bucket).write("blobs/counted", hashlib.sha256(body).digest(), [body])
    bucket.delete("blobs/counted")
    bucket.check()
    counts = dict(METER.take())
    missing = counts["crash", "get"].bytes - 7  # what S3 answers with a 404 is some XML
    assert 0 <= missing < 1000
    assert counts == {
        ("crash", "put"): Count(2, 5),
        ("crash", "get"): Count(3, 7 + missing),
        ("crash", "delete"): Count(1, 0),
        ("blob", "put"): Count(4, len(body)),
        ("blob", "delete"): Count(1, 0),
        ("other", "get"): Count(1, 0),
    }
    METER.give_back(counts)
    assert dict(METER.take()) == counts


def test_nothing_is_counted_of_a_store_that_does_not_answer(settings: Settings) -> None:
    METER.take()
    away = replace(settings, s3_endpoint="http://127.0.0.1:9", s3_access_key=Secret("x"))
    with pytest.raises(StoreDown):
        Bucket(away).put("packs/ab/crash/x", b"1")
    assert dict(METER.take()) == {}
