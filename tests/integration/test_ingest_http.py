"""The ingest paths over the real broker and PostgreSQL: what is answered, and what is queued."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import brotli
import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.factory import create_app
from app.stores import Stores, open_stores
from broker.message import message_args
from config.settings import Secret, Settings
from events.envelope import Envelope, decode_batch
from storage.sql.migrate import migrate

KEY = "aB+/c3de==fgh0"
CRASH = json.dumps({"occurredOn": "2026-01-01T00:00:00Z", "details": {"error": {}}}).encode()
SESSION = b'{"type": "session_start", "sessionId": "abc"}'
NOWHERE = "127.0.0.1:1"


@pytest.fixture(scope="module")
def made(module_settings: Settings) -> Settings:
    migrate(module_settings.postgres_dsn)
    stores = open_stores(module_settings)
    project, _ = stores.projects.create("shop", KEY)
    stores.projects.add_key(project.id, "revoked-key")
    stores.projects.revoke_key("revoked-key")
    stores.database.close()
    return module_settings


_opened: list[Stores] = []


def _client(settings: Settings) -> FlaskClient:
    stores = open_stores(settings)
    _opened.append(stores)
    return create_app(settings, stores).test_client()


@pytest.fixture(autouse=True)
def close_outboxes() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().outbox.close()


@pytest.fixture
def client(made: Settings) -> FlaskClient:
    return _client(made)


@pytest.fixture
def broker(made: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(made.redis_url.reveal()) as client:
        client.flushdb()
        yield client


def queued(broker: redis.Redis, event_type: str) -> list[Envelope]:
    raws = broker.lrange(f"{event_type}.files", 0, -1)
    return [e for raw in reversed(raws) for e in decode_batch(message_args(raw)[0])]


def post(client: FlaskClient, path: str, body: bytes, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data=body, headers={"X-ApiKey": KEY, **named})


def refused(answer: TestResponse, status: int, code: str) -> None:
    assert answer.status_code == status, answer.get_data()
    assert answer.content_type == "application/json"
    assert set(answer.json["error"]) == {"code", "message"}
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["message"]
    assert answer.headers["Access-Control-Allow-Origin"]


def test_one_crash(client: FlaskClient, broker: redis.Redis) -> None:
    answer = post(client, "/entries", CRASH)
    assert answer.status_code == 202
    (envelope,) = queued(broker, "crash")
    assert UUID(answer.headers["Sluice-Event-Id"]) == envelope.id
    assert (envelope.type, envelope.protocol) == ("crash", "raygun.entry")
    assert envelope.body == CRASH


@pytest.mark.parametrize(
    "path", ["/relay/entries", "/relay/eu/entries", "/relay//entries", "/entries/"]
)
def test_prefixes_and_slashes(client: FlaskClient, broker: redis.Redis, path: str) -> None:
    assert post(client, path, CRASH).status_code == 202
    assert len(queued(broker, "crash")) == 1


@pytest.mark.parametrize("path", ["/api/v1/groups/x/events", "/groups/entries", "/health/events"])
def test_paths_of_ours_are_no_prefix(client: FlaskClient, broker: redis.Redis, path: str) -> None:
    assert post(client, path, CRASH).status_code in {404, 405}
    assert queued(broker, "crash") == queued(broker, "rum") == []


def test_bulk_takes_the_valid_items_in_order(client: FlaskClient, broker: redis.Redis) -> None:
    other = CRASH.replace(b"2026", b"2025")
    body = b"[" + b" , ".join([CRASH, b"7", b'{"occurredOn": "x"}', other]) + b"]"
    answer = post(client, "/entries/bulk", body)
    assert answer.status_code == 202
    assert answer.headers["Sluice-Accepted"] == "2"
    assert answer.headers["Sluice-Rejected"] == "2"
    found = queued(broker, "crash")
    assert [e.body for e in found] == [CRASH, other]
    assert answer.headers["Sluice-Event-Ids"].split(",") == [str(e.id) for e in found]


def test_bulk_names_at_most_100_ids(client: FlaskClient, broker: redis.Redis) -> None:
    answer = post(client, "/entries/bulk", b"[" + b",".join([CRASH] * 1200) + b"]")
    assert answer.headers["Sluice-Accepted"] == "1200"
    assert len(answer.headers["Sluice-Event-Ids"].split(",")) == 100
    assert len({e.id for e in queued(broker, "crash")}) == 1200
    assert broker.llen("crash.files") == 3


def test_rum(client: FlaskClient, broker: redis.Redis) -> None:
    answer = post(client, "/events", b'{"eventData": [' + SESSION + b", null]}")
    assert (answer.status_code, answer.headers["Sluice-Accepted"]) == (202, "1")
    (envelope,) = queued(broker, "rum")
    assert (envelope.protocol, envelope.body) == ("raygun.rum", SESSION)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/ping", "/ping?apiKey=whatever", "/relay/ping"])
def test_ping_with_and_without_a_key(client: FlaskClient, method: str, path: str) -> None:
    assert client.open(path, method=method, data=b"{}").status_code == 200


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_any_content_type(client: FlaskClient, broker: redis.Redis, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    assert post(client, "/entries", CRASH, **headers).status_code == 202
    assert queued(broker, "crash")[0].body == CRASH


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(CRASH, mtime=0)),
        ("deflate", zlib.compress(CRASH)),
        ("br", brotli.compress(CRASH)),
    ],
)
def test_content_encodings(
    client: FlaskClient, broker: redis.Redis, encoding: str, body: bytes
) -> None:
    assert post(client, "/entries", body, Content_Encoding=encoding).status_code == 202
    assert queued(broker, "crash")[0].body == CRASH


@pytest.mark.parametrize(
    "query",
    ["apikey=aB%2B%2Fc3de%3D%3Dfgh0", "APIKEY=aB+/c3de==fgh0", "x=1&apiKey=aB%20/c3de==fgh0"],
)
def test_key_in_the_query(client: FlaskClient, broker: redis.Redis, query: str) -> None:
    assert client.post(f"/entries?{query}", data=CRASH).status_code == 202
    assert len(queued(broker, "crash")) == 1


def test_keys_that_open_nothing(client: FlaskClient, broker: redis.Redis) -> None:
    refused(client.post("/entries", data=CRASH), 403, "key_missing")
    refused(post(client, "/entries", CRASH, X_ApiKey="wrong"), 403, "key_unknown")
    refused(post(client, "/entries", CRASH, X_ApiKey="revoked-key"), 403, "key_revoked")
    refused(post(client, "/entries", CRASH, X_ApiKey="k" * 5000), 403, "key_unknown")
    refused(client.post("/entries?apikey=%00%ff", data=CRASH), 403, "key_unknown")
    assert queued(broker, "crash") == []


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/entries", b"", 400, "not_json"),
        ("/entries", CRASH[:-3], 400, "not_json"),
        ("/entries", b"7", 400, "not_an_object"),
        ("/entries", b'"text"', 400, "not_an_object"),
        ("/entries", b'{"details": {}}', 400, "missing_field"),
        ("/entries", b'{"occurredOn": "x"}', 400, "missing_field"),
        ("/entries", b"[" * 5000 + b"]" * 5000, 400, "too_deep"),
        ("/entries", b'{"a":"' + bytes(1 << 20) + b'"}', 413, "event_too_large"),
        ("/entries", bytes((16 << 20) + 1), 413, "body_too_large"),
        ("/entries/bulk", b"[]", 400, "no_events"),
        ("/entries/bulk", b"[1]", 400, "not_an_object"),
        ("/entries/bulk", CRASH, 400, "not_an_array"),
        ("/entries/bulk", b"[[], {}]", 400, "not_an_object"),
        ("/events", b"{}", 400, "missing_field"),
        ("/events", b'{"eventData": [null]}', 400, "not_an_object"),
    ],
)
def test_bodies_that_are_no_event(
    client: FlaskClient, broker: redis.Redis, path: str, body: bytes, status: int, code: str
) -> None:
    refused(post(client, path, body), status, code)
    assert queued(broker, "crash") == queued(broker, "rum") == []


def test_bulk_of_only_too_large_items_is_413(client: FlaskClient) -> None:
    large = b'{"occurredOn":"x","details":{},"a":"' + b"a" * (1 << 20) + b'"}'
    refused(post(client, "/entries/bulk", b"[" + large + b"]"), 413, "event_too_large")
    refused(post(client, "/entries/bulk", b"[" + large + b",{}]"), 400, "missing_field")


def test_a_bomb_and_a_broken_stream(client: FlaskClient) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    refused(post(client, "/entries", bomb, Content_Encoding="gzip"), 413, "body_too_large")
    refused(post(client, "/entries", bomb[:100], Content_Encoding="gzip"), 400, "bad_encoding")
    refused(post(client, "/entries", CRASH, Content_Encoding="zstd"), 400, "bad_encoding")


def test_unknown_paths_and_wrong_methods(client: FlaskClient) -> None:
    refused(post(client, "/nowhere", CRASH), 404, "not_found")
    refused(client.get("/entries"), 405, "method_not_allowed")
    refused(client.delete("/relay/events"), 405, "method_not_allowed")
    refused(client.put("/entries/bulk"), 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/entries", "/entries/bulk", "/events", "/ping", "/nowhere"])
def test_preflight(client: FlaskClient, path: str) -> None:
    asked = {
        "Origin": "http://shop.example.test:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-Remote-Address, x-more, bad name, bad\u00ff",
    }
    answer = client.options(path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == asked["Origin"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert allowed == ["content-type", "x-apikey", "x-remote-address", "x-more"]


def test_origins_are_echoed_and_credentials_are_for_ingest_only(client: FlaskClient) -> None:
    origin = "https://shop.example.test"
    accepted = post(client, "/entries", CRASH, Origin=origin)
    assert accepted.headers["Access-Control-Allow-Origin"] == origin
    assert accepted.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Sluice-Event-Id" in accepted.headers["Access-Control-Expose-Headers"]
    page = client.get("/login", headers={"Origin": origin})
    assert page.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in page.headers
    assert post(client, "/entries", CRASH).headers["Access-Control-Allow-Origin"] == "*"


def test_a_broker_that_is_away_costs_the_sender_nothing(
    made: Settings, client: FlaskClient, broker: redis.Redis
) -> None:
    alone = _client(replace(made, redis_url=Secret(f"redis://{NOWHERE}/0")))
    bodies = [json.dumps([json.loads(CRASH)] * 3).encode(), b"[" + CRASH + b"]"]
    ids = [post(alone, "/entries/bulk", body).headers["Sluice-Event-Ids"] for body in bodies]
    _opened.pop().outbox.close()
    post(client, "/entries", CRASH)  # another process, whose broker is there
    deadline = time.monotonic() + 20
    while len(found := queued(broker, "crash")) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert {str(e.id) for e in found} >= set(",".join(ids).split(","))
    assert len(found) == 5


def test_neither_broker_nor_spool_is_a_503(made: Settings) -> None:
    away = replace(made, redis_url=Secret(f"redis://{NOWHERE}/0"), spool_max_bytes=0)
    answer = post(_client(away), "/entries", CRASH)
    refused(answer, 503, "spool_full")
    assert int(answer.headers["Retry-After"]) > 0


def test_postgresql_away_is_a_503_and_never_a_403(made: Settings, tmp_path: Path) -> None:
    away = Secret(f"postgresql://postgres@{NOWHERE}/x")
    client = _client(replace(made, postgres_dsn=away, home=tmp_path))
    for key in ("never seen", "wrong"):
        answer = post(client, "/entries", CRASH, X_ApiKey=key)
        refused(answer, 503, "cannot_decide")
        assert int(answer.headers["Retry-After"]) > 0


def test_two_equal_bodies_are_two_events(client: FlaskClient, broker: redis.Redis) -> None:
    ids = {post(client, "/entries", CRASH).headers["Sluice-Event-Id"] for _ in range(2)}
    assert {str(e.id) for e in queued(broker, "crash")} == ids
    assert len(ids) == 2
