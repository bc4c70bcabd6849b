"""Both lanes to the handler of events, under the real server: every answer is the same bytes.

The lane on asyncio is what the web tier runs; Flask alone, as WSGI, answers the same requests
beside it. What may differ are ids and the date.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import signal
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.stores import open_stores
from config.settings import Settings
from storage.sql.migrate import migrate
from tests.integration.web_process import AS_RSGI, AS_WSGI, DEADLINE, KEY, Lane, request, start
from tests.system.test_bad_input import MEGABYTE, REFUSED, STORED, crash
from tests.system.test_corpus_raygun import CORPUS, FILES

SENTRY_FILES = sorted(CORPUS.glob("sentry-*/*.json"))
SENTRY_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b0[0-9a-f]{11}7[0-9a-f]{19}\b")
_OWN = re.compile(rb"(?m)^(date|sluice-request-id|server-timing): .*$")


@pytest.fixture(scope="module")
def lanes(module_settings: Settings) -> Iterator[tuple[Lane, Lane]]:
    migrate(module_settings.postgres_dsn)
    stores = open_stores(module_settings)
    project, _ = stores.projects.create("shop", KEY)
    stores.projects.add_key(project.id, SENTRY_KEY)
    stores.projects.add_key(project.id, "revoked-key")
    stores.projects.revoke_key("revoked-key")
    stores.database.close()
    started = (start(module_settings, AS_RSGI), start(module_settings, AS_WSGI))
    yield started
    for lane in started:
        lane.process.send_signal(signal.SIGTERM)
    for lane in started:
        assert lane.process.wait(timeout=DEADLINE) == 0


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return request("POST", "/entries", None, (("Transfer-Encoding", "chunked"),)) + framed


def recorded(file: Path) -> bytes:
    """A request of the corpus with this project's key instead of its own."""
    found = json.loads(file.read_bytes())
    body = base64.b64decode(found["body_base64"])
    query = re.sub(
        r"(?i)(apikey=)[^&]*",
        lambda match: match[1] + urllib.parse.quote(KEY, safe=""),
        found["query"],
    )
    kept = [
        (name, KEY if name.lower() in {"x-apikey", "x-api-key"} else value)
        for name, value in found["headers"]
        if name.lower() not in {"host", "connection", "transfer-encoding", "content-length"}
    ]
    target = found["path"] + (f"?{query}" if query else "")
    return request(found["method"], target, body, tuple(kept), key="")


ORIGIN = (("Origin", "https://shop.test"),)
ASKING = (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "X-A, b"))
PROTOBUF = (("Content-Type", "application/x-protobuf"),)
OTEL = sorted(CORPUS.glob("otel-*/*.json"))
BULK = b"[" + b",".join([crash("one"), b"7", crash("two")]) + b"]"
RUM = b'{"eventData": [{"type": "session_start", "sessionId": "s"}]}'


def _post(body: bytes, *headers: tuple[str, str], path: str = "/entries") -> bytes:
    return request("POST", path, body, headers)


def _sentry(
    body: bytes, *headers: tuple[str, str], path: str = "/api/7/envelope/", key: str = SENTRY_KEY
) -> bytes:
    auth = (("X-Sentry-Auth", f"Sentry sentry_key={key}"),) if key else ()
    return request("POST", path, body, (*auth, *headers), key="")


