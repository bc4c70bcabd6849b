"""Pressure and pauses through HTTP, the command line and a worker, on real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from app.api import answers
from app.api.routes import PREFIX
from app.factory import create_app
from app.ingest.opening import open_ingest
from app.stores import open_stores
from broker.client import Broker
from broker.pauses import Pauses
from config.policy import ALL_QUEUES, QUEUES
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from ops.__main__ import main
from storage.errors import StoreDown
from storage.sql.audit import Audit
from tests.integration.api_world import TOKEN, World, crash
from tests.integration.test_ingest_commit import OwnBroker, own

__all__ = ["own"]

ROOT = Path(__file__).parents[2]
SESSION = b'{"eventData": [{"type": "session_start"}, {"type": "session_end"}]}'


def wait_until(condition: Callable[[], Any], timeout: float = 90) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


@pytest.fixture(autouse=True)
def _empty_broker(module_settings: Settings) -> None:
    with redis.Redis.from_url(module_settings.redis_url.reveal()) as client:
        client.flushdb()


def post(world: World, path: str, body: object = None, token: str | None = TOKEN) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return world.client.post(f"{PREFIX}/queues/{path}", data=data, headers=headers)


def queues(world: World) -> dict[str, dict[str, Any]]:
    page = world.json(f"{PREFIX}/queues")
    assert answers.page_of(answers.Queue)().validate(page) == {}
    return {item["queue"]: item for item in page["items"]}


class TestApi:
    def test_every_queue_with_what_waits_in_it(self, world: World) -> None:
        world.accept(world.envelopes([crash()] * 3, "shop"))
        found = queues(world)
        assert list(found) == list(ALL_QUEUES)
        assert (found["crash.files"]["ready"], found["crash.files"]["events"]) == (1, 3)
        assert found["crash.files"]["oldest_age_seconds"] >= 0
        assert found["rum.files"]["oldest_age_seconds"] is None
        assert not any(item["paused"] or item["pause"] for item in found.values())

    def test_pause_and_resume(self, world: World) -> None:
        answer = post(world, "crash.sql/pause", {"reason": "vacuum"})
        assert answer.status_code == 200
        why = answer.get_json()["pause"]
        assert (why["kind"], why["seconds_left"]) == ("operator", None)
        assert "vacuum" in why["reason"]
        assert "(test, " in why["reason"]
        assert [name for name, item in queues(world).items() if item["paused"]] == ["crash.sql"]
        answer = post(world, "crash.sql/resume")
        assert (answer.status_code, answer.get_json()["paused"]) == (200, False)
        assert answer.get_json()["amnesty_seconds"] == 0

    def test_accepting_dead_letters(self, world: World) -> None:
        answer = post(world, "crash.sql/resume", {"accept_dead_letters": True})
        assert 0 < answer.get_json()["amnesty_seconds"] <= 600

    def test_both_are_audited_with_who_and_what(self, world: World) -> None:
        post(world, "rum.sql/pause", {"reason": "why not"})
        post(world, "rum.sql/resume", {"accept_dead_letters": True})
        resumed, paused = Audit(world.stores.database).list("rum.sql").items
        assert (paused.actor, paused.action) == ("test", "pause_queue")
        assert paused.detail == {"reason": "why not"}
        assert (resumed.actor, resumed.action) == ("test", "resume_queue")
        assert resumed.detail["accept_dead_letters"] is True
        assert "why not" in resumed.detail["was"]

    def test_a_queue_that_is_none_is_404_and_told_the_others(self, world: World) -> None:
        for path in ("nix/pause", "crash.%2A/pause", "celery/resume"):
            answer = post(world, path)
            assert (answer.status_code, answer.get_json()["error"]["code"]) == (
                404,
                "queue_not_found",
            )
            assert "crash.search" in answer.get_json()["error"]["message"]

    @pytest.mark.parametrize(
        ("path", "body", "code"),
        [
            ("crash.sql/pause", b"{", "not_json"),
            ("crash.sql/pause", b"[]", "not_an_object"),
            ("crash.sql/pause", {"reason": 7}, "bad_argument"),
            ("crash.sql/pause", {"reason": "x" * 301}, "bad_argument"),
            ("crash.sql/pause", {"why": "x"}, "bad_argument"),
            ("crash.sql/pause?reason=x", None, "bad_argument"),
            ("crash.sql/resume", {"accept_dead_letters": "yes"}, "bad_argument"),
        ],
    )
    def test_what_is_not_understood_changes_nothing(
        self, world: World, path: str, body: object, code: str
    ) -> None:
        answer = post(world, path, body)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, code)
        assert not queues(world)["crash.sql"]["paused"]

    def test_only_with_a_token_and_only_by_post(self, world: World) -> None:
        for token, code in ((None, "token_missing"), ("wrong", "token_unknown")):
            answer = post(world, "crash.sql/pause", token=token)
            assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, code)
        assert world.get(f"{PREFIX}/queues", token=None).status_code == 401
        assert world.get(f"{PREFIX}/queues/crash.sql/pause").status_code == 405
        assert not queues(world)["crash.sql"]["paused"]

    def test_a_broker_that_is_away_is_a_503(self, world: World) -> None:
        gone = replace(world.stores.settings, redis_url=Secret("redis://127.0.0.1:1/0"))
        away = World(open_stores(gone), create_app(gone, open_stores(gone)).test_client())
        answers_ = [post(away, "crash.sql/pause"), away.get(f"{PREFIX}/queues")]
        assert [a.status_code for a in answers_] == [503, 503]
        assert {a.get_json()["error"]["code"] for a in answers_} == {"store_down"}

    def test_metrics_tell_why_but_no_address(self, world: World) -> None:
        post(world, "crash.sql/pause", {"reason": "vac\nuum"})
        pauses = world.stores.broker._client
        pauses.set("pause:rum.sql", "sql: no answer from 10.0.0.7", px=60_000)
        text = world.get("/metrics", token=None).text
        assert 'sluice_queue_paused{queue="crash.sql"} 1.0' in text
        assert 'sluice_queue_paused{queue="crash.files"} 0.0' in text
        assert 'sluice_queue_pause{kind="operator",queue="crash.sql",reason="operator: vac' in text
        assert 'kind="outage",queue="rum.sql",reason="outage: sql"' in text
        assert "10.0.0.7" not in text


class TestCommand:
    @pytest.fixture
    def run(
        self, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> Callable[..., Result]:
        settings = world.stores.settings
        monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
        monkeypatch.setenv("SLUICE_REDIS_URL", settings.redis_url.reveal())
        monkeypatch.setenv("SLUICE_POSTGRES_DSN", settings.postgres_dsn.reveal())
        return lambda *arguments: CliRunner().invoke(main, ["queue", *arguments])

    def test_globs_pause_and_resume(self, world: World, run: Callable[..., Result]) -> None:
        done = run("pause", "crash.*", "rum.sql", "--reason", "moving house")
        assert done.exit_code == 0
        names = ("crash.files", "crash.sql", "crash.search", "rum.sql")
        assert done.output.splitlines() == [f"paused {name}" for name in names]
        table = run("list").output
        assert "moving house" in table
        listed = json.loads(run("list", "--json").output)["items"]
        assert tuple(i["queue"] for i in listed if i["paused"]) == (*names[:3], "rum.sql")
        assert answers.Queue(many=True).validate(listed) == {}
        assert "rum.files was not paused" in run("resume", "*").output
        assert not any(item["paused"] for item in queues(world).values())

    def test_the_audit_names_the_user(self, world: World, run: Callable[..., Result]) -> None:
        run("pause", "rum.search")
        run("resume", "rum.search", "--accept-dead-letters")
        entries = Audit(world.stores.database).list("rum.search").items[:2]
        assert [entry.action for entry in entries] == ["resume_queue", "pause_queue"]
        assert all(entry.actor.startswith("cli:") for entry in entries)
        assert queues(world)["rum.search"]["amnesty_seconds"] > 0

    def test_wrong_usage_lists_the_queues(self, run: Callable[..., Result]) -> None:
        for arguments in (["pause", "nix.*"], ["resume", "crash.*", "celery"], ["pause"]):
            done = run(*arguments)
            assert done.exit_code == 2
            assert "crash.search" in done.output or "Missing argument" in done.output
        assert run("pause", "*", "--reason", "x" * 301).exit_code == 2
        assert not any(i["paused"] for i in json.loads(run("list", "--json").output)["items"])

    def test_without_postgresql_it_works_and_says_what_is_missing(
        self, run: Callable[..., Result], world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLUICE_POSTGRES_DSN", "postgresql://postgres@127.0.0.1:1/x")
        done = run("pause", "rum.files")
        assert done.exit_code == 0
        assert "not in the audit" in done.output
        assert queues(world)["rum.files"]["paused"]

    def test_without_a_broker_it_fails_in_a_sentence(
        self, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLUICE_REDIS_URL", "redis://127.0.0.1:1/0")
        for arguments in (["list"], ["pause", "*"], ["resume", "*"]):
            done = run(*arguments)
            assert done.exit_code == 1
            assert done.output.startswith("Error: broker")


class TestShedding:
    """Ingest with low limits over a broker that really holds a backlog."""

    @pytest.fixture
    def client(self, world: World) -> Iterator[FlaskClient]:
        limits = replace(world.stores.settings, shed_events=1000, shed_age_seconds=600.0)
        stores = open_stores(limits)
        ingest = open_ingest(stores)
        yield create_app(limits, stores, ingest).test_client()
        ingest.close()  # what it refused counts now, not in the midst of the next test

    def send(self, world: World, client: FlaskClient, path: str, **headers: str) -> Any:
        body = SESSION if path == "/events" else crash()
        sent = {
            "X-ApiKey": world.keys["shop"],
            **{n.replace("_", "-"): v for n, v in headers.items()},
        }
        return client.post(path, data=body, headers=sent)

    def status(self, world: World, client: FlaskClient, path: str, **headers: str) -> int:
        found: int = self.send(world, client, path, **headers).status_code
        return found

    def backlog(self, world: World, kind: str, events: int, age_seconds: int = 0) -> None:
        at = now_ms() - age_seconds * 1000
        number = world.numbers["shop"]
        batch = [Envelope(new_id(at), number, kind, "raygun.entry", b"{}")] * events
        world.stores.broker.publish(kind, new_id(now_ms()), batch)

    def test_under_the_limits_all_is_accepted(self, world: World, client: FlaskClient) -> None:
        self.backlog(world, "crash", 400)
        self.backlog(world, "rum", 400)
        for _ in range(3):
            assert self.status(world, client, "/entries") == 202
            assert self.status(world, client, "/events") == 202

    def test_rum_is_shed_before_crashes_and_taken_again_after(
        self, world: World, client: FlaskClient
    ) -> None:
        self.backlog(world, "crash", 700)
        wait_until(lambda: self.status(world, client, "/events") == 503)
        assert self.status(world, client, "/entries") == 202
        self.backlog(world, "crash", 700)
        wait_until(lambda: self.status(world, client, "/entries") == 503)
        world.stores.broker._client.flushdb()
        wait_until(lambda: self.status(world, client, "/entries") == 202)
        wait_until(lambda: self.status(world, client, "/events") == 202)

    def test_age_sheds_too(self, world: World, client: FlaskClient) -> None:
        self.backlog(world, "rum", 1, age_seconds=400)
        wait_until(lambda: self.status(world, client, "/events") == 503)
        assert self.status(world, client, "/entries") == 202

    def test_the_answer_suits_the_sdk(self, world: World, client: FlaskClient) -> None:
        self.backlog(world, "rum", 501)
        wait_until(lambda: self.status(world, client, "/events") == 503)
        assert self.status(world, client, "/events", User_Agent="okhttp/4.12") == 429
        answer = self.send(world, client, "/events", Origin="http://shop.example.test")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.get_json()["error"]["code"] == "overloaded"
        assert answer.headers["Access-Control-Allow-Origin"] == "http://shop.example.test"
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]

    def test_what_is_no_event_or_has_no_key_hears_that_instead(
        self, world: World, client: FlaskClient
    ) -> None:
        self.backlog(world, "rum", 501)
        wait_until(lambda: self.status(world, client, "/events") == 503)
        assert client.post("/events", data=SESSION).status_code == 403
        key = {"X-ApiKey": world.keys["shop"]}
        assert client.post("/events", data=b"{}", headers=key).status_code == 400

    def test_every_refused_event_is_counted_and_none_is_queued(
        self, world: World, client: FlaskClient
    ) -> None:
        self.backlog(world, "rum", 501)
        wait_until(lambda: self.status(world, client, "/events") == 503)
        broker, counter = world.stores.broker, "refused:rum:overloaded"
        wait_until(lambda: broker.totals().get(counter) == 2)
        accepted = broker.totals()["accepted"]
        for _ in range(4):
            assert self.status(world, client, "/events") == 503
        wait_until(lambda: broker.totals()[counter] == 10)
        assert broker.totals()["accepted"] == accepted
        text = world.get("/metrics", token=None).text
        assert 'sluice_events_refused_total{code="overloaded",type="rum"} 10.0' in text

    def test_a_backlog_of_a_million_is_no_pressure_by_default(self, world: World) -> None:
        client = create_app(world.stores.settings, world.stores).test_client()
        world.stores.broker._client.set("events:rum.files", 1_000_000)
        for _ in range(30):
            assert self.status(world, client, "/events") == 202
            time.sleep(0.1)


def test_a_broker_out_of_memory_still_obeys(own: OwnBroker) -> None:
    url = Secret(f"redis://127.0.0.1:{own.port}/0")
    pauses, broker = Pauses(url, timeout=10), Broker(url, timeout=10)
    with own.client() as client:
        client.set("ballast", b"x" * 2_000_000)
        client.config_set("maxmemory", "1mb")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("more", 1)
        with pytest.raises(StoreDown):
            broker.publish("crash", new_id(now_ms()), [Envelope(new_id(1), 1, "crash", "x", b"")])
        pauses.pause("crash.sql", "ann", "no memory")
        assert next(q for q in broker.queues() if q.queue == "crash.sql").paused
        pauses.resume("crash.sql")
        assert not any(q.paused for q in broker.queues())


class TestWorker:
    def test_a_paused_queue_waits_and_goes_on_when_it_is_resumed(self, world: World) -> None:
        broker = world.stores.broker
        assert post(world, "crash.sql/pause", {"reason": "by a test"}).status_code == 200
        with worker(world.stores.settings):
            answer = world.client.post(
                "/entries", data=crash(), headers={"X-ApiKey": world.keys["shop"]}
            )
            event_id = answer.headers["Sluice-Event-Id"]
            path = f"{PREFIX}/receipts/{event_id}"
            wait_until(lambda: queues(world)["crash.sql"]["ready"] == 1)
            time.sleep(3)  # longer than an outage's pause
            assert queues(world)["crash.sql"]["ready"] == 1
            assert world.json(path)["sql"] is None
            assert post(world, "crash.sql/resume").status_code == 200
            wait_until(lambda: world.json(path)["search"] is not None)
        assert sum(queue.events for queue in broker.queues()) == 0


@contextmanager
def worker(settings: Settings) -> Iterator[None]:
    values = {name: getattr(settings, name) for name in Settings.__slots__}
    environ = {
        f"SLUICE_{name.upper()}": value.reveal() if isinstance(value, Secret) else str(value)
        for name, value in values.items()
    }
    argv = [sys.executable, "-m", "celery", "--app", "tasks.worker:app", "worker"]
    argv += ["--pool", "solo", "--queues", ",".join(QUEUES), "--without-gossip"]
    with (Path(settings.home) / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            argv, cwd=ROOT, env={**os.environ, **environ}, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
