"""What operators read over HTTP: queues, pools, custody, receipts, dry runs; none of it changes."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.api import answers, operator_answers
from app.api.routes import PREFIX
from app.api.times import iso_minute
from app.factory import create_app
from app.stores import open_stores
from broker import keys
from broker.connection import connect
from broker.pools import PoolReport, Pools
from config.settings import Secret, Settings
from events.ids import id_minute, new_id, now_ms
from storage.sql.letter_filter import LetterFilter
from tests.integration.api_world import TOKEN, World, crash, flush_broker
from workbench import dry_run

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def empty_broker(world: World) -> None:
    """Queues of one's own; what earlier tests left in flight is then adrift in their projects."""
    flush_broker(world)


def send(world: World, method: str, path: str, body: object = None) -> TestResponse:
    data = b"" if body is None else json.dumps(body).encode()
    return world.client.open(f"{PREFIX}{path}", method=method, data=data, headers=HEADERS)


def without(settings: Settings, store: str) -> World:
    """The web tier while a store refuses connections."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    change = {
        "broker": {"redis_url": Secret(f"redis://127.0.0.1:{port}/0")},
        "sql": {"postgres_dsn": Secret(f"postgresql://postgres@127.0.0.1:{port}/x")},
        "search": {"elasticsearch_url": Secret(f"http://127.0.0.1:{port}")},
    }[store]
    changed = replace(settings, **change)
    stores = open_stores(changed)
    return World(stores, create_app(changed, stores).test_client())


class TestOperations:
    def test_all_at_a_glance(self, world: World, project: str) -> None:
        world.accept(world.envelopes([crash()] * 3, project))
        found = world.json(f"{PREFIX}/operations")
        assert operator_answers.Operations().validate(found) == {}
        assert all(store["ok"] for store in found["stores"].values())
        assert found["events_waiting"] == 3
        assert found["unattended_queues"] == ["crash.files"]
        assert (found["pools_running"], found["pools_missing"]) == (0, 0)
        assert found["oldest_age_seconds"] >= 0

    def test_without_the_broker_what_it_knows_is_unknown(
        self, world: World, module_settings: Settings
    ) -> None:
        sick = without(module_settings, "broker")
        found = sick.json(f"{PREFIX}/operations")
        assert found["stores"]["broker"]["ok"] is False
        for name in ("events_waiting", "pools_running", "unexplained", "oldest_age_seconds"):
            assert found[name] is None, name
        assert found["dead_letters"] is not None

    def test_without_search_the_rest_is_known(
        self, world: World, module_settings: Settings
    ) -> None:
        found = without(module_settings, "search").json(f"{PREFIX}/operations")
        assert found["stores"]["search"]["ok"] is False
        assert found["events_waiting"] == 0


class TestQueues:
    def test_one_queue_with_its_flow_and_messages(self, world: World, project: str) -> None:
        sent = world.envelopes([crash()] * 3, project)
        world.accept(sent)
        found = world.json(f"{PREFIX}/queues/crash.files")
        assert answers.QueueFlow().validate(found) == {}
        assert sum(one["into"] for one in found["slices"]) == 3
        assert (found["ready"], found["events"], found["known"]) == (1, 3, True)
        for _ in range(2):
            [message] = world.json(f"{PREFIX}/queues/crash.files/messages")["items"]
            assert operator_answers.Message().validate(message) == {}
            assert message["event_ids"] == [str(one.id) for one in sent]

    def test_one_that_nobody_knows_but_that_holds_messages(self, world: World) -> None:
        with connect(world.stores.settings.redis_url, timeout=5) as client:
            client.sadd(keys.SEEN_QUEUES, "logs.files")
            client.lpush("logs.files", b"{}")
        found = world.json(f"{PREFIX}/queues/logs.files")
        assert (found["known"], found["ready"], found["pools"]) == (False, 1, [])
        listed = world.json(f"{PREFIX}/queues")["items"]
        assert "logs.files" in {item["queue"] for item in listed}

    @pytest.mark.parametrize("path", ["/queues/nix", "/queues/nix/messages"])
    def test_one_that_is_none(self, world: World, path: str) -> None:
        answer = world.get(PREFIX + path)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "queue_not_found")


def test_pools(world: World) -> None:
    report = PoolReport(
        *("all@host", 7, "prefork", 4, ["crash.files"], "0.1.0", now_ms(), now_ms(), 1000)
    )
    Pools(world.stores.settings.redis_url, timeout=5).tell(report, started=True)
    [found] = world.json(f"{PREFIX}/pools")["items"]
    assert operator_answers.Pool().validate(found) == {}
    assert (found["name"], found["state"], found["busy"], found["size"]) == (
        *("all@host", "running"),
        *(0, 4),
    )


class TestCustody:
    def in_flight(self, world: World, project: str) -> list[dict[str, Any]]:
        found = world.json(f"{PREFIX}/ledger/custody")
        assert operator_answers.Custody().validate(found) == {}
        assert found["complete"] is True
        return [row for row in found["rows"] if row["project"] == project]

    def test_what_waits_in_a_queue_is_held_there(self, world: World, project: str) -> None:
        sent = world.envelopes([crash()] * 3, project)
        world.accept(sent)
        [row] = self.in_flight(world, project)
        assert (row["in_flight"], row["held"], row["unexplained"]) == (3, 3, 0)
        minute = world.json(f"{PREFIX}/ledger/minutes/{row['minute']}")
        assert operator_answers.Minute().validate(minute) == {}
        held = {one["event_id"]: one["where"] for one in minute["held"]}
        assert {held[str(one.id)] for one in sent} == {"queue crash.files"}

    def test_what_nobody_holds_is_unexplained(self, world: World, project: str) -> None:
        world.accept(world.envelopes([crash()] * 3, project))
        with connect(world.stores.settings.redis_url, timeout=5) as client:
            client.delete("crash.files")
        [row] = self.in_flight(world, project)
        assert (row["in_flight"], row["held"], row["unexplained"]) == (3, 0, 3)

    def test_what_has_its_row_and_no_message_is_adrift_with_its_ids(
        self, world: World, project: str
    ) -> None:
        sent = world.envelopes([crash()] * 2, project)
        world.accept(sent)
        with connect(world.stores.settings.redis_url, timeout=5) as client:
            client.delete("crash.files")
        world.store(sent, searched=False)
        minute = world.json(f"{PREFIX}/ledger/minutes/{iso_minute(id_minute(sent[0].id))}")
        adrift = {one["event_id"] for one in minute["adrift"] if one["project"] == project}
        assert adrift == {str(one.id) for one in sent}
        [row] = [row for row in minute["rows"] if row["project"] == project]
        assert row["unexplained"] == 2

    def test_what_was_stored_since_the_queues_were_read_is_held_too(
        self, world: World, project: str
    ) -> None:
        """Its message is seen, its row as well: it is on its way, and no loss."""
        sent = world.envelopes([crash()] * 2, project)
        world.accept(sent)
        world.store(sent, searched=False)
        [row] = self.in_flight(world, project)
        assert (row["in_flight"], row["unexplained"]) == (2, 0)

    def test_what_is_stored_or_dead_is_not_in_flight(self, world: World, project: str) -> None:
        sent = world.envelopes([crash()] * 3, project)
        world.accept(sent)
        world.store(sent[:2])
        world.kill(sent[2])
        assert self.in_flight(world, project) == []

    def test_more_than_can_be_looked_through_is_unknown(
        self, world: World, project: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.accept(world.envelopes([crash()], project))
        contents = world.stores.custody.contents
        real = contents.held
        monkeypatch.setattr(type(contents), "held", lambda _: (real()[0][:0], False))
        found = world.json(f"{PREFIX}/ledger/custody")
        assert (found["complete"], found["unexplained"]) == (False, None)
        assert found["why"]
        assert {row["unexplained"] for row in found["rows"]} == {None}

    @pytest.mark.parametrize("minute", ["nix", "0001-01-01", "9999-12-31T23:59:00Z", "%00"])
    def test_a_minute_that_is_none(self, world: World, minute: str) -> None:
        assert world.get(f"{PREFIX}/ledger/minutes/{minute}").status_code == 404


class TestReceipt:
    def receipt(self, world: World, event_id: UUID) -> dict[str, Any]:
        found: dict[str, Any] = world.json(f"{PREFIX}/receipts/{event_id}/full")
        assert operator_answers.FullReceipt().validate(found) == {}
        return found

    def test_waiting_in_a_queue(self, world: World, project: str) -> None:
        [sent] = world.envelopes([crash()], project)
        world.accept([sent])
        found = self.receipt(world, sent.id)
        assert (found["verdict"], found["queue"]) == ("on_its_way", "crash.files")
        assert found["project"] == project

    def test_stored(self, world: World, project: str) -> None:
        [event_id] = world.seed([crash()], project)
        found = self.receipt(world, event_id)
        assert (found["verdict"], found["project"], found["type"]) == ("stored", project, "crash")
        assert found["place"]["key"].endswith(".pack")
        assert found["place"]["length"] == len(crash())
        assert [step["stage"] for step in found["steps"]] == ["files", "sql", "search"]
        assert all(step["seconds"] >= 0 for step in found["steps"])

    def test_dead_and_discarded(self, world: World, project: str) -> None:
        [sent] = world.envelopes([crash()], project)
        world.accept([sent])
        world.kill(sent)
        found = self.receipt(world, sent.id)
        assert found["verdict"] == "dead"
        [step] = [one for one in found["steps"] if one["letter"]]
        assert (step["stage"], step["code"]) == ("sql", "malformed")
        send(world, "POST", f"/dead-letters/{step['letter']}/discard", {"reason": "no"})
        assert self.receipt(world, sent.id)["verdict"] == "discarded"

    def test_not_known_yet(self, world: World) -> None:
        assert self.receipt(world, new_id(now_ms()))["verdict"] == "waiting"

    def test_an_id_too_old_to_be_on_its_way(self, world: World) -> None:
        old = new_id(now_ms() - 2 * 86_400_000)
        assert world.get(f"{PREFIX}/receipts/{old}/full").status_code == 404

    def test_without_the_broker_it_says_what_it_could_not_ask(
        self, world: World, module_settings: Settings
    ) -> None:
        sick = without(module_settings, "broker")
        found = self.receipt(sick, new_id(now_ms()))
        assert found["broker_problem"]


class TestDryRun:
    def letter(self, world: World, project: str, body: bytes, **changes: Any) -> str:
        [sent] = world.envelopes([body], project)
        sent = replace(sent, **changes)
        world.accept([sent])
        world.kill(sent)
        wanted = LetterFilter(project)
        [letter] = world.stores.dead_letters.list(wanted).items
        return str(letter.id)

    def run(self, world: World, letter: str) -> dict[str, Any]:
        answer = send(world, "POST", f"/dead-letters/{letter}/dry-run")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        assert operator_answers.DryRun().validate(found) == {}
        return found

    def test_one_that_would_pass_leaves_nothing_behind(self, world: World, project: str) -> None:
        letter = self.letter(world, project, crash("boom", "OddError"))
        found = self.run(world, letter)
        assert [step["outcome"] for step in found["steps"]] == ["passed"] * 6
        assert found["would_pass"] is True
        assert found["record"]["class_name"] == "OddError"
        assert world.groups(project) == []
        assert self.receipt_verdict(world, letter) == "dead"

    def receipt_verdict(self, world: World, letter: str) -> str:
        found = world.json(f"{PREFIX}/dead-letters/{letter}")
        event = found["event_id"]
        return str(world.json(f"{PREFIX}/receipts/{event}/full")["verdict"])

    def test_one_that_would_die_again_says_of_what(self, world: World, project: str) -> None:
        found = self.run(world, self.letter(world, project, b'{"details": '))
        assert found["would_pass"] is False
        outcomes = {step["step"]: step["outcome"] for step in found["steps"]}
        assert outcomes["normalise"] == "failed"
        assert (outcomes["files"], outcomes["sql"]) == ("passed", "skipped")
        [failed] = [step for step in found["steps"] if step["outcome"] == "failed"]
        assert "not JSON" in failed["why"]
        assert "Traceback" in failed["traceback"]

    def test_an_edit_is_tried_in_place_of_the_original(self, world: World, project: str) -> None:
        letter = self.letter(world, project, b'{"details": ')
        answer = world.client.put(
            f"{PREFIX}/dead-letters/{letter}/payload", data=crash(), headers=HEADERS
        )
        assert answer.status_code == 200
        assert self.run(world, letter)["would_pass"] is True

    def test_one_that_takes_too_long_fails_where_it_stands(
        self, world: World, project: str
    ) -> None:
        letter = self.letter(world, project, crash())
        settings = world.stores.settings
        found = dry_run.dry_run(settings, UUID(letter), seconds=0.05)
        assert not found.would_pass
        assert "took longer" in str(next(s.why for s in found.steps if s.outcome == "failed"))

    def test_too_many_at_once_are_put_off(
        self, world: World, project: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        letter = self.letter(world, project, crash())
        monkeypatch.setattr(dry_run._places, "acquire", lambda **_: False)
        answer = send(world, "POST", f"/dead-letters/{letter}/dry-run")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")

    def test_one_that_is_none(self, world: World) -> None:
        answer = send(world, "POST", f"/dead-letters/{new_id(now_ms())}/dry-run")
        assert answer.status_code == 404


def test_a_replay_tells_why_and_what_became_of_its_letters(world: World, project: str) -> None:
    sent = world.envelopes([crash()] * 3, project)
    world.accept(sent)
    for envelope in sent:
        world.kill(envelope)
    asked = {"project": project, "why": "fixed in 1.2", "canary": 1}
    replay = send(world, "POST", "/replays", asked).get_json()
    assert replay["why"] == "fixed in 1.2"
    path = f"/replays/{replay['id']}/items"
    page = world.json(f"{PREFIX}{path}?limit=2")
    rest = world.json(f"{PREFIX}{path}?limit=2&cursor={page['next_cursor']}")
    items = [*page["items"], *rest["items"]]
    assert {item["event_id"] for item in items} == {str(one.id) for one in sent}
    waiting = world.json(f"{PREFIX}{path}?state=waiting")["items"]
    assert len(waiting) == 2  # all but the canary
    [mine] = world.json(f"{PREFIX}/dead-letters/{items[0]['letter_id']}/replays")["items"]
    assert mine["replay_id"] == replay["id"]
    assert world.get(f"{PREFIX}{path}?state=nix").status_code == 400