EVENT = b'{}\n{"type":"event"}\n{"event_id":"0123456789abcdef0123456789abcdef"}'
DSN = b'{"dsn":"https://%s@sluice.test/7"}\n{"type":"event"}\n{"message":"m"}'
CSP = b'{"csp-report": {"blocked-uri": "inline"}}'
SENTRY: dict[str, bytes] = {
    "event": _sentry(EVENT),
    "no slash": _sentry(EVENT, path="/api/7/envelope"),
    "prefix": _sentry(EVENT, path="/relay/api/7/envelope/"),
    "no number": _sentry(EVENT, path="/api/seven/envelope/"),
    "long number": _sentry(EVENT, path=f"/api/{'9' * 5000}/envelope/"),
    "no path": _sentry(EVENT, path="/api/7/nothing/"),
    "no items": _sentry(b"{}"),
    "no envelope": _sentry(b"nothing"),
    "empty": _sentry(b""),
    "only bad items": _sentry(b'{}\n{"type":"event"}\n7'),
    "some bad items": _sentry(EVENT + b'\n{"type":"event","length":9}\n7'),
    "unknown item": _sentry(b'{}\n{"type":"x"}\n7'),
    "too large an item": _sentry(b'{}\n{"type":"event"}\n"' + b"x" * 2 * MEGABYTE + b'"'),
    "too large a body": _sentry(b"{}" + b"\n" * 17 * MEGABYTE),
    "origin": _sentry(EVENT, *ORIGIN),
    "gzip": _sentry(gzip.compress(EVENT), ("Content-Encoding", "gzip")),
    "gzip that is none": _sentry(EVENT, ("Content-Encoding", "gzip")),
    "key in the dsn": _sentry(DSN % SENTRY_KEY.encode(), key=""),
    "key in the dsn, compressed": _sentry(
        gzip.compress(DSN % SENTRY_KEY.encode()), ("Content-Encoding", "gzip"), key=""
    ),
    "wrong key in the dsn": _sentry(DSN % b"wrong", key=""),
    "another key in the dsn": _sentry(DSN % b"other"),
    "no key": _sentry(EVENT, key=""),
    "wrong key": _sentry(EVENT, key="wrong"),
    "revoked key": _sentry(EVENT, key="revoked-key"),
    "two keys": _sentry(EVENT, path=f"/api/7/envelope/?sentry_key={SENTRY_KEY}"),
    "key in the query": _sentry(EVENT, path=f"/api/7/envelope/?sentry_key={SENTRY_KEY}", key=""),
    "store": _sentry(b'{"message": "m"}', path="/api/7/store/"),
    "store without a key": _sentry(b'{"message": "m"}', path="/api/7/store/", key=""),
    "store of base64": _sentry(base64.b64encode(zlib.compress(b"{}")), path="/api/7/store/"),
    "store of nothing": _sentry(b"%", path="/api/7/store/"),
    "store bomb": _sentry(zlib.compress(b"{" + b" " * 50_000_000), path="/api/7/store/"),
    "security": _sentry(CSP, path=f"/api/7/security/?sentry_key={SENTRY_KEY}", key=""),
    "security of nothing": _sentry(b"{}", path="/api/7/security/"),
    "security of many": _sentry(b"[" + CSP + b",7]", path="/api/7/security/"),
    "minidump of nothing": _sentry(b"x", path="/api/7/minidump/"),
    "preflight": request("OPTIONS", "/api/7/envelope/", None, (*ORIGIN, *ASKING)),
    "pixel": request("GET", f"/api/7/store/?sentry_key={SENTRY_KEY}&sentry_data=e30", key=""),
    "pixel of nothing": request("GET", f"/api/7/store/?sentry_key={SENTRY_KEY}", key=""),
}

