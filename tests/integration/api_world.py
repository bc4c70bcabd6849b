"""A world to read back from: events put into the real stores by the storage layer itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.factory import create_app
from app.stores import Stores, open_stores
from broker.connection import connect
from config.settings import Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.registry import event_type
from storage.model import DeadLetter
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Group
from storage.sql.migrate import migrate

TOKEN = "test-token-0123456789abcdef"

#: Arguments that an endpoint cannot do without, by its rule.
NEEDED = {
    "/projects/<path:project>/rum/page": {"page": "/"},
    "/metrics/<path:metric>": {"project": "shop"},
    "/projects/<path:project>/user": {"user": "ann@example.com"},
    "/projects/<path:project>/user/export": {"user": "ann@example.com"},
}

HOSTILE = "<script>alert(1)</script> \x00 \u202e reversed \ud800"


def crash(message: str = "boom", class_name: str = "ValueError", **details: Any) -> bytes:
    """A crash as Raygun's node SDK shapes it."""
    body = {
        "occurredOn": "2026-11-22T22:35:07.088Z",
        "details": {
            "client": {"name": "raygun-node", "version": "2.2.8"},
            "version": "1.2.3",
            "error": {
                "className": class_name,
                "message": message,
                "stackTrace": [
                    {"fileName": "/app/cart.js", "lineNumber": 7, "methodName": "total"},
                    {"fileName": "/app/main.js", "lineNumber": 3, "methodName": "run"},
                ],
            },
            "user": {"identifier": "ann@example.com"},
            "tags": ["red", "blue"],
            "userCustomData": {"basket": {"items": 3}},
            **details,
        },
    }
    return json.dumps(body).encode()


def wait_until(probe: Callable[[], Any], seconds: float = 15.0) -> Any:
    """What ``probe`` gives once it is truthy; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while not (seen := probe()):
        assert time.monotonic() < deadline, "nothing seen before the deadline"
        time.sleep(0.05)
    return seen


@dataclass
class World:
    stores: Stores
    client: FlaskClient
    keys: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def add_project(self, name: str) -> None:
        project, key = self.stores.projects.create(name)
        self.keys[name] = key
        self.numbers[name] = project.id

    def envelopes(
        self, bodies: Sequence[bytes], project: str, kind: str = "crash"
    ) -> list[Envelope]:
        protocol = {
            "crash": "raygun.entry",
            "rum": "raygun.rum",
            "trace": "otlp.traces.proto",
            "metric": "otlp.metrics.proto",
        }[kind]
        return [
            Envelope(new_id(now_ms()), self.numbers[project], kind, protocol, body)
            for body in bodies
        ]

    def accept(self, envelopes: Sequence[Envelope]) -> None:
        self.stores.broker.publish(envelopes[0].type, new_id(now_ms()), envelopes)

    def store(self, envelopes: Sequence[Envelope], *, searched: bool = True) -> list[UUID]:
        """Take events through the three stages, as the workers do."""
        kind = envelopes[0].type
        pack, locations = self.stores.files.write_pack(envelopes, new_id(now_ms()))
        records = [event_type(kind).normalise(envelope) for envelope in envelopes]
        items = [
            (record, envelope.protocol, locations[envelope.id])
            for record, envelope in zip(records, envelopes, strict=True)
        ]
        self.stores.packs.store(pack, datetime.now(UTC), items)
        if searched:
            assert self.stores.search.index(kind, records) == []
            self.stores.packs.mark_searched(pack.id, datetime.now(UTC))
        return [envelope.id for envelope in envelopes]

    def seed(self, bodies: Sequence[bytes], project: str, kind: str = "crash") -> list[UUID]:
        """Accept and store events; their ids in order."""
        envelopes = self.envelopes(bodies, project, kind)
        self.accept(envelopes)
        return self.store(envelopes)

    def kill(self, envelope: Envelope, stage: str = "sql") -> DeadLetter:
        """Dead-letter an event that reached no pack."""
        letter = DeadLetter(
            event_id=envelope.id,
            project_id=envelope.project_id,
            type=envelope.type,
            stage=stage,
            protocol=envelope.protocol,
            code="malformed",
            reason="made so by a test",
            traceback="Traceback …",
            attempts=3,
            at=datetime.now(UTC),
            location=None,
            payload=envelope.body,
        )
        assert self.stores.dead_letters.add([letter]) == 1
        return letter

    def groups(self, project: str) -> list[Group]:
        """The groups of a project, as the store lists them."""
        wanted = GroupFilter(datetime.now(UTC), self.numbers[project])
        return list(self.stores.groups.list(wanted).items)

    def get(self, path: str, *, token: str | None = TOKEN, **headers: str) -> TestResponse:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers=named)

    def json(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.get_json()


@contextmanager
def open_world(settings: Settings) -> Iterator[World]:
    """Projects ``shop`` and ``blog``, a token, and the application's client."""
    migrate(settings.postgres_dsn)
    stores = open_stores(settings)
    stores.files.ensure_bucket()
    stores.search.ensure_schema()
    if stores.tokens.verify(TOKEN) is None:
        stores.tokens.create("test", TOKEN)
    world = World(stores, create_app(settings, stores).test_client())
    for name in ("shop", "blog"):
        world.add_project(name)
    try:
        yield world
    finally:
        stores.search.close()
        stores.database.close()


def flush_broker(world: World) -> None:
    """Empty the broker."""
    with connect(world.stores.settings.redis_url, timeout=5) as client:
        client.flushdb()
