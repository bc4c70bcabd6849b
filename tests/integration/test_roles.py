"""Who may do what: every row of API and pages, asked by every kind of caller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from app.api.access import Need, has_right
from app.api.endpoint import Endpoint
from app.api.routes import ENDPOINTS, PREFIX
from app.dashboard.page import Action, Page
from app.dashboard.rows import ROWS
from app.errors import ApiError
from app.factory import create_app
from app.files.desk import open_desk
from config.settings import Settings
from storage.rights import Caller, Right
from tests.integration.api_world import NEEDED, World, open_world
from tests.integration.people import add_user, form_token, post, signed_in
from tests.integration.test_tenants import BODIES, BROWSER, MARK, furnish

#: Every kind of caller, those who may least first; each asks by a token.
KINDS: dict[str, dict[str, Any]] = {
    "stranger": {},
    "of another project": {"projects": {"shop": "admin"}},
    "viewer": {"projects": {"blog": "viewer"}},
    "reading token of the project": {"scope": "read", "project": "blog"},
    "reading token": {"scope": "read"},
    "operator's reading token": {"role": "operator", "own": "read"},
    "member": {"projects": {"blog": "member"}},
    "project's admin": {"projects": {"blog": "admin"}},
    "operator": {"role": "operator"},
    "administrator": {"role": "admin"},
    "operating token of the project": {"scope": "operate", "project": "blog"},
    "triaging token": {"scope": "triage"},
    "operating token": {"scope": "operate"},
}
#: What pages must be asked, by name.
QUERIES = {
    "difference": "?a=<event>&b=<event>",
    "release": "?version=1.2.3",
    # Whatever the blog told of itself is called alike.
    "host": "?name=<metric>",
    "metric": "?name=<metric>",
    "rum_page": "?page=/",
    "ask_letters": "?every=true&do=replay",
}


@dataclass
class Crowd:
    """A world, the token of every kind of caller, and things of project ``blog``."""

    world: World
    tokens: dict[str, str]
    things: dict[str, str]

    def caller(self, kind: str) -> Caller:
        found = self.world.stores.tokens.verify(self.tokens[kind])
        assert found is not None
        return found

    def path(self, rule: str) -> str:
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: self.things[found[1]], rule)

    def ask(self, kind: str, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[kind]}", **options.pop("headers", {})}
        return self.world.client.open(path, method=method, headers=headers, **options)

    def may(self, kind: str, need: Need, where: str) -> bool:
        """Whether a caller may: in the installation, or in the project of the things."""
        blog = self.world.numbers["blog"]
        return has_right(self.caller(kind), need, None if where == "installation" else blog)


@pytest.fixture(scope="module")
def crowd(module_settings: Settings) -> Iterator[Crowd]:
    settings = replace(module_settings, files_url="http://files.example")
    with open_world(settings) as world:
        desk = open_desk(settings)
        tokens = {kind: token_of(world, kind, given) for kind, given in KINDS.items()}
        things = {**furnish(world, desk), "secret": "no-such-link"}
        yield Crowd(world, tokens, things)
        desk.database.close()


def token_of(world: World, kind: str, given: dict[str, Any]) -> str:
    tokens, number = world.stores.tokens, world.numbers.get(given.get("project", ""))
    name = re.sub("[^a-z]", "-", kind)
    if "scope" in given:
        return tokens.create(name, project_id=number, scope=given["scope"])
    user = add_user(world, f"{name}@example.com", given.get("role"), given.get("projects"))
    return tokens.create(name, user_id=user.id, scope=given.get("own", "admin"))


def place_of(row: Endpoint | Page | Action) -> str:
    if isinstance(row, Endpoint):
        return "installation" if row.scope == "installation" else "project"
    return "project" if "<project>" in row.rule or row.scope == "owned" else "installation"


def is_refused(answer: Any) -> bool:
    return answer.status_code in (401, 403)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ENDPOINTS, ids=lambda row: f"{row.method} {row.rule}")
def test_an_endpoint_is_for_whoever_has_the_right(crowd: Crowd, row: Endpoint, kind: str) -> None:
    body = BODIES.get(row.name)
    if isinstance(body, dict):
        body = {k: crowd.path(v) if isinstance(v, str) else v for k, v in body.items()}
    query = dict(NEEDED.get(row.rule, {}))
    if "user" in query:
        query["user"] = MARK
    if row.scope == "filtered" and row.method == "GET":
        query["project"] = "blog"
    elif row.scope == "filtered":
        body = {**body, "project": "blog"}
    path = f"{crowd.path(PREFIX + row.rule)}?{urlencode(query)}"
    data = body if isinstance(body, bytes | None) else orjson.dumps(body)
    answer = crowd.ask(kind, row.method, path, data=data)
    may, sees = (crowd.may(kind, need, place_of(row)) for need in (row.needs, "read"))
    if row.needs in ("nothing", "signed_in") or ("<" not in row.rule and row.scope == "owned"):
        assert answer.status_code != 401  # what it shows is each caller's own
    elif may:
        assert not is_refused(answer), answer.text
        assert answer.status_code == 200 or row.method != "GET", answer.text
    elif place_of(row) == "installation":
        assert answer.get_json()["error"]["code"] in ("token_limited", "right_missing")
    elif row.scope == "filtered":
        assert answer.status_code in (400, 403), answer.text
    else:
        assert answer.status_code == (403 if sees else 404), answer.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{type(row).__name__} {row.rule}")
def test_a_page_or_form_is_for_whoever_has_the_right(
    crowd: Crowd, row: Page | Action, kind: str
) -> None:
    method = "POST" if isinstance(row, Action) else "GET"
    path = crowd.path(row.rule + QUERIES.get(row.name, ""))
    answer = crowd.ask(kind, method, path, headers=BROWSER)
    may, sees = (crowd.may(kind, need, place_of(row)) for need in (row.needs, "read"))
    own = row.rule.startswith("/account/")  # a token, whoever's, changes nothing there
    if row.needs == "nothing" or own:
        assert answer.status_code != 401
    elif may:
        assert not is_refused(answer), answer.text
        if method == "GET":
            # The letter may be discarded by now, by who had the right to.
            shown = (200, 303, 308, 409) if row.name == "edit_letter" else (200, 303, 308)
            assert answer.status_code in shown, answer.text
    elif place_of(row) == "installation":
        assert answer.status_code == 403
    elif not row.rule.startswith(("/events/", "/groups/")):  # old addresses move first
        assert answer.status_code == (403 if sees else 404), answer.text


def test_a_row_that_says_nothing_is_for_administrators() -> None:
    def view(visit: Any) -> Any:
        raise ApiError(500, "internal", "never asked")

    assert (Page("/x", "x", view).needs, Page("/x", "x", view).scope) == ("admin", "installation")
    assert Action("/x", "x", view).needs == "admin"
    with pytest.raises(TypeError):
        Endpoint("/x", "x", "x", view, None)  # type: ignore[call-arg]


RANKS: tuple[Right, ...] = ("read", "triage", "operate", "admin")


def test_every_need_is_met_and_missed_by_somebody(crowd: Crowd) -> None:
    """Else the tests above could not fail."""
    for right in RANKS:
        for where in ("installation", "project"):
            outcomes = {crowd.may(kind, right, where) for kind in KINDS}
            assert outcomes == {True, False}, (right, where)


def forms(world: World) -> list[tuple[str, str]]:
    """Method and rule of every form of the dashboard's URL map."""
    app = create_app(world.stores.settings, world.stores)
    return [
        (rule.endpoint, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("pages.") and "POST" in (rule.methods or set())
    ]


def test_no_form_is_taken_without_the_token_of_its_session(crowd: Crowd) -> None:
    world = crowd.world
    add_user(world, "csrf@example.com", "admin")
    add_user(world, "csrf-other@example.com", "admin")
    mine, other = (signed_in(world, f"csrf{one}@example.com") for one in ("", "-other"))
    foreign, good = form_token(other, "/account"), form_token(mine, "/account")
    found = forms(world)
    assert len(found) >= 25
    for _, rule in found:
        path = crowd.path(rule)
        for data in ({}, {"csrf": ""}, {"csrf": "AAAA"}, {"csrf": foreign}):
            answer = mine.post(path, data=data, headers=BROWSER)
            told = (answer.status_code, "form_expired" in answer.text)
            assert told == (403, True), (path, answer.text)
        for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            answer = mine.post(path, data={"csrf": good}, headers={**BROWSER, **header})
            assert (answer.status_code, "cross_site" in answer.text) == (403, True), path
    # And it is taken with it: the one that ends the session, last.
    assert post(mine, "/account/name", "/account", name="Ann").status_code == 303


def test_every_form_that_posts_carries_a_token(crowd: Crowd) -> None:
    world = crowd.world
    add_user(world, "forms@example.com", "admin", {"blog": "admin"})
    browser = signed_in(world, "forms@example.com")
    seen = 0
    for row in ROWS:
        if isinstance(row, Action) or not row.template or "<secret>" in row.rule:
            continue
        page = browser.get(crowd.path(row.rule), headers=BROWSER).text
        for form in re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL):
            assert 'name="csrf"' in form, (row.rule, form)
            seen += 1
    assert seen > 50


def test_a_role_that_is_taken_bites_at_once_here_and_soon_elsewhere(crowd: Crowd) -> None:
    world = crowd.world
    user = add_user(world, "demoted@example.com", "admin")
    add_user(world, "boss@example.com", "admin")
    app = create_app(world.stores.settings, world.stores)
    theirs, boss = app.test_client(), app.test_client()
    for browser, email in ((theirs, user.email), (boss, "boss@example.com")):
        assert post(browser, "/login", email=email, password="correct horse battery staple")
    assert theirs.get("/settings", headers=BROWSER).status_code == 200
    answer = post(boss, "/settings/users/role", "/settings", user=str(user.id), role="")
    assert answer.status_code == 303
    assert theirs.get("/settings", headers=BROWSER).status_code == 403
    answer = post(boss, "/settings/users/disable", "/settings", user=str(user.id))
    assert answer.status_code == 303
    assert theirs.get("/", headers=BROWSER).status_code == 303
