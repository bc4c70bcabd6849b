"""A pipeline on the real servers for tests that damage it: a worker, and eyes on each store."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg2 import sql

from broker.client import Broker
from config.policy import QUEUES
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.files.store import FileStore
from storage.ledger import Ledger, balance
from storage.search.names import index_name
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.ledger import Settled
from storage.sql.migrate import migrate
from storage.sql.projects import Projects

ROOT = Path(__file__).parents[2]
CELERY = [sys.executable, "-m", "celery", "--app", "tasks.worker:app"]
WORKER = [*CELERY, "worker", "--without-gossip", "--without-mingle"]
_TABLES = (
    "projects, packs, crash_events, rum_events, groups, group_users, dead_letters, ledger,"
    " repairs, rebuilds, tombstones, sdk_ids, repeated_events, mentions, spare_copies,"
    " doomed_packs, merges, erasures, gone_packs, quarantined_packs, compaction_totals,"
    " group_hours, group_versions, group_history, group_numbers, releases,"
    " discarded_fingerprints, triage_actions"
)


def wait_until(condition: Callable[[], Any], timeout: float = 120) -> Any:
    """What the condition gives once it is truthy; fails at the deadline."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


def crash(number: int, mark: str = "", line: str = "pay") -> bytes:
    """A crash; those of the same ``line`` are one group, with three users."""
    report = {
        "occurredOn": "2026-11-01T10:00:00Z",
        "details": {
            "error": {
                "className": "ShopError",
                "message": f"order {number} failed {mark}",
                "stackTrace": [{"className": "shop", "methodName": line, "lineNumber": 7}],
            },
            "user": {"identifier": f"user-{number % 3}"},
        },
    }
    return json.dumps(report).encode()


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The settings as a process of its own reads them."""
    values = {name: getattr(settings, name) for name in Settings.__slots__}
    text = {
        f"SLUICE_{name.upper()}": value.reveal() if isinstance(value, Secret) else str(value)
        for name, value in values.items()
    }
    return {**os.environ, **text, **more}


@dataclass
class Pipeline:
    """Publishes events, and reads what became of them."""

    settings: Settings
    broker: Broker
    database: Database
    project_id: int

    def publish(self, bodies: Sequence[bytes], *, at_ms: int | None = None) -> list[UUID]:
        at = now_ms() if at_ms is None else at_ms
        envelopes = [
            Envelope(new_id(at), self.project_id, "crash", "raygun.entry", body) for body in bodies
        ]
        self.broker.publish("crash", new_id(now_ms()), envelopes)
        return [envelope.id for envelope in envelopes]

    def ledger(self, minutes: int = 60) -> Ledger:
        last = now_ms() // 60_000
        settled = Settled(self.database).minutes(None, last - minutes, last)
        return balance(self.broker.accepted(last - minutes, last), settled, now_ms())

    def settle(self) -> Ledger:
        """Wait until nothing is in flight, in the ledger nor, counted apart, in the broker."""
        wait_until(lambda: self.ledger().totals.in_flight == 0)
        wait_until(lambda: all(q.ready + q.reserved == 0 for q in self.broker.queues()))
        return self.ledger()

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.database.transaction() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def rows(self) -> set[UUID]:
        return {row[0] for row in self.query("SELECT id FROM crash_events")}

    def groups(self) -> dict[str, tuple[int, int]]:
        """Events and users of each group, by its culprit."""
        found = self.query("SELECT culprit, count, users FROM groups")
        return {culprit: (events, users) for culprit, events, users in found}

    def documents(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the events are there by id."""
        return SearchStore(self.settings).present("crash", ids)

    def search_count(self) -> int:
        """Documents that readers see, each time an event is in an index."""
        client = SearchStore(self.settings)._client
        name = f"{self.settings.search_prefix}-crash"
        client.indices.refresh(index=name, ignore_unavailable=True)
        return int(client.count(index=name, ignore_unavailable=True)["count"])

    def forget_documents(self, ids: Sequence[UUID]) -> None:
        client = SearchStore(self.settings)._client
        for event_id in ids:
            name = index_name(self.settings.search_prefix, "crash", event_id)
            client.delete(index=name, id=str(event_id))

    def forget_rows(self, ids: Sequence[UUID]) -> None:
        for event_id in ids:
            self.query("DELETE FROM crash_events WHERE id = %s", event_id)

    def sluice(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command line on these stores."""
        return subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            cwd=ROOT,
            env=environment(self.settings, **more),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """The command line, not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "ops", *arguments],
            cwd=ROOT,
            env=environment(self.settings, **more),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def _empty_bucket(settings: Settings) -> None:
    bucket = FileStore(settings)._bucket
    for key, _ in list(bucket.list("")):
        bucket._client.delete_object(Bucket=bucket.name, Key=key)


def _empty_search(settings: Settings) -> None:
    client = SearchStore(settings)._client
    for name in client.indices.get(index=f"{settings.search_prefix}*", ignore_unavailable=True):
        client.indices.delete(index=name)


@contextlib.contextmanager
def open_pipeline(settings: Settings) -> Iterator[Pipeline]:
    """An empty pipeline without a worker."""
    migrate(settings.postgres_dsn)
    SearchStore(settings).ensure_schema()
    FileStore(settings).ensure_bucket()
    broker = Broker(settings.redis_url, timeout=5)
    broker._client.flushdb()
    database = Database(settings.postgres_dsn, timeout=60)
    with database.transaction() as cursor:
        cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(_TABLES)))
    _empty_bucket(settings)
    _empty_search(settings)
    project, _ = Projects(database).create(f"shop-{new_id(now_ms())}")
    yield Pipeline(settings, broker, database, project.id)
    database.close()


@contextlib.contextmanager
def working(
    settings: Settings, *options: str, queues: Sequence[str] = tuple(QUEUES)
) -> Iterator[int]:
    """A worker on these queues, ended after; gives its process id."""
    process = subprocess.Popen(
        [*WORKER, "--concurrency", "2", "--queues", ",".join(queues), *options],
        cwd=ROOT,
        env=environment(settings, SLUICE_LEASE_SECONDS="2"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
