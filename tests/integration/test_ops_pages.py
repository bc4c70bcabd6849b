"""Operators' pages: what they show, what their forms do, and what is left when a store is away."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import replace
from uuid import UUID

import pytest

from app.api.routes import PREFIX
from app.api.times import iso_minute
from app.stores import open_stores
from broker.connection import connect
from broker.pools import Child, PoolReport, Pools
from broker.reservations import Reservations
from config.settings import Secret, Settings
from events.ids import id_minute, new_id, now_ms
from storage.sql.audit import Audit
from storage.sql.letter_filter import LetterFilter
from tests.integration.api_world import HOSTILE, World, crash, flush_broker
from tests.integration.browsing import Browser, signed_in


@pytest.fixture
def browser(world: World) -> Browser:
    flush_broker(world)
    return signed_in(world.stores)


@pytest.fixture
def letters(world: World, project: str) -> list[str]:
    """Three dead letters of a project of one's own."""
    sent = world.envelopes([crash()] * 3, project)
    world.accept(sent)
    for envelope in sent:
        world.kill(envelope)
    return [str(one.id) for one in world.stores.dead_letters.list(LetterFilter(project)).items]


@pytest.fixture
def cluster(world: World, letters: list[str]) -> str:
    return str(world.json(f"{PREFIX}/dead-letters/{letters[0]}")["cluster"])


def tell_pool(world: World, **changes: object) -> None:
    now = now_ms()
    child = Child(8, 1 << 20, "files", "crash.files", 250, now - 2000)
    report = PoolReport(
        *("all@host", 7, "prefork", 2, ["crash.files"], "0.1.0+abc", now, now, 1 << 20),
        children=[child],
    )
    report = replace(report, **changes)  # type: ignore[arg-type]
    Pools(world.stores.settings.redis_url, timeout=5).tell(report, started=True)


