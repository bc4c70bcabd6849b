"""Operators' commands: queues, pools, custody, receipts, dry runs, and real users' pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from broker.connection import connect
from broker.pools import Child, PoolReport, Pools
from config.settings import Settings
from events.ids import new_id, now_ms
from storage.sql.letter_filter import LetterFilter
from tests.contract import rum_samples as real
from tests.integration.api_world import World, crash, flush_broker, open_world
from tests.integration.commands import Command, parsed
from tests.integration.visits import crashed, visit


@pytest.fixture(scope="module")
def world(module_settings: Settings) -> Iterator[World]:
    """A shop with a visit that crashed."""
    with open_world(module_settings) as world:
        visit(world, [real.start(), real.view("/cart", 900.0), real.view("/product/7", 600.0)])
        crashed(world, "/cart", 12)
        yield world


class TestQueues:
    def test_list_and_one_with_its_messages(self, world: World, project: str, run: Command) -> None:
        flush_broker(world)
        sent = world.envelopes([crash()] * 2, project)
        world.accept(sent)
        listed = {one["queue"]: one for one in parsed(run("queue", "list", "--json"))["items"]}
        assert (listed["crash.files"]["events"], listed["crash.files"]["pools"]) == (2, [])
        assert "nobody" in run("queue", "list").output
        shown = parsed(run("queue", "show", "crash.files", "--json"))
        [message] = shown["messages"]
        assert message["event_ids"] == [str(one.id) for one in sent]
        assert str(sent[0].id) in run("queue", "show", "crash.files").output

    def test_one_that_is_none(self, world: World, run: Command) -> None:
        refused = run("queue", "show", "nix")
        assert (refused.exit_code, "nix" in refused.output) == (1, True)


def test_pools(world: World, run: Command) -> None:
    child = Child(8, 1 << 20, "files", "crash.files", 250, now_ms())
    report = PoolReport(
        *("all@host", 7, "prefork", 2, ["crash.files"], "0.1.0", now_ms(), now_ms(), 1 << 20),
        children=[child],
    )
    Pools(world.stores.settings.redis_url, timeout=5).tell(report, started=True)
    [pool] = parsed(run("pools", "--json"))["items"]
    assert (pool["name"], pool["busy"], pool["state"]) == ("all@host", 1, "running")
    shown = run("pools").output
    assert "1 of 2" in shown
    assert "2 MiB" in shown
    assert "crash.files: 250 events" in shown


class TestCustody:
    def test_events_that_are_held_and_events_that_are_not(
        self, world: World, project: str, run: Command
    ) -> None:
        flush_broker(world)
        sent = world.envelopes([crash()] * 2, project)
        world.accept(sent)
        found = parsed(run("custody", "--json"))
        assert (found["in_flight"], found["unexplained"], found["complete"]) == (2, 0, True)
        minute = sent[0].id.int >> 80
        at = datetime.fromtimestamp(minute / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
        looked = parsed(run("custody", "--minute", at, "--json"))
        assert {one["event_id"] for one in looked["samples"]} >= {str(sent[0].id)}
        assert str(sent[0].id) in run("custody", "--minute", at).output
        with connect(world.stores.settings.redis_url, timeout=5) as client:
            client.delete("crash.files")
        lost = run("custody")
        assert lost.exit_code == 1
        assert "2 events in flight are held by nobody" in lost.output


class TestReceipt:
    def test_a_stored_event(self, world: World, project: str, run: Command) -> None:
        [event_id] = world.seed([crash()], project)
        found = parsed(run("receipt", str(event_id), "--json"))
        assert (found["verdict"], found["project"]) == ("stored", project)
        assert "stored" in run("receipt", str(event_id)).output

    def test_one_that_nobody_knows(self, world: World, run: Command) -> None:
        refused = run("receipt", str(new_id(now_ms() - 3 * 86_400_000)))
        assert (refused.exit_code, "nothing is known" in refused.output) == (1, True)


class TestLetters:
    @pytest.fixture
    def letters(self, world: World, project: str) -> list[str]:
        """Of an event that would pass now, and of one that never will; in this order."""
        sent = world.envelopes([crash(), b'{"details": '], project)
        world.accept(sent)
        for envelope in sent:
            world.kill(envelope)
        listed = world.stores.dead_letters.list(LetterFilter(project)).items
        by_event = {letter.event_id: str(letter.id) for letter in listed}
        return [by_event[envelope.id] for envelope in sent]

    def test_dry_run(self, letters: list[str], run: Command) -> None:
        good, bad = letters
        assert parsed(run("dlq", "dry-run", good, "--json"))["would_pass"] is True
        refused = run("dlq", "dry-run", bad)
        assert refused.exit_code == 1
        assert "not JSON" in refused.output
        assert "it would die again" in refused.output
        assert run("dlq", "dry-run", str(new_id(now_ms()))).exit_code == 1

    def test_history_and_items(self, letters: list[str], project: str, run: Command) -> None:
        asked = ("--project", project, "--reason", "fixed", "--detach", "--json")
        replay = parsed(run("dlq", "replay", *asked))
        assert replay["why"] == "fixed"
        items = parsed(run("dlq", "items", replay["id"], "--limit", "1", "--json"))
        rest = run("dlq", "items", replay["id"], "--cursor", items["next_cursor"], "--json")
        found = {one["letter_id"] for one in [*items["items"], *parsed(rest)["items"]]}
        assert found == set(letters)
        [mine] = parsed(run("dlq", "history", letters[0], "--json"))["items"]
        assert mine["replay_id"] == replay["id"]
        assert replay["id"] in run("dlq", "history", letters[0]).output
        assert run("dlq", "items", letters[0]).exit_code == 1


class TestRealUsers:
    def test_pages(self, world: World, run: Command) -> None:
        found = parsed(run("rum", "show", "shop", "--json"))
        assert {row["page"] for row in found["pages"]} == {"/cart", "/product/7"}
        assert "/product/7" in run("rum", "show", "shop").output
        page = parsed(run("rum", "page", "shop", "/cart", "--json"))
        assert (page["detail"]["views"], page["errors"]["errors"]) == (1, 1)
        assert "1 views by 1 users" in run("rum", "page", "shop", "/cart").output

    def test_rules(self, world: World, run: Command) -> None:
        preview = parsed(run("rum", "rules", "preview", "shop", "/product/*", "--json"))
        assert preview["effects"][0]["paths"] == 1
        assert "2 paths become 2 pages" in run("rum", "rules", "preview", "shop").output
        assert "version 1: 1 rules" in run("rum", "rules", "set", "shop", "/product/*").output
        assert parsed(run("rum", "rules", "show", "shop", "--json"))["rules"] == ["/product/*"]
        assert run("rum", "rules", "set", "shop", "nix").exit_code == 1

    def test_sessions(self, world: World, run: Command) -> None:
        [row] = parsed(run("session", "list", "shop", "--json"))["items"]
        assert (row["session_id"], row["views"]) == ("s1", 2)
        assert "s1" in run("session", "list", "shop").output
        found = parsed(run("session", "show", "shop", "s1", "--json"))
        assert len(found["timeline"]) == 4
        shown = run("session", "show", "shop", "s1").output
        assert "crash: TypeError: boom on /cart" in shown
        assert run("session", "show", "shop", "nix").exit_code == 1

    def test_users(self, world: World, run: Command) -> None:
        found = parsed(run("person", "show", "shop", "ann", "--json"))
        assert (found["crashes"], found["rum_events"]) == (1, 3)
        assert "TypeError: boom on /cart" in run("person", "show", "shop", "ann").output
        lines = run("person", "export", "shop", "ann").stdout.splitlines()
        assert [json.loads(line).get("type") for line in lines].count("rum") == 3
        assert run("person", "show", "shop", "nix").exit_code == 1

    @pytest.mark.parametrize(
        "arguments",
        [("rum", "show", "nix"), ("session", "list", "nix"), ("person", "show", "nix", "ann")],
    )
    def test_a_project_that_is_none(self, run: Command, arguments: tuple[str, ...]) -> None:
        refused = run(*arguments)
        assert (refused.exit_code, "no project named" in refused.output) == (1, True)

    def test_a_query_that_cannot_be_read_and_a_cursor_that_is_none(
        self, world: World, run: Command
    ) -> None:
        assert run("rum", "show", "shop", "--query", '"').exit_code == 1
        assert run("session", "list", "shop", "--cursor", "nix").exit_code == 1
