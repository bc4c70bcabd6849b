"""Refused requests are told to who sets an SDK up: bounded, by kind, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.ingest.opening import open_ingest
from broker.refusals import MOST, Kind, Noted
from events.ids import now_ms, time_of
from tests.integration.api_world import HOSTILE, TOKEN, World, crash, wait_until

Ask = Callable[[str, bytes, dict[str, str]], int]


@pytest.fixture(scope="module")
def sender(world: World) -> FlaskClient:
    return create_app(world.stores.settings, world.stores, open_ingest(world.stores)).test_client()


def noted(message: str = "no", at_ms: int | None = None, count: int = 1) -> Noted:
    return Noted(400, message, "curl/8", now_ms() if at_ms is None else at_ms, count)


def test_what_an_sdk_is_refused_is_told_by_kind(
    world: World, sender: FlaskClient, project: str
) -> None:
    key, number = world.keys[project], world.numbers[project]
    headers = {"X-ApiKey": key, "User-Agent": "raygun-test/1"}
    for _ in range(3):
        assert sender.post("/entries", data=b"{", headers=headers).status_code == 400
    assert sender.post("/entries/bulk", data=b"[]", headers=headers).status_code == 400
    assert sender.post("/entries", data=crash(), headers=headers).status_code == 202

    def seen() -> dict[str, tuple[int, str]]:
        found = world.stores.refusals.of_project(number)
        return {one.kind.path: (one.count, one.kind.key) for one in found}

    wait_until(lambda: len(seen()) == 2 and seen()["/entries"][0] == 3)
    assert seen()["/entries"] == (3, key[:6])
    told = world.json(f"/api/v1/projects/{project}/refusals")["items"]
    assert {one["sender"] for one in told} == {"raygun-test/1"}
    assert all(key not in str(one) for one in told)
    page = world.get(f"/setup/{project}").text
    assert "Refused lately" in page
    assert "raygun-test/1" in page


def test_a_key_that_nobody_has_is_told_to_the_installation_alone(
    world: World, sender: FlaskClient, project: str
) -> None:
    wrong = f"{uuid4().hex}-wrong"
    assert sender.post("/entries", data=crash(), headers={"X-ApiKey": wrong}).status_code == 403
    assert sender.post("/events", data=b"{}").status_code == 403
    wait_until(
        lambda: {wrong[:6], ""} <= {k.kind.key for k in world.stores.refusals.of_project(None)}
    )
    assert wrong[:6] in world.get("/api/v1/refusals").text
    assert wrong[:6] in world.get(f"/setup/{project}").text
    token = world.stores.tokens.create("dev", project_id=world.numbers[project])
    assert wrong[:6] not in world.get(f"/setup/{project}", token=token).text
    assert world.get("/api/v1/refusals", token=token).status_code == 403
    assert world.get("/api/v1/refusals", token=TOKEN).status_code == 200


def test_a_revoked_key_is_told_to_its_project(
    world: World, sender: FlaskClient, project: str
) -> None:
    found = world.stores.projects.by_name(project)
    assert found is not None
    key = world.stores.keys.add(found, "test").key
    world.stores.keys.revoke(found, key, "test")
    assert sender.post("/entries", data=crash(), headers={"X-ApiKey": key}).status_code == 403
    wait_until(lambda: world.stores.refusals.of_project(found.id))
    (told,) = world.stores.refusals.of_project(found.id)
    assert (told.kind.code, told.kind.key) == ("key_revoked", key[:6])


def test_the_last_kinds_are_kept_and_the_oldest_go(world: World, project: str) -> None:
    number, start = world.numbers[project], now_ms() - 100_000
    for n in range(MOST + 5):
        kind = Kind("not_json", f"/{n}", "abc")
        world.stores.refusals.note(number, {kind: noted(at_ms=start + n)})
    found = world.stores.refusals.of_project(number)
    assert [one.kind.path for one in found] == [f"/{n}" for n in range(MOST + 4, 4, -1)]
    newest = Kind("not_json", f"/{MOST}", "abc")
    world.stores.refusals.note(number, {newest: noted("again", start + 1000, 4)})
    first = world.stores.refusals.of_project(number)[0]
    assert (first.kind, first.count, first.message) == (newest, 5, "again")
    assert first.at == time_of(start + 1000)
    # What arrives late is counted and does not make it older.
    world.stores.refusals.note(number, {newest: noted("late", start, 1)})
    first = world.stores.refusals.of_project(number)[0]
    assert (first.count, first.at) == (6, time_of(start) + timedelta(seconds=1))


def test_hostile_text_is_kept_as_text(world: World, project: str) -> None:
    number = world.numbers[project]
    kind = Kind("not_json", "/entries", HOSTILE[:6])
    world.stores.refusals.note(number, {kind: Noted(400, HOSTILE, HOSTILE, now_ms(), 1)})
    page = world.get(f"/setup/{project}").text
    assert "<script>alert" not in page
    assert "\u202e" not in page
