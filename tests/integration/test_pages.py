"""The pages: signing in, what they show, and hostile text."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from app.dashboard.session import local_path
from app.dashboard.text import MOST_CHARS, visible
from app.factory import create_app
from config.settings import Secret, SecretList
from events.ids import new_id, now_ms
from tests.integration.api_world import HOSTILE, TOKEN, World, crash

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def browser(world: World) -> World:
    """A new browser, without cookies."""
    app = create_app(world.stores.settings, world.stores)
    return World(world.stores, app.test_client(), world.keys, world.numbers)


def visit(browser: World, path: str) -> TestResponse:
    return browser.client.get(path, headers=BROWSER)


def sign_in(browser: World, token: str = TOKEN, **form: str) -> TestResponse:
    return browser.client.post("/login", data={"token": token, **form}, headers=BROWSER)


@pytest.mark.parametrize("path", ["/", "/groups/x", "/events/x", "/events/x/raw"])
def test_a_stranger_is_sent_to_the_login(browser: World, path: str) -> None:
    answer = visit(browser, path)
    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=%2F")
    told = browser.client.get(path, headers={"Accept": "application/json"})
    assert (told.status_code, told.get_json()["error"]["code"]) == (401, "token_missing")


def test_signing_in_and_out(browser: World) -> None:
    page = visit(browser, "/login?next=/?query=x")
    assert page.status_code == 200
    assert "Sign out" not in page.text
    answer = sign_in(browser, next="/?query=x")
    assert (answer.status_code, answer.location) == (303, "/?query=x")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert visit(browser, "/").status_code == 200
    assert browser.client.post("/logout").status_code == 303
    assert visit(browser, "/").status_code == 303


@pytest.mark.parametrize("token", ["", "nobody-has-this", "a\x00b", "x" * 10_000])
def test_a_wrong_token_signs_nobody_in(browser: World, token: str) -> None:
    answer = sign_in(browser, token)
    assert answer.status_code == 401
    assert "There is no such token" in answer.text
    assert visit(browser, "/").status_code == 303


def test_a_forged_session_opens_nothing(browser: World) -> None:
    browser.client.set_cookie("sluice_session", "eyJ0b2tlbiI6InRlc3QifQ.aaaa.bbbb")
    assert visit(browser, "/").status_code == 303


def test_a_withdrawn_token_closes_its_sessions(browser: World) -> None:
    token = browser.stores.tokens.create("brief")
    assert sign_in(browser, token).status_code == 303
    with browser.stores.database.transaction() as cursor:
        cursor.execute("UPDATE tokens SET revoked_at = now() WHERE name = 'brief'")
    # A process that has not met the token yet; one that has forgets it within key_cache_seconds.
    fresh = create_app(browser.stores.settings, browser.stores).test_client()
    cookie = browser.client.get_cookie("sluice_session")
    assert cookie is not None
    fresh.set_cookie("sluice_session", cookie.value)
    assert fresh.get("/", headers=BROWSER).status_code == 303


def test_a_replaced_session_key_keeps_sessions_while_it_is_a_fallback(browser: World) -> None:
    sign_in(browser)
    cookie = browser.client.get_cookie("sluice_session")
    assert cookie is not None
    settings = replace(browser.stores.settings, session_key=Secret("a new one"))
    fallbacks = SecretList([browser.stores.settings.session_key])
    for rotated, status in (
        (replace(settings, session_key_fallbacks=fallbacks), 200),
        (settings, 303),
    ):
        fresh = create_app(rotated, browser.stores).test_client()
        fresh.set_cookie("sluice_session", cookie.value)
        assert fresh.get("/", headers=BROWSER).status_code == status


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil"}],
)
def test_forms_of_other_sites_are_refused(browser: World, headers: dict[str, str]) -> None:
    for path in ("/login", "/logout"):
        answer = browser.client.post(path, data={"token": TOKEN}, headers={**BROWSER, **headers})
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/groups/1?x=2", "/groups/1?x=2"),
        ("//evil", "/"),
        ("/\\evil", "/"),
        ("http://evil", "/"),
        ("/\tx", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_where_a_login_may_lead(asked: str | None, path: str) -> None:
    assert local_path(asked) == path


def test_pages_carry_their_guards(world: World) -> None:
    for path in ("/", "/login", "/groups/x", "/assets/sluice.css"):
        answer = world.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        answer.close()


def test_the_list_of_groups(world: World) -> None:
    world.add_project("listed")
    world.seed([crash("one", "OneError"), crash("two", "TwoError")], "listed")
    page = world.get("/?project=listed").text
    assert "OneError" in page
    assert "TwoError" in page
    assert "OneError" not in world.get("/?project=listed&query=twoerror").text
    first = world.get("/?project=listed&limit=1").text
    assert 'rel="next"' in first
    link = html.unescape(first.split('rel="next" href="')[1].split('"')[0])
    assert "project=listed" in link
    second = world.get(link).text
    assert ("OneError" in first) != ("OneError" in second)
    assert "No group matches" in world.get("/?project=listed&query=nothing-like-it").text


def test_a_crash_page(world: World) -> None:
    world.add_project("paged")
    cause = {"className": "KeyError", "message": "'price'", "stackTrace": []}
    body = crash(
        "cannot total",
        error={
            "className": "CartError",
            "message": "cannot total",
            "innerError": cause,
            "stackTrace": [
                {"fileName": "/app/cart.js", "lineNumber": 7, "methodName": "total"},
                *[{"fileName": "/app/walk.js", "lineNumber": 9, "methodName": "walk"}] * 300,
            ],
        },
        environment={"osVersion": "Plan 9"},
        request={"url": "https://shop.example/cart", "httpMethod": "POST"},
        breadcrumbs=[
            *[{"message": "idle", "level": "info", "timestamp": 1763840000000}] * 250,
            {"message": "clicked pay", "level": "info", "timestamp": 1763850000000},
        ],
    )
    (event_id,) = world.seed([body], "paged")
    page = world.get(f"/events/{event_id}").text
    for seen in ("CartError", "KeyError", "/app/cart.js", "Plan 9", "shop.example", "clicked pay"):
        assert seen in page
    assert "300 times in a row" in page
    assert "51 earlier ones" in page
    assert page.index("CartError") < page.index("KeyError")
    assert len(page) < 100_000
    assert world.get(f"/events/{event_id}/raw").data == body
    group = world.json(f"/api/v1/events/{event_id}")["group_id"]
    assert f"/events/{event_id}" in world.get(f"/groups/{group}").text


def test_hostile_text_stays_text(world: World) -> None:
    world.add_project("hostile")
    (event_id,) = world.seed(
        [crash(HOSTILE, HOSTILE, userCustomData={HOSTILE: HOSTILE}, tags=[HOSTILE])], "hostile"
    )
    group = world.json(f"/api/v1/events/{event_id}")["group_id"]
    for path in ("/?project=hostile", f"/groups/{group}", f"/events/{event_id}"):
        page = world.get(path).text
        assert "alert(1)" in page
        assert "<script" not in page
        assert "\u202e" not in page
        assert "\x00" not in page


def test_a_crash_whose_pack_is_damaged_still_has_a_page(world: World) -> None:
    (event_id,) = world.seed([crash("partly", "PartError")], "shop")
    with world.stores.database.transaction() as cursor:
        cursor.execute("UPDATE crash_events SET checksum = 1 WHERE id = %s", [str(event_id)])
    page = world.get(f"/events/{event_id}")
    assert page.status_code == 200
    assert "PartError" in page.text
    assert "cannot be shown" in page.text


@pytest.mark.parametrize("path", ["/groups/x", "/events/x", f"/events/{new_id(now_ms())}"])
def test_what_is_not_there_has_a_page(browser: World, path: str) -> None:
    sign_in(browser)
    answer = visit(browser, path)
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")
    assert "There is no such" in answer.text
    assert 'href="/"' in answer.text


def test_control_characters_are_seen() -> None:
    assert visible("a\x00\x1b\x7f\u202eb\n\t") == "a␀␛␡⟨U+202E⟩b\n\t"
    assert visible(None) == ""
    assert visible("x" * (MOST_CHARS + 5)).endswith("(5 more characters in the raw bytes)")
