"""Quotas from the command that sets them to the ledger that tells of what they cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from broker.client import Broker
from events.ids import now_ms
from storage.quotas import Quota
from tests.integration.api_world import TOKEN, World, crash, wait_until
from tests.integration.commands import Command, parsed

EVENT = b'{"message": "m"}'


def entry(world: World, project: str) -> TestResponse:
    return world.client.post("/entries", data=crash(), headers={"X-ApiKey": world.keys[project]})


def store(world: World, project: str) -> TestResponse:
    found = world.stores.projects.by_name(project)
    assert found is not None
    return world.client.post(f"/api/{found.id}/store/?sentry_key={found.public_key}", data=EVENT)


def set_quota(world: World, project: str, kind: str = "crash", **bounds: int | None) -> Any:
    body = {"project": project, "type": kind, "day": None, "month": None, "minute": None, **bounds}
    answer = world.client.post(
        "/api/v1/quotas", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    return answer.get_json() if answer.status_code == 200 else answer.status_code


def line_of(document: Any, project: str) -> Any:
    items = document["items"] if isinstance(document, dict) else document
    return next((one for one in items if one["project"] == project), None)


def totals(world: World, project: str) -> dict[str, int]:
    found: dict[str, int] = world.json(f"/api/v1/ledger?project={project}")["totals"]
    return found


def test_what_is_over_a_quota_is_accepted_dropped_and_told(world: World, project: str) -> None:
    sent = 1
    assert entry(world, project).status_code == 202
    set_quota(world, project, day=1)

    def is_dropped() -> bool:
        nonlocal sent
        sent += 1
        answer = entry(world, project)
        assert answer.status_code == 202
        assert answer.headers["Sluice-Event-Id"]
        return answer.headers.get("Sluice-Over-Quota") == "1"

    wait_until(is_dropped)
    told = store(world, project)
    sent += 1
    assert told.status_code == 200
    assert told.headers["X-Sentry-Rate-Limits"].endswith(":project:quota")
    wait_until(lambda: totals(world, project)["accepted"] == sent)
    found = totals(world, project)
    assert found["over_quota"] >= 2
    assert found["in_flight"] == sent - found["over_quota"]
    queued = Broker(world.stores.settings.redis_url, timeout=5).totals()
    assert queued["over_quota"] >= 2
    metrics = world.get("/metrics").get_data(as_text=True)
    assert "sluice_events_over_quota_total" in metrics

    used = line_of(world.json("/api/v1/quotas"), project)["used"]
    assert used["day"] == used["month"] == found["in_flight"]

    # What moves to PostgreSQL counts on as it did.
    world.stores.ledger.move(-1)
    assert totals(world, project) == found
    assert world.stores.settled.totals()["crash"].over_quota >= found["over_quota"]


def test_a_spike_is_refused_and_the_rest_of_the_minute_too(world: World, project: str) -> None:
    set_quota(world, project, minute=1)

    def is_refused() -> TestResponse | None:
        answer = entry(world, project)
        return answer if answer.status_code != 202 else None

    refused = wait_until(is_refused)
    assert refused.status_code == 429
    assert refused.get_json()["error"]["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_quotas_are_set_read_and_taken_away(world: World, project: str, run: Command) -> None:
    found = line_of(set_quota(world, project, "rum", day=10, month=200), project)
    assert found["quota"] == {"day": 10, "month": 200, "minute": None}
    assert found["used"] == {"day": 0, "month": 0, "minute": 0}
    assert run("quota", "set", project, "rum", "--minute", "7").output.endswith(" 7 a minute\n")
    listed = line_of(parsed(run("quota", "list", "--json")), project)
    assert listed == line_of(world.json("/api/v1/quotas"), project)
    assert listed["quota"] == {"day": None, "month": None, "minute": 7}
    assert project in run("quota", "list").output
    assert run("quota", "set", project, "rum", "--none").exit_code == 0
    assert line_of(world.json("/api/v1/quotas"), project) is None


@pytest.mark.parametrize(
    "body",
    [
        {"day": -1},
        {"day": 1.5},
        {"day": "1"},
        {"month": 10**15 + 1},
        {"minute": 0},
        {"type": "nothing"},
        {"project": "nobody's"},
        {"more": 1},
    ],
)
def test_a_quota_that_is_none_is_refused(world: World, project: str, body: Any) -> None:
    whole = {"project": project, "type": "crash", "day": None, "month": None, "minute": None}
    answer = world.client.post(
        "/api/v1/quotas",
        data=json.dumps({**whole, **body}),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    assert answer.status_code in (400, 404), answer.get_data()
    assert line_of(world.json("/api/v1/quotas"), project) is None


def test_commands_say_what_is_wrong(project: str, run: Command) -> None:
    for arguments in (["crash"], ["crash", "--day", "1", "--none"], ["nothing", "--day", "1"]):
        assert run("quota", "set", project, *arguments).exit_code == 2
    missing = run("quota", "set", "nobody's", "crash", "--day", "1")
    assert missing.exit_code == 1
    assert "there is no project" in missing.output


def test_a_broker_that_forgot_them_is_told_again(world: World, project: str) -> None:
    set_quota(world, project, day=3)
    number = world.numbers[project]
    copies = world.stores.quotas._copies
    copies.keep({}, now_ms())
    assert world.stores.quotas.share_all() >= 1
    assert copies.read(now_ms())[number, "crash"][0] == Quota(day=3)