def away(settings: Settings, store: str) -> Browser:
    """The pages while a store refuses connections."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    change = {
        "broker": {"redis_url": Secret(f"redis://127.0.0.1:{port}/0")},
        "search": {"elasticsearch_url": Secret(f"http://127.0.0.1:{port}")},
    }[store]
    return signed_in(open_stores(replace(settings, **change)))


class TestOperations:
    def test_at_a_glance(self, world: World, browser: Browser, project: str) -> None:
        world.accept(world.envelopes([crash()] * 3, project))
        view = browser.view("/ops")
        lights = {light["label"]: light["value"] for light in view["lights"]}
        assert (lights["Events waiting"], lights["Missing pools"]) == (3, 0)
        queues = {queue["name"]: queue["state"] for queue in view["queues"]}
        assert queues["crash.files"] == "nobody"
        tell_pool(world)
        queues = {queue["name"]: queue["state"] for queue in browser.view("/ops")["queues"]}
        assert queues["crash.files"] == "works"
        assert "all@host" in browser.page("/ops")

    def test_while_the_broker_is_away_its_numbers_are_unknown(
        self, world: World, module_settings: Settings
    ) -> None:
        browser = away(module_settings, "broker")
        view = browser.view("/ops")
        assert (view["queues"], view["pools"], view["canaries"]) == (None, None, None)
        lights = {light["label"]: light["value"] for light in view["lights"]}
        assert (lights["Events waiting"], lights["Unexplained"]) == (None, None)
        assert lights["Dead letters"] is not None
        page = browser.page("/ops")
        assert "unknown" in page
        assert "the broker" in page
        assert browser.get("/ops.csv").status_code == 200

    def test_pools_with_what_they_have_in_hand(self, world: World, browser: Browser) -> None:
        assert "No workers: 0 events wait" in browser.page("/ops/workers")
        tell_pool(world)
        tell_pool(world, name="gone@host", told_ms=now_ms() - 60_000)
        view = browser.view("/ops/workers")
        states = {pool["name"]: pool["state"] for pool in view["pools"]}
        assert states == {"all@host": "running", "gone@host": "missing"}
        page = browser.page("/ops/workers")
        assert "250" in page
        assert "0.1.0+abc" in page


class TestQueue:
    def test_its_messages_are_looked_at_and_stay(
        self, world: World, browser: Browser, project: str
    ) -> None:
        sent = world.envelopes([crash()] * 2, project)
        world.accept(sent)
        for _ in range(2):
            view = browser.view("/ops/queues/crash.files")
            [message] = view["messages"]
            assert message["events_named"] == [str(one.id) for one in sent]
        assert str(sent[0].id) in browser.page("/ops/queues/crash.files")

    def test_pause_with_undo_and_resume(self, world: World, browser: Browser) -> None:
        paused = browser.follow(
            browser.send("/ops/queues/crash.sql/pause", reason="vacuum <b>tonight</b>")
        )
        assert "crash.sql is paused." in paused
        assert "vacuum &lt;b&gt;tonight&lt;/b&gt;" in paused
        assert 'action="/ops/queues/crash.sql/resume"' in paused
        assert world.json(f"{PREFIX}/queues/crash.sql")["paused"] is True
        resumed = browser.follow(browser.send("/ops/queues/crash.sql/resume"))
        assert "crash.sql is resumed." in resumed
        entries = Audit(world.stores.database).list("crash.sql").items
        assert [entry.action for entry in entries[:2]] == ["resume_queue", "pause_queue"]

    def test_dead_letters_may_be_accepted_for_a_while(self, browser: Browser) -> None:
        page = browser.follow(
            browser.send("/ops/queues/rum.sql/resume", accept_dead_letters="true")
        )
        assert "may dead-letter any share" in page

    def test_one_that_is_none(self, browser: Browser) -> None:
        assert browser.get("/ops/queues/nix").status_code == 404
        assert browser.send("/ops/queues/nix/pause").status_code == 404


class TestDeadLetters:
    def test_causes_with_filters(
        self, browser: Browser, project: str, letters: list[str], cluster: str
    ) -> None:
        view = browser.view(f"/ops/dead?project={project}")
        [row] = view["clusters"]
        assert (row["key"], row["count"], row["queues"]) == (cluster, 3, ["crash.sql"])
        assert "made so by a test" in browser.page(f"/ops/dead?project={project}")
        assert browser.view(f"/ops/dead?project={project}&stage=files")["clusters"] == []
        assert browser.get("/ops/dead?project=nix").status_code == 400

    def test_replaying_those_selected_asks_first_and_freezes_them(
        self, world: World, browser: Browser, project: str, letters: list[str], cluster: str
    ) -> None:
        page = browser.page(f"/ops/dead/{cluster}?project={project}")
        assert page.count('type="checkbox"') == 3
        asked = browser.page(f"/ops/dead/{cluster}/ask?id={letters[0]}&id={letters[1]}&do=replay")
        assert "Replay 2 dead letters" in asked
        assert asked.count('name="id"') == 2
        led = browser.send(
            f"/ops/dead/{cluster}/replays",
            id=letters[:2],
            why="fixed in 1.2",
            rate="100",
            canary="1",
        )
        shown = browser.follow(led)
        assert "Replaying 2 dead letters." in shown
        assert "fixed in 1.2" in shown
        view = browser.view(led.location)
        assert (view["replay"]["total"], view["canary"], view["rate"]) == (2, 1, 100.0)
        assert {item["letter_id"] for item in view["items"]} == set(letters[:2])
        assert led.location in browser.page("/ops/replays")
        cancelled = browser.follow(browser.send(f"{led.location}/cancel"))
        assert "The replay is cancelled." in cancelled
        history = browser.view(f"/ops/dead/{cluster}/{letters[0]}")["replays"]
        assert [one["href"] for one in history] == [led.location]

    def test_discarding_all_of_a_project(
        self, browser: Browser, project: str, letters: list[str], cluster: str
    ) -> None:
        asked = browser.page(f"/ops/dead/{cluster}/ask?every=true&project={project}&do=discard")
        assert "Discard 3 dead letters" in asked
        led = browser.send(
            f"/ops/dead/{cluster}/discards", every="true", project=project, reason="load test"
        )
        assert "Discarded 3 dead letters." in browser.follow(led)
        assert browser.view(f"/ops/dead?project={project}")["clusters"] == []
        assert "load test" in browser.page(f"/ops/dead/{cluster}/{letters[0]}")

    def test_an_export(
        self, browser: Browser, project: str, letters: list[str], cluster: str
    ) -> None:
        assert f"/export?project={project}" in browser.page(
            f"/ops/dead/{cluster}?project={project}"
        )
        answer = browser.get(f"/ops/dead/{cluster}/export?project={project}")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        lines = [json.loads(line) for line in answer.data.splitlines()]
        assert {line["id"] for line in lines} == set(letters)

    def test_nothing_is_meant_by_nothing(self, browser: Browser, cluster: str) -> None:
        assert browser.get(f"/ops/dead/{cluster}/ask?do=replay").status_code == 400
        assert browser.send(f"/ops/dead/{cluster}/discards", reason="x").status_code == 400
        assert browser.send(f"/ops/dead/{cluster}/discards", every="true").status_code == 400

    def test_a_letter_its_dry_run_and_an_edit(
        self, world: World, browser: Browser, project: str
    ) -> None:
        [sent] = world.envelopes([b'{"details": {"error": '], project)
        world.accept([sent])
        world.kill(sent)
        [letter] = world.stores.dead_letters.list(LetterFilter(project)).items
        path = f"/ops/dead/{letter.cluster}/{letter.id}"
        page = browser.page(path)
        assert "Traceback …" in page
        assert "{&#34;details&#34;: {&#34;error&#34;: " in page
        assert "it would die again" in browser.page(f"{path}/dry-run")
        assert browser.get(f"{path}/payload").data == sent.body

        assert "&#34;details&#34;" in browser.page(f"{path}/edit")
        mended = crash().decode().replace("boom", "mended")
        shown = browser.follow(browser.send(f"{path}/edit", payload=mended))
        assert "The payload is edited" in shown
        assert 'class="added"' in shown
        assert "it would be stored" in browser.page(f"{path}/dry-run")
        assert browser.send(f"{path}/edit").status_code == 400
        assert browser.get(f"/ops/dead/nix/{letter.id}").status_code == 404

    def test_hostile_letters_are_text(self, world: World, browser: Browser, project: str) -> None:
        [sent] = world.envelopes([HOSTILE.encode("utf-8", "surrogatepass")], project)
        world.accept([sent])
        world.kill(sent)
        said = ("<script>alert(1)</script>\u202e", "<script>", "<i>code", sent.id)
        with world.stores.database.transaction() as cursor:
            cursor.execute(
                "UPDATE dead_letters SET reason = %s, traceback = %s, code = %s"
                " WHERE event_id = %s",
                said,
            )
        [row] = world.stores.dead_letters.list(LetterFilter(project)).items
        for path in (f"/ops/dead/{row.cluster}", f"/ops/dead/{row.cluster}/{row.id}", "/ops/dead"):
            page = browser.page(path)
            assert "<script>alert" not in page
            assert "<i>code" not in page
            assert "\u202e" not in page


class TestParked:
    def park(self, world: World, project: str) -> str:
        world.accept(world.envelopes([crash()] * 2, project))
        hand = Reservations(world.stores.settings.redis_url, timeout=5)
        [taken] = hand.join("crash.files", "me", max_messages=1, max_events=9, max_bytes=10**6)
        hand.park(taken.tag, "nobody can <b>read</b> it")
        [message] = world.stores.workbench.parked.list()
        return message.id

    def test_one_is_put_back(self, world: World, browser: Browser, project: str) -> None:
        message = self.park(world, project)
        assert "nobody can &lt;b&gt;read&lt;/b&gt; it" in browser.page("/ops/parked")
        assert "back in its queue" in browser.follow(
            browser.send("/ops/parked/replay", message=message)
        )
        assert world.stores.workbench.parked.list() == []

    def test_one_becomes_dead_letters(self, world: World, browser: Browser, project: str) -> None:
        message = self.park(world, project)
        again = browser.send("/ops/parked/discard", message=message)
        assert again.status_code == 400
        led = browser.send("/ops/parked/discard", message=message, reason="kills workers")
        assert "2 events became dead letters." in browser.follow(led)
        assert browser.send("/ops/parked/replay", message=message).status_code == 404


class TestLedger:
    def test_what_nobody_holds_is_told_with_its_minute(
        self, world: World, browser: Browser, project: str
    ) -> None:
        sent = world.envelopes([crash()] * 2, project)
        world.accept(sent)
        view = browser.view(f"/ops/ledger?project={project}")
        assert (view["held"], view["unexplained"], view["sums"]["in_flight"]) == (2, 0, 2)
        with connect(world.stores.settings.redis_url, timeout=5) as client:
            client.delete("crash.files")
        view = browser.view(f"/ops/ledger?project={project}")
        assert (view["held"], view["unexplained"]) == (0, 2)
        [row] = view["rows"]
        assert (row["tone"], row["unexplained"]) == ("bad", 2)
        assert row["href"] in browser.page(f"/ops/ledger?project={project}")
        world.store(sent, searched=False)
        minute = browser.view(row["href"])
        assert {one["event_id"] for one in minute["adrift"]} >= {str(one.id) for one in sent}
        assert "no message names their pack" in browser.page(row["href"])

    def test_other_times(self, browser: Browser) -> None:
        view = browser.view("/ops/ledger?from=2020-01-01T00:00:00Z&to=2020-01-01T02:00:00Z")
        assert view["rows"] == []
        assert "from=2019-12-31T22%3A00%3A00Z" in view["earlier"]
        assert "to=2020-01-01T04%3A00%3A00Z" in view["later"]
        for bad in ("from=2021-01-01&to=2020-01-01", "from=2020-01-01&to=2021-01-01", "from=nix"):
            assert browser.get(f"/ops/ledger?{bad}").status_code == 400

    def test_what_is_held_is_unknown_without_the_broker(
        self, world: World, module_settings: Settings
    ) -> None:
        answer = away(module_settings, "broker").get("/ops/ledger")
        assert answer.status_code == 503
        assert "the broker" in answer.text or "broker" in answer.text

    def test_minutes_that_are_none(self, browser: Browser) -> None:
        assert browser.get("/ops/ledger/nix").status_code == 404
        empty = iso_minute(id_minute(new_id(now_ms() - 9 * 3_600_000)))
        assert browser.view(f"/ops/ledger/{empty}")["rows"] == []


def test_the_audit(browser: Browser) -> None:
    browser.send("/ops/queues/rum.search/pause", reason="moving house")
    browser.send("/ops/queues/rum.search/resume")
    view = browser.view("/ops/audit?subject=rum.search")
    assert [entry["action"] for entry in view["entries"]] == ["resume_queue", "pause_queue"]
    assert view["entries"][1]["reason"] == "moving house"
    assert "moving house" in browser.page("/ops/audit")
    assert browser.get("/ops/audit?cursor=nix").status_code == 400


class TestReceipt:
    def test_of_an_event_in_a_queue(self, world: World, browser: Browser, project: str) -> None:
        [sent] = world.envelopes([crash()], project)
        world.accept([sent])
        page = browser.page(f"/receipt?id={sent.id}")
        assert "on its way" in page
        assert "/ops/queues/crash.files" in page

    def test_of_a_stored_one(self, world: World, browser: Browser, project: str) -> None:
        [event] = world.seed([crash()], project)
        receipt = browser.view(f"/receipt?id={event}")["receipt"]
        assert receipt["word"] == "stored"
        assert (receipt["event_href"], receipt["place"]["length"]) == (f"/o/{event}", len(crash()))

    def test_of_a_dead_one_leads_to_its_letter(
        self, world: World, browser: Browser, letters: list[str], cluster: str
    ) -> None:
        letter = world.json(f"{PREFIX}/dead-letters/{letters[0]}")
        page = browser.page(f"/receipt?id={letter['event_id']}")
        assert f"/ops/dead/{cluster}/{letters[0]}" in page

    @pytest.mark.parametrize("typed", ["nix", "%00x", str(UUID(int=7)), " "])
    def test_what_is_no_id(self, browser: Browser, typed: str) -> None:
        answer = browser.get(f"/receipt?id={typed}")
        assert answer.status_code in (200, 400)
        assert "stored" not in re.sub("<title>.*?</title>", "", answer.text)

    def test_the_search_box_leads_there(
        self, world: World, browser: Browser, letters: list[str]
    ) -> None:
        event = world.json(f"{PREFIX}/dead-letters/{letters[0]}")["event_id"]
        assert browser.get(f"/find?q={event}").location == f"/receipt?id={event}"


def test_a_token_of_one_project_sees_no_page_of_the_installation(
    world: World, letters: list[str], cluster: str
) -> None:
    token = world.stores.tokens.create("narrow", project_id=world.numbers["blog"])
    browser = signed_in(world.stores, token)
    for path in (
        *("/ops", "/ops/workers", "/ops/queues/crash.files", "/ops/dead", "/ops/replays"),
        *(f"/ops/dead/{cluster}", f"/ops/dead/{cluster}/{letters[0]}", "/ops/ledger"),
        *("/ops/audit", "/ops/parked"),
    ):
        assert browser.get(path).status_code == 403, path
    event = world.json(f"{PREFIX}/dead-letters/{letters[0]}")["event_id"]
    assert "Nothing is known of that id" in browser.page(f"/receipt?id={event}")
    assert browser.send("/ops/queues/crash.sql/pause").status_code == 403
