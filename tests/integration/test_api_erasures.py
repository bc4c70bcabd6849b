"""Asking for erasures over HTTP: who may, what is told, and what readers see afterwards."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.api.erasure_shapes import Erasure
from app.api.routes import PREFIX
from events.ids import new_id, now_ms
from tests.integration.api_world import TOKEN, World, crash, wait_until


def ask(world: World, token: str = TOKEN, **body: Any) -> TestResponse:
    return world.client.post(
        f"{PREFIX}/erasures",
        data=json.dumps(body),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )


def shop_token(world: World) -> str:
    return world.stores.tokens.create("of the shop", project_id=world.numbers["shop"])


def drive(world: World, erasure_id: str) -> Any:
    """Go on until only bytes in packs are left; the erasure as the API tells it."""

    def hidden() -> bool:
        found = world.stores.erasing.driver.step(UUID(erasure_id))
        return found is not None and found.state in ("rewriting", "cooling", "finished")

    wait_until(hidden, seconds=60)
    return world.json(f"{PREFIX}/erasures/{erasure_id}")


def test_an_erased_user_is_seen_nowhere_and_the_answer_names_nobody(world: World) -> None:
    user = {"identifier": "bea", "email": "Bea@Example.org"}
    mine, other = world.store(world.envelopes([crash("a", user=user), crash("b")], "shop"))

    answer = ask(world, kind="user", project="shop", user="bea@example.org")
    assert answer.status_code == 200, answer.text
    assert Erasure().validate(answer.get_json()) == {}
    told = drive(world, answer.get_json()["id"])

    assert (told["state"], told["erased"]["sql_rows"]) == ("rewriting", 1)
    assert told["left"]["events_with_bytes"] == 1
    assert told["left"]["bytes_gone_by"] is not None
    assert "bea" not in json.dumps(told).lower()
    for path in (f"/events/{mine}", f"/events/{mine}/raw"):
        assert world.get(PREFIX + path).status_code == 404
    assert world.get(f"{PREFIX}/events/{other}").status_code == 200
    listed = world.json(f"{PREFIX}/erasures")["items"]
    assert listed[0]["id"] == told["id"]
    audit = world.json(f"{PREFIX}/audit?subject={told['id']}")["items"]
    assert [(one["action"], one["actor"]) for one in audit] == [("erase", "test")]
    assert "bea" not in json.dumps(audit).lower()


def test_a_token_of_one_project_erases_only_what_is_its_own(world: World) -> None:
    token = shop_token(world)
    (foreign,) = world.store(world.envelopes([crash("theirs")], "blog"))
    (mine,) = world.store(world.envelopes([crash("ours")], "shop"))

    of_foreign = ask(world, token, kind="event", event=str(foreign))
    assert of_foreign.status_code == 200  # as of an event that is not there
    assert drive(world, of_foreign.get_json()["id"])["erased"]["events"] == 0
    assert world.get(f"{PREFIX}/events/{foreign}").status_code == 200
    of_mine = ask(world, token, kind="event", event=str(mine))
    assert drive(world, of_mine.get_json()["id"])["erased"]["events"] == 1
    assert world.get(f"{PREFIX}/events/{mine}").status_code == 404

    assert ask(world, token, kind="user", project="blog", user="ann").status_code == 400
    assert ask(world, token, kind="project", project="blog").status_code == 403
    assert ask(world, token, kind="project", project="shop").status_code == 403
    of_blog = ask(world, kind="user", project="blog", user="nobody").get_json()["id"]
    assert world.get(f"{PREFIX}/erasures/{of_blog}", token=token).status_code == 404
    listed = world.get(f"{PREFIX}/erasures", token=token).get_json()["items"]
    assert {one["project"] for one in listed} == {"shop"}


@pytest.mark.parametrize(
    ("body", "argument"),
    [
        ({"kind": "everything"}, "kind"),
        ({"kind": "event"}, "event"),
        ({"kind": "event", "event": "no id"}, "event"),
        ({"kind": "event", "event": "7f2c1a52-0d4c-4b9e-9d6a-0f0e3c1b2a11"}, "event"),
        ({"kind": "user", "user": "ann"}, "project"),
        ({"kind": "user", "project": "nobody", "user": "ann"}, "project"),
        ({"kind": "user", "project": "shop"}, "user"),
        ({"kind": "user", "project": "shop", "user": "x" * 501}, "user"),
        ({"kind": "user", "project": "shop", "user": " "}, "user"),
        ({"kind": "user", "project": "shop", "user": "a\0b"}, "user"),
        ({"kind": "project"}, "project"),
        ({"kind": "project", "project": "nobody"}, "project"),
        ({"kind": "project", "project": "shop", "user": "ann"}, "user"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    world: World, body: dict[str, Any], argument: str
) -> None:
    answer = ask(world, **body)
    assert answer.status_code == 400
    error = answer.get_json()["error"]
    assert (error["code"], error["message"].split(":")[0]) == ("bad_argument", argument)


def test_an_erasure_that_is_not_there_is_404(world: World) -> None:
    for name in (str(new_id(now_ms())), "nonsense"):
        answer = world.get(f"{PREFIX}/erasures/{name}")
        assert (answer.status_code, answer.get_json()["error"]["code"]) in (
            (404, "erasure_not_found"),
            (404, "not_found"),
        )
