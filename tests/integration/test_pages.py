"""The pages: signing in, what they show, and hostile text."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import replace
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.dashboard.session import local_path
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


def form_token(browser: World, path: str = "/login") -> str:
    """What a form of a page carries."""
    return re.findall('name="csrf" value="([^"]+)"', visit(browser, path).text)[0]


def sign_in(browser: World, token: str = TOKEN, **form: str) -> TestResponse:
    data = {"csrf": form_token(browser), "token": token, **form}
    return browser.client.post("/login", data=data, headers=BROWSER)


@pytest.mark.parametrize("path", ["/", "/p/shop/groups", "/o/x", "/o/x/raw", "/events/x"])
def test_a_stranger_is_sent_to_the_login(browser: World, path: str) -> None:
    answer = visit(browser, path)
    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=%2F")
    told = browser.client.get(path, headers={"Accept": "application/json"})
    assert (told.status_code, told.get_json()["error"]["code"]) == (401, "token_missing")


def test_signing_in_and_out(browser: World) -> None:
    page = visit(browser, "/login?next=/find?q=x")
    assert page.status_code == 200
    assert "Sign out" not in page.text
    assert 'value="/find?q=x"' in page.text
    answer = sign_in(browser, next="/find?q=x")
    assert (answer.status_code, answer.location) == (303, "/find?q=x")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert visit(browser, "/").status_code == 200
    token = form_token(browser, "/")
    assert browser.client.post("/logout", data={"csrf": token}).status_code == 303
    assert visit(browser, "/").status_code == 303


@pytest.mark.parametrize(
    ("token", "status"),
    [("", 401), ("nobody-has-this", 401), ("a\x00b", 400), ("x" * 10_000, 401)],
)
def test_a_wrong_token_signs_nobody_in(browser: World, token: str, status: int) -> None:
    answer = sign_in(browser, token, next="/find")
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert 'name="next" value="/find"' in answer.text
    assert token == "" or token not in answer.text
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
    token = form_token(browser)
    for path in ("/login", "/logout", "/preferences"):
        data = {"token": TOKEN, "csrf": token}
        answer = browser.client.post(path, data=data, headers={**BROWSER, **headers})
        assert answer.status_code == 403
        assert "cross_site" in answer.text


@pytest.mark.parametrize("path", ["/login", "/logout", "/preferences"])
def test_forms_without_the_sessions_token_are_refused(browser: World, path: str) -> None:
    other = World(browser.stores, create_app(browser.stores.settings, browser.stores).test_client())
    for data in ({}, {"csrf": ""}, {"csrf": "zzzz"}, {"csrf": form_token(other)}):
        answer = browser.client.post(path, data={"token": TOKEN, **data}, headers=BROWSER)
        assert (answer.status_code, "form_expired" in answer.text) == (403, True)


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
    for path in ("/", "/login", "/p/shop/groups", "/o/x", "/p/shop/groups.json"):
        answer = world.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert re.fullmatch("[0-9a-f]{12}", answer.headers["Sluice-Request-Id"])
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_pages_are_compressed_for_who_asks(world: World) -> None:
    plain = world.get("/preferences")
    for coding in ("br", "gzip"):
        answer = world.get("/preferences", Accept_Encoding=coding)
        assert answer.headers["Content-Encoding"] == coding
        assert len(answer.data) < len(plain.data) / 3
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert "Content-Encoding" not in plain.headers


def test_static_files_are_kept_for_good_by_their_hash(world: World) -> None:
    page = visit(world, "/login").text
    for path in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page):
        answer = world.client.get(path, headers={"Accept-Encoding": "br"})
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "br"
        assert "Set-Cookie" not in answer.headers
        # Another version of this program may have made the page that asks.
        old = world.client.get(f"/assets/0123/{path.rpartition('/')[2]}")
        assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")
    assert world.client.get("/assets/0123/../blueprint.py").status_code == 404
    assert world.client.get("/assets/0123/nothing.css").status_code == 404


def test_the_list_of_groups(world: World) -> None:
    world.add_project("listed")
    world.seed([crash("one", "OneError"), crash("two", "TwoError")], "listed")
    path = "/p/listed/groups"
    page = world.get(path).text
    assert "OneError" in page
    assert "TwoError" in page
    assert "OneError" not in world.get(f"{path}?query=twoerror").text
    assert "No group matches" in world.get(f"{path}?query=nothing-like-it").text
    assert world.get(f"{path}?sort=weather").status_code == 400


def test_older_groups_are_a_link_away(world: World) -> None:
    world.add_project("long")
    world.seed([crash(f"no {n}", f"E{n}Error") for n in range(30)], "long")
    first = world.get("/p/long/groups?limit=25").text
    link = html.unescape(first.split('rel="next" href="')[1].split('"')[0])
    assert "limit=25" in link
    second = world.get(link).text
    titles = [set(re.findall(r"E\d+Error", page)) for page in (first, second)]
    assert [len(found) for found in titles] == [25, 5]
    assert not titles[0] & titles[1]
    assert ">Newest</a>" in second


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
    page = world.get(f"/o/{event_id}").text
    for seen in ("CartError", "KeyError", "/app/cart.js", "Plan 9", "shop.example", "clicked pay"):
        assert seen in page
    assert "300 times in a row" in page
    assert re.search(r"20\d earlier ones", page)
    assert len(re.findall("idle", world.get(f"/o/{event_id}?show=all").text)) == 250
    assert page.index("CartError") < page.index("KeyError")
    assert len(page) < 100_000
    assert world.get(f"/o/{event_id}/raw").data == body
    group = world.json(f"/api/v1/events/{event_id}")["group_id"]
    assert f"/o/{event_id}" in world.get(f"/p/paged/g/{group}").text
    assert "cannot total" in world.get(f"/p/paged/g/{group}/o/{event_id}").text
    assert world.get(f"/p/shop/g/{group}").status_code == 404


def test_hostile_text_stays_text(world: World) -> None:
    world.add_project("hostile")
    (event_id,) = world.seed(
        [crash(HOSTILE, HOSTILE, userCustomData={HOSTILE: HOSTILE}, tags=[HOSTILE])], "hostile"
    )
    group = world.json(f"/api/v1/events/{event_id}")["group_id"]
    for path in ("/p/hostile/groups", f"/p/hostile/g/{group}", f"/o/{event_id}"):
        page = world.get(path).text
        assert "alert(1)" in page
        assert page.count("<script") == 1  # our own
        assert "\u202e" not in page
        assert "\x00" not in page


def test_a_crash_whose_pack_is_damaged_still_has_a_page(world: World) -> None:
    (event_id,) = world.seed([crash("partly", "PartError")], "shop")
    with world.stores.database.transaction() as cursor:
        cursor.execute("UPDATE crash_events SET checksum = 1 WHERE id = %s", [str(event_id)])
    page = world.get(f"/o/{event_id}")
    assert page.status_code == 200
    assert "PartError" in page.text
    assert "Missing: the full picture." in page.text
    assert page.headers["Sluice-Request-Id"] in page.text
    assert "The SDK sent no stack" not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/groups/x",
        "/o/x",
        "/o/01a1ee56-5e00-7458-b0bb-96c8945ed372",
        "/p/nowhere/groups",
        "/nothing/like/it",
    ],
)
def test_what_is_not_there_has_a_page(browser: World, path: str) -> None:
    sign_in(browser)
    answer = visit(browser, path)
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")
    assert "There is no such" in answer.text
    assert "Sign out" in answer.text
    assert answer.headers["Sluice-Request-Id"] in answer.text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_programs_are_told_in_their_own_way_what_is_not_there(world: World) -> None:
    assert world.get("/nothing/like/it").get_json()["error"]["code"] == "not_found"
    assert world.client.get("/nothing").get_json()["error"]["code"] == "not_found"
    assert world.get("/p/nowhere/groups.json").get_json()["error"]["code"] == "not_found"
    text = world.get("/p/nowhere/groups.csv")
    assert (text.status_code, text.content_type) == (404, "text/plain; charset=utf-8")
    assert text.text.startswith("not_found: ")


def test_old_addresses_lead_on_for_good(world: World) -> None:
    (event_id,) = world.seed([crash("moved", "MovedError")], "shop")
    group = world.json(f"/api/v1/events/{event_id}")["group_id"]
    number = world.json(f"/api/v1/groups/{group}")["number"]
    for old, new in (
        (f"/groups/{group}", f"/p/shop/g/{number}"),
        (f"/events/{event_id}", f"/o/{event_id}"),
        (f"/events/{event_id}/raw", f"/o/{event_id}/raw"),
    ):
        answer = world.get(old)
        assert (answer.status_code, answer.location) == (308, new)
        assert world.get(new).status_code == 200


@pytest.mark.parametrize("name", ["a/b", "..", "~7", "50 % off? #1", "groups.json", "g/1"])
def test_a_project_of_any_name_has_pages(world: World, name: str) -> None:
    world.add_project(name)
    home = world.get("/index.json").get_json()["projects"]
    (href,) = [row["href"] for row in home if row["name"] == name]
    page = world.get(href)
    assert page.status_code == 200
    assert html.escape(name) in page.text
    assert world.get(f"{href}.json").get_json()["title"] == "Groups"
    (setup,) = [row["setup_href"] for row in home if row["name"] == name]
    assert world.get(f"{setup}.json").get_json()["title"] == f"Set up {name}"


def test_every_page_has_text_twins(world: World) -> None:
    world.add_project("twins")
    formula = "=1+1|`<b>`"
    (event_id,) = world.seed([crash("cell", formula)], "twins")
    (row,) = world.get("/p/twins/groups.json?sort=count").get_json()["groups"]
    assert row["title"].startswith(formula)
    assert world.get("/p/twins/groups.json?query=nothing-like-it").get_json()["groups"] == []
    markdown = world.get("/p/twins/groups.md")
    assert markdown.content_type == "text/markdown; charset=utf-8"
    assert markdown.text.startswith("# Groups\n")
    assert r"\|\`\<b\>\`" in markdown.text
    answer = world.get("/p/twins/groups.csv")
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert line["title"].startswith("'" + formula)
    assert line["count"] == "1"
    shown = world.get(f"/o/{event_id}.json").get_json()["occurrence"]
    assert shown["errors"][0]["message"] == "cell"
    assert "cell" in world.get(f"/o/{event_id}.md").text
    assert "/app/cart.js" in world.get(f"/o/{event_id}.csv").text


def test_twins_lead_to_their_next_page(world: World) -> None:
    world.add_project("pages")
    world.seed([crash(f"no {n}", f"E{n}Error") for n in range(26)], "pages")
    first = world.get("/p/pages/groups.csv?limit=25")
    link = re.fullmatch(r'<(/p/pages/groups\.csv\?[^>]+)>; rel="next"', first.headers["Link"])
    assert link is not None
    second = world.get(link[1])
    assert len(list(csv.DictReader(io.StringIO(second.text)))) == 1
    assert "Link" not in second.headers


def test_twins_open_to_nobody_else(browser: World) -> None:
    for path in ("/index.json", "/p/shop/groups.md", "/p/shop/groups.csv"):
        answer = browser.client.get(path)
        assert answer.status_code == 401, path
        assert visit(browser, path).status_code == 303


def test_the_search_box_finds_things_by_id(world: World) -> None:
    (event_id,) = world.seed([crash("wanted", "WantedError")], "shop")
    group = world.json(f"/api/v1/events/{event_id}")["group_id"]
    number = world.json(f"/api/v1/groups/{group}")["number"]
    for typed, path in (
        (str(event_id), f"/o/{event_id}"),
        (f" {event_id.hex} ", f"/o/{event_id}"),
        (group, f"/p/shop/g/{number}"),
    ):
        answer = world.client.get(
            "/find", query_string={"q": typed}, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert (answer.status_code, answer.location) == (303, path)
    past = new_id(now_ms() - 400 * 86_400_000)
    assert "has the id" in world.get(f"/find?q={past}").text
    waits = new_id(now_ms())  # it may be on its way, of which its receipt tells
    assert world.get(f"/find?q={waits}").location == f"/receipt?id={waits}"
    searched = world.get("/find?q=a+b&project=shop")
    assert searched.location == "/p/shop/groups?query=a+b"
    choose = world.get("/find?q=x").text
    assert "/p/shop/groups?query=x" in choose


def test_a_page_looks_as_its_reader_prefers(browser: World) -> None:
    sign_in(browser)
    assert 'data-theme="system"' in visit(browser, "/").text
    for change in ({"theme": "dark"}, {"density": "dense"}, {"zone": "Europe/Berlin"}):
        data = {"csrf": form_token(browser, "/"), "next": "/find", **change}
        answer = browser.client.post("/preferences", data=data, headers=BROWSER)
        assert (answer.status_code, answer.location) == (303, "/find")
    page = visit(browser, "/").text
    assert 'data-theme="dark" data-density="dense"' in page
    assert re.search(r"as of <time [^>]*>[^<]* CES?T</time>", page)
    for wrong in ({"theme": "loud"}, {"zone": "Mars/Olympus"}, {"zone": "../../etc/passwd"}):
        data = {"csrf": form_token(browser, "/"), **wrong}
        assert browser.client.post("/preferences", data=data, headers=BROWSER).status_code == 400
    elsewhere = {"csrf": form_token(browser, "/"), "next": "//evil", "theme": "light"}
    assert browser.client.post("/preferences", data=elsewhere).location == "/"


def test_a_page_tells_what_it_asked_of_stores(world: World) -> None:
    (event_id,) = world.seed([crash("counted", "CountedError")], "shop")
    timing = world.get(f"/o/{event_id}").headers["Server-Timing"]
    assert re.search(r'sql;desc="\d+";dur=[\d.]+', timing)
    assert 'files;desc="1"' in timing
    assert "search" not in timing


def test_the_group_count_is_linked_from_every_page_of_a_project(world: World) -> None:
    world.add_project("counted")
    world.seed([crash("a", "AError"), crash("b", "BError")], "counted")
    page = world.get("/p/counted/groups").text
    assert '<a href="/p/counted/groups?status=new"><b>2</b> New groups</a>' in page
    assert '<a href="/p/counted/groups?status=regressed"><b>0</b> Regressed</a>' in page


def test_ids_of_other_letter_case_are_found(world: World) -> None:
    (event_id,) = world.seed([crash("case", "CaseError")], "shop")
    assert isinstance(event_id, UUID)
    assert world.get(f"/o/{str(event_id).upper()}").status_code == 200
