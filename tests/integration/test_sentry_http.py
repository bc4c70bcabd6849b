"""Sentry's paths over the real broker and PostgreSQL: what is answered, and what is queued."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.factory import create_app
from app.stores import open_stores
from config.settings import Settings
from events.envelope import Envelope
from events.sentry.attachments import open_files
from events.sentry.dsn import dsn
from storage.sql.migrate import migrate
from storage.sql.projects import Project
from tests.integration.test_ingest_http import queued

ID = "0123456789abcdef0123456789abcdef"
EVENT = json.dumps({"event_id": ID, "message": "m"}).encode()
PIXEL = b"GIF89a"


@pytest.fixture(scope="module")
def project(module_settings: Settings) -> Project:
    migrate(module_settings.postgres_dsn)
    stores = open_stores(module_settings)
    made, _ = stores.projects.create("shop")
    stores.database.close()
    return made


@pytest.fixture(scope="module")
def client(module_settings: Settings, project: Project) -> Iterator[FlaskClient]:
    stores = open_stores(module_settings)
    yield create_app(module_settings, stores).test_client()
    stores.outbox.close()


@pytest.fixture
def broker(module_settings: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(module_settings.redis_url.reveal()) as client:
        client.flushdb()
        yield client


class Sender:
    """What an SDK of the project does."""

    def __init__(self, client: FlaskClient, project: Project) -> None:
        self._client = client
        self.project = project

    def post(self, path: str, body: bytes, **more: Any) -> TestResponse:
        headers = {"X-Sentry-Auth": f"Sentry sentry_key={self.project.public_key}"}
        address = f"/api/{self.project.id}/{path}/"
        return self._client.post(address, data=body, headers={**headers, **more})


@pytest.fixture
def sdk(client: FlaskClient, project: Project) -> Sender:
    return Sender(client, project)


def envelope(*items: tuple[dict[str, Any], bytes], **header: Any) -> bytes:
    lines = [json.dumps(header).encode()]
    for of_item, payload in items:
        lines += [json.dumps({**of_item, "length": len(payload)}).encode(), payload]
    return b"\n".join([*lines, b""])


def refused(answer: TestResponse, status: int, code: str) -> None:
    assert answer.status_code == status, answer.get_data()
    assert set(answer.json) == {"detail", "causes", "error"}
    assert answer.json["error"]["code"] == code
    assert answer.json["detail"] == answer.json["error"]["message"]
    assert answer.headers["X-Sentry-Error"]
    assert "X-Sentry-Error" in answer.headers["Access-Control-Expose-Headers"]


def the_event(broker: redis.Redis) -> Envelope:
    (found,) = queued(broker, "crash")
    return found


def test_an_event_is_queued_with_its_own_bytes(sdk: Sender, broker: redis.Redis) -> None:
    answer = sdk.post("envelope", envelope(({"type": "event"}, EVENT), event_id=ID))
    assert (answer.status_code, answer.json) == (200, {"id": ID})
    event = the_event(broker)
    assert answer.headers["Sluice-Event-Id"] == str(event.id)
    assert (event.project_id, event.protocol) == (sdk.project.id, "sentry.event")
    assert event.body == EVENT


def test_a_dsn_leads_here(client: FlaskClient, project: Project, broker: redis.Redis) -> None:
    assert project.public_key is not None
    address = dsn("http://localhost", project.public_key, project.id)
    body = envelope(({"type": "event"}, EVENT), dsn=address)
    answer = client.post(f"/api/{project.id}/envelope/", data=body)
    assert answer.status_code == 200
    assert the_event(broker).project_id == project.id


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (envelope(), {}),
        (envelope(event_id=ID), {"id": ID}),
        (envelope(({"type": "nobody_knows"}, b"x"), event_id=ID), {"id": ID}),
        (envelope(event_id="01234567-89AB-CDEF-0123-456789abcdef"), {"id": ID}),
        (envelope(event_id=7), {}),
    ],
)
def test_envelopes_with_nothing_for_us_are_accepted(
    sdk: Sender, broker: redis.Redis, body: bytes, told: dict[str, str]
) -> None:
    answer = sdk.post("envelope", body)
    assert (answer.status_code, answer.json) == (200, told)
    assert queued(broker, "crash") == []


def test_an_event_without_an_id_is_told_ours(sdk: Sender, broker: redis.Redis) -> None:
    answer = sdk.post("envelope", envelope(({"type": "event"}, b'{"message": "m"}')))
    assert answer.json == {"id": the_event(broker).id.hex}


def test_attachments_are_queued_with_their_event(sdk: Sender, broker: redis.Redis) -> None:
    log = b'line\n{"type":"event"}\n\xff\x00'
    items = ({"type": "event"}, EVENT), ({"type": "attachment", "filename": "a.log"}, log)
    assert sdk.post("envelope", envelope(*items)).status_code == 200
    opened = open_files(the_event(broker).body)
    assert (opened.protocol, opened.body) == ("sentry.event", EVENT)
    assert [(file.name, file.data) for file in opened.files] == [("a.log", log)]


@pytest.mark.parametrize(
    "body", [EVENT, base64.b64encode(EVENT), base64.b64encode(zlib.compress(EVENT))]
)
def test_the_older_endpoint(sdk: Sender, broker: redis.Redis, body: bytes) -> None:
    answer = sdk.post("store", body)
    assert (answer.status_code, answer.json) == (200, {"id": ID})
    assert the_event(broker).body == EVENT


def test_the_pixel(client: FlaskClient, project: Project, broker: redis.Redis) -> None:
    data = base64.b64encode(EVENT).decode().replace("+", "%2B").replace("=", "%3D")
    query = f"sentry_version=7&sentry_key={project.public_key}&sentry_data={data}"
    answer = client.get(f"/api/{project.id}/store/?{query}")
    assert (answer.status_code, answer.content_type) == (200, "image/gif")
    assert answer.data.startswith(PIXEL)
    assert the_event(broker).body == EVENT


def test_a_report_of_a_browser(client: FlaskClient, project: Project, broker: redis.Redis) -> None:
    body = b'{"csp-report": {"blocked-uri": "inline", "effective-directive": "script-src"}}'
    query = f"sentry_key={project.public_key}&sentry_release=shop%401&sentry_environment=prod"
    answer = client.post(
        f"/api/{project.id}/security/?{query}",
        data=body,
        headers={"Content-Type": "application/csp-report", "User-Agent": "Mozilla"},
    )
    assert answer.status_code == 200
    event = the_event(broker)
    header, _, payload = event.body.partition(b"\n")
    assert payload == body
    assert json.loads(header) == {
        "sentry_release": "shop@1",
        "sentry_environment": "prod",
        "user_agent": "Mozilla",
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("envelope", b"", 400, "bad_envelope"),
        ("envelope", envelope(({"type": "event"}, b"7")), 400, "not_an_object"),
        ("envelope", envelope(({"type": "event"}, b"{")), 400, "not_json"),
        ("envelope", b'{}\n{"type":"event","length":99}\nx', 400, "bad_item"),
        (
            "envelope",
            envelope(({"type": "event"}, b'"' + b"x" * (1 << 20) + b'"')),
            413,
            "event_too_large",
        ),
        ("envelope", b"\n" * (17 << 20), 413, "body_too_large"),
        ("envelope", envelope(dsn="https://other@h/1"), 400, "auth_mismatch"),
        ("store", b"%", 400, "bad_body"),
        ("store", b"[1]", 400, "not_an_object"),
        ("security", b"{}", 400, "bad_item"),
        ("minidump", b"x", 400, "bad_minidump"),
    ],
)
def test_what_cannot_be_understood_is_refused(
    sdk: Sender, broker: redis.Redis, path: str, body: bytes, status: int, code: str
) -> None:
    refused(sdk.post(path, body), status, code)
    assert queued(broker, "crash") == []


@pytest.mark.parametrize("path", ["envelope", "store", "security", "minidump"])
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "auth_missing"),
        ({"X-Sentry-Auth": "Sentry sentry_key=nobodys"}, 403, "key_unknown"),
        ({"X-Sentry-Auth": "Sentry sentry_version=7"}, 400, "auth_invalid"),
        (
            {"X-Sentry-Auth": "Sentry sentry_key=a", "Authorization": "Sentry sentry_key=a"},
            401,
            "auth_multiple",
        ),
    ],
)
def test_keys_that_open_nothing(
    client: FlaskClient, broker: redis.Redis, path: str, headers: Any, status: int, code: str
) -> None:
    refused(client.post(f"/api/1/{path}/", data=envelope(), headers=headers), status, code)
