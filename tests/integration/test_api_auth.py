"""Every route refuses those who may not read, in one error body."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from app.api.routes import ENDPOINTS, PREFIX
from app.factory import create_app
from app.stores import open_stores
from config.settings import Secret, Settings
from events.ids import new_id, now_ms
from tests.integration.api_world import NEEDED, TOKEN, World, crash

CLOSED = [(row.method, PREFIX + row.rule) for row in ENDPOINTS if row.opens_with != "nothing"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def some_path(rule: str) -> str:
    return re.sub("<[^>]+>", str(new_id(now_ms())), rule)


@pytest.mark.parametrize(("method", "rule"), CLOSED)
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "token_missing"),
        ({"Authorization": "Basic eDp5"}, "token_missing"),
        ({"Authorization": "Bearer "}, "token_missing"),
        ({"Authorization": "Bearer nobody-has-this"}, "token_unknown"),
    ],
)
def test_every_route_needs_a_token(
    world: World, method: str, rule: str, headers: dict[str, str], code: str
) -> None:
    answer = world.client.open(some_path(rule), method=method, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert set(answer.get_json()) == {"error"}
    assert answer.get_json()["error"]["code"] == code
    assert answer.get_json()["error"]["message"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(world: World, scheme: str) -> None:
    answer = world.client.get(f"{PREFIX}/projects", headers={"Authorization": f"{scheme} {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_document_of_the_api_needs_no_token(world: World) -> None:
    assert world.get(f"{PREFIX}/openapi.json", token=None).status_code == 200


def test_a_key_opens_only_its_own_projects_receipts(world: World) -> None:
    (mine,) = world.seed([crash()], "shop")
    path = f"{PREFIX}/receipts/{mine}"
    own, other = world.keys["shop"], world.keys["blog"]
    assert world.get(path, token=None, X_ApiKey=own).status_code == 200
    assert world.get(f"{path}?apikey={own}", token=None).status_code == 200
    assert world.get(f"{path}?APIKEY={own}", token=None).status_code == 200
    stranger = world.get(path, token=None, X_ApiKey=other)
    assert (stranger.status_code, stranger.get_json()["error"]["code"]) == (404, "not_found")
    assert world.get(f"{PREFIX}/events/{mine}", token=None, X_ApiKey=own).status_code == 401


def test_a_wrong_or_revoked_key_opens_nothing(world: World) -> None:
    path = f"{PREFIX}/receipts/{new_id(now_ms())}"
    wrong = world.get(path, token=None, X_ApiKey="nobody-has-this")
    assert (wrong.status_code, wrong.get_json()["error"]["code"]) == (403, "key_unknown")
    key = world.stores.projects.add_key(world.numbers["shop"])
    assert world.get(path, token=None, X_ApiKey=key).status_code == 200
    assert world.stores.projects.revoke_key(key)
    revoked = world.get(path, token=None, X_ApiKey=key)
    assert (revoked.status_code, revoked.get_json()["error"]["code"]) == (403, "key_revoked")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("/groups?limit=0", "limit"),
        ("/groups?limit=many", "limit"),
        ("/groups?sort=luck", "sort"),
        ("/groups?cursor=zzz", "cursor"),
        ("/groups?projcet=shop", "projcet"),
        ("/groups?project=nowhere", "project"),
        ("/groups?project=shop&project=blog", "project"),
        ("/groups?query=%00", "query"),
        ("/search?from=yesterday", "from"),
        ("/search?to=0001-01-01", "to"),
        ("/search?type=rumour", "type"),
        ("/search?cursor=zzz", "cursor"),
        ("/search?q=nobody_knows_this:1", "q"),
        ("/ledger?from=2020-01-01&to=2024-01-01", "from"),
        ("/ledger?from=2026-01-02&to=2026-01-01", "from"),
        ("/ledger?project=nowhere", "project"),
        ("/dead-letters?stage=fright", "stage"),
        ("/dead-letters?cursor=zzz", "cursor"),
        ("/projects?page=2", "page"),
    ],
)
def test_a_bad_argument_is_named(world: World, query: str, names: str) -> None:
    answer = world.get(PREFIX + query)
    assert answer.status_code == 400, answer.text
    assert answer.get_json()["error"]["code"] == "bad_argument"
    assert answer.get_json()["error"]["message"].startswith(f"{names}: ")


@pytest.mark.parametrize(
    "rule", [rule for method, rule in CLOSED if method == "GET" and "<" in rule]
)
@pytest.mark.parametrize("identity", ["not-an-id", "0", "9e2bfaa4-085f-4a16-95c7-8630a8f1264f"])
def test_an_id_that_names_nothing_is_not_found(world: World, rule: str, identity: str) -> None:
    needed = urlencode(NEEDED.get(rule.removeprefix(PREFIX), {}))
    answer = world.get(f"{re.sub('<[^>]+>', identity, rule)}?{needed}")
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"].endswith("not_found")


@pytest.mark.parametrize(
    ("change", "path", "store"),
    [
        ("postgres_dsn", "/groups", "sql"),
        ("elasticsearch_url", "/search", "search"),
        ("redis_url", "/ledger", "broker"),
    ],
)
def test_a_store_that_is_away_is_named(
    world: World, module_settings: Settings, change: str, path: str, store: str
) -> None:
    port = free_port()
    address = {
        "postgres_dsn": f"postgresql://postgres@127.0.0.1:{port}/postgres",
        "elasticsearch_url": f"http://127.0.0.1:{port}",
        "redis_url": f"redis://127.0.0.1:{port}/0",
    }[change]
    settings = replace(module_settings, **{change: Secret(address)})
    client = create_app(settings, open_stores(settings)).test_client()
    answer = client.get(PREFIX + path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    error = answer.get_json()["error"]
    assert error["code"] == "store_down"
    assert f"The {store} store" in error["message"]
    assert str(port) not in error["message"]