CASES: dict[str, bytes] = {
    **{f"sentry: {name}": case for name, case in SENTRY.items()},
    **{f"refused: {name}": _post(body) for name, (body, *_) in REFUSED.items()},
    **{f"stored: {name}": _post(body) for name, body in STORED.items()},
    **{
        f"corpus: {file.parent.name}/{file.stem}": recorded(file)
        for file in (*FILES, *SENTRY_FILES)
    },
    "bulk": _post(BULK, path="/entries/bulk"),
    "bulk of nothing": _post(b"[]", path="/entries/bulk"),
    "bulk of nothing good": _post(b"[1, {}]", path="/entries/bulk"),
    "bulk of 2,000": _post(b"[" + b",".join([crash()] * 2000) + b"]", path="/entries/bulk"),
    "rum": _post(RUM, path="/events"),
    "rum without events": _post(b"{}", path="/events"),
    "origin": _post(crash(), *ORIGIN),
    "origin, refused": _post(b"", *ORIGIN),
    "strange origin": _post(crash(), ("Origin", "a b")),
    "origin that is no ASCII": _post(crash(), ("Origin", "caf\xe9")),
    "preflight": request("OPTIONS", "/entries", None, (*ORIGIN, *ASKING)),
    "preflight of no path": request("OPTIONS", "/nowhere", None, (*ORIGIN, *ASKING)),
    "ping": request("GET", "/ping"),
    "ping by POST": _post(b"", path="/ping"),
    "ping by HEAD": request("HEAD", "/ping"),
    "no key": request("POST", "/entries", crash(), key=""),
    "wrong key": request("POST", "/entries", crash(), key="wrong"),
    "long key": request("POST", "/entries", crash(), key="k" * 10_000),
    "revoked key": request("POST", "/entries", crash(), key="revoked-key"),
    "key in the query": request(
        "POST", f"/entries?aPiKeY={urllib.parse.quote(KEY, safe='')}", crash(), key=""
    ),
    "key with a bare plus": request("POST", f"/entries?apikey={KEY}", crash(), key=""),
    "key of odd bytes": request("POST", "/entries?apikey=%00%ff%F0", crash(), key=""),
    "wrong key, large body": request("POST", "/entries", b" " * 15 * MEGABYTE, key="wrong"),
    "no length": request("POST", "/entries"),
    "gzip": _post(gzip.compress(crash()), ("Content-Encoding", "gzip")),
    "deflate": _post(zlib.compress(crash()), ("Content-Encoding", "deflate")),
    "gzip that is none": _post(crash(), ("Content-Encoding", "gzip")),
    "unknown encoding": _post(crash(), ("Content-Encoding", "zstd")),
    "three encodings": _post(crash(), ("Content-Encoding", "gzip, gzip, gzip")),
    "identity": _post(crash(), ("Content-Encoding", "identity")),
    "chunks": chunked(crash(), 7),
    "endless chunks": chunked(b" " * 20 * MEGABYTE, MEGABYTE),
    "form": _post(crash(), ("Content-Type", "application/x-www-form-urlencoded")),
    **{
        f"path {path}": _post(crash(), path=path)
        for path in (
            *("/entries/", "//entries", "/relay/entries", "/relay/eu/entries/bulk", "/entries/x"),
            *("/groups/entries", "/health/events", "/%65ntries", "/nowhere", "/%ff%fe"),
        )
    },
    **{
        f"{method} {path}": request(method, path, b"")
        for method in ("GET", "HEAD", "PUT", "DELETE", "BREW")
        for path in ("/entries", "/events")
    },
    **{f"corpus: {file.parent.name}/{file.stem}": recorded(file) for file in OTEL},
    **{
        f"OTLP of nothing at {path}": _post(b"", *PROTOBUF, path=path)
        for path in ("/v1/traces", "/v1/metrics", "/v1/logs", "/relay/v1/traces")
    },
    "no OTLP": _post(b"\xff\xff", *PROTOBUF, path="/v1/traces"),
    "no OTLP, as JSON": _post(b"[]", ("Content-Type", "application/json"), path="/v1/logs"),
    "OTLP without a key": request("POST", "/v1/traces", b"", PROTOBUF, key=""),
    "OTLP with a bearer token": request(
        "POST", "/v1/traces", b"", (*PROTOBUF, ("Authorization", f"Bearer {KEY}")), key=""
    ),
    "OTLP too large": _post(b" " * 20 * MEGABYTE, *PROTOBUF, path="/v1/traces"),
    "API without a token": request("GET", "/api/v1/groups"),
    "pages": request("GET", "/"),
    "a form too large": _post(
        b"a=" + b"x" * 100_000, ("Accept", "application/json"), path="/login"
    ),
    "alive, by HEAD": request("HEAD", "/health/live"),
}


def same(answer: bytes) -> tuple[bytes, list[bytes], bytes]:
    """An answer without what differs from one to the next: its first line, headers, and body.

    The server decides where Content-Length stands, and does so by the interface.
    """
    head, _, body = _OWN.sub(rb"\1: -", _UUID.sub(b"<id>", answer)).partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    return first, sorted(headers), body


@pytest.mark.parametrize("name", CASES)
def test_both_lanes_give_the_same_bytes(lanes: tuple[Lane, Lane], name: str) -> None:
    ours, flask = (lane.talk(CASES[name]) for lane in lanes)
    assert flask.startswith(b"HTTP/1.1 ")
    assert same(ours) == same(flask)


def test_a_sender_that_breaks_off_is_told_the_same(lanes: tuple[Lane, Lane]) -> None:
    body = crash()
    short = request("POST", "/entries", body + b" " * 10)[:-10]
    ours, flask = (lane.talk(short, close=True) for lane in lanes)
    assert ours.startswith(b"HTTP/1.1 400")
    assert same(ours) == same(flask)
