"""Settings on pages and in the API: keys, members, tokens, terms, redaction, users, projects."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.integration.api_world import TOKEN, World, crash, wait_until
from tests.integration.people import BROWSER, PASSWORD, add_user, new_browser, post, signed_in

V1 = "/api/v1"


def fresh(name: str = "ann") -> str:
    return f"{name}-{uuid4().hex[:12]}@example.com"


@pytest.fixture(scope="module")
def boss(world: World) -> FlaskClient:
    """An administrator's browser."""
    return signed_in(world, add_user(world, fresh("boss"), "admin").email)


def made(answer: TestResponse) -> str:
    """The secret that a form made."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found = re.search(r'<code id="made">([^<]+)</code>', answer.text)
    assert found is not None
    return html.unescape(found[1])


def rows(browser: FlaskClient, page: str, table: str) -> list[dict[str, Any]]:
    """A page's list, as its text twin tells it."""
    path = "/index" if page == "/" else page
    answer = browser.get(f"{path}.json", headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()[table])


def api(world: World, method: str, path: str, body: Any = None, token: str = TOKEN) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"}
    data = None if body is None else orjson.dumps(body)
    return world.client.open(f"{V1}{path}", method=method, data=data, headers=headers)


def actions(world: World, subject: str) -> list[str]:
    return [entry.action for entry in world.stores.workbench.audit.list(subject=subject).items]


def test_a_key_on_the_pages(world: World, boss: FlaskClient, project: str) -> None:
    here = f"/p/{project}/settings"
    key = made(post(boss, f"{here}/keys", here, name="the till"))
    assert key not in boss.get(here, headers=BROWSER).text
    owner = world.stores.projects.find_key(key)
    assert owner is not None
    assert (owner.project, owner.revoked) == (project, False)
    (row,) = [one for one in rows(boss, here, "keys") if one["name"] == "the till"]
    assert row["shown"] == f"{key[:6]}…"
    answer = post(boss, f"{here}/keys/name", here, key=str(row["id"]), name="the new till")
    assert answer.status_code == 303
    answer = post(boss, f"{here}/keys/revoke", here, key=str(row["id"]))
    assert answer.status_code == 303
    owner = world.stores.projects.find_key(key)
    assert owner is not None
    assert owner.revoked
    assert actions(world, key[:6]) == ["revoke_key", "rename_key", "add_key"]
    again = post(boss, f"{here}/keys/revoke", here, key=str(row["id"]))
    assert (again.status_code, "There is no such good key" in again.text) == (404, True)


def test_a_key_of_the_dsn_can_be_read_again(world: World, boss: FlaskClient, project: str) -> None:
    here = f"/p/{project}/settings"
    key = made(post(boss, f"{here}/keys", here, public="true"))
    for page in (here, f"/setup/{project}"):
        assert f"//{key}@" in html.unescape(boss.get(page, headers=BROWSER).text)


def test_another_projects_key_is_not_touched(world: World, boss: FlaskClient, project: str) -> None:
    (theirs, *_) = rows(boss, "/p/shop/settings", "keys")
    here = f"/p/{project}/settings"
    for form in ("keys/revoke", "keys/name"):
        answer = post(boss, f"{here}/{form}", here, key=str(theirs["id"]))
        assert answer.status_code in (400, 404)
    (same, *_) = rows(boss, "/p/shop/settings", "keys")
    assert same == theirs


def test_keys_in_the_api(world: World, project: str) -> None:
    path = f"/projects/{project}/keys"
    key = api(world, "POST", path, {"name": "ci"}).get_json()["key"]
    items = api(world, "GET", path).get_json()["items"]
    (row,) = [one for one in items if one["name"] == "ci"]
    assert key not in str(items)
    assert (row["prefix"], row["public_key"]) == (key[:6], None)
    renamed = api(world, "PUT", f"{path}/{row['id']}", {"name": "cd"}).get_json()
    assert renamed["name"] == "cd"
    gone = api(world, "DELETE", f"{path}/{row['id']}")
    assert (gone.status_code, gone.get_json()["shared"]) == (200, True)
    assert api(world, "DELETE", f"{path}/{row['id']}").status_code == 404
    for number in ("0", "x", "9" * 30):
        assert api(world, "DELETE", f"{path}/{number}").status_code == 404


def test_somebody_new_is_invited_to_a_project(
    world: World, boss: FlaskClient, project: str
) -> None:
    here, email = f"/p/{project}/settings/members", fresh()
    link = made(post(boss, here, here, email=email, name="Ann", role="viewer"))
    path = link.removeprefix("http://localhost")
    theirs = new_browser(world)
    assert post(theirs, path, path, name="Ann", password=PASSWORD).status_code == 303
    assert [one["name"] for one in rows(theirs, "/", "projects")] == [project]
    assert theirs.get(f"/p/{project}/groups", headers=BROWSER).status_code == 200
    assert theirs.get(f"/p/{project}/settings", headers=BROWSER).status_code == 403
    # Who is there gets another role, and no link that would open the account.
    changed = post(boss, here, here, email=email.upper(), role="admin")
    assert (changed.status_code, changed.location) == (303, here)
    (row,) = [one for one in rows(boss, here, "members") if one["email"] == email]
    assert (row["role"], row["active"]) == ("admin", True)
    fresh_process = signed_in(world, email)
    assert fresh_process.get(f"/p/{project}/settings", headers=BROWSER).status_code == 200
    assert post(boss, f"{here}/remove", here, user=str(row["id"])).status_code == 303
    assert signed_in(world, email).get(f"/p/{project}/groups").status_code == 404
    assert {"create_user", "set_member", "remove_member"} <= set(actions(world, email))


def test_a_projects_admin_gets_no_link_for_who_is_there(world: World, project: str) -> None:
    admin = signed_in(world, add_user(world, fresh("admin"), projects={project: "admin"}).email)
    here = f"/p/{project}/settings/members"
    for target in (add_user(world, fresh("root"), "admin").email, fresh("pending")):
        world_link = world.stores.accounts.users.by_email(target)
        if world_link is None:
            world.stores.accounts.links.invite(target, "Pending", "test", "admin")
        answer = post(admin, here, here, email=target, role="viewer")
        assert (answer.status_code, "made" in answer.text) == (303, False)
    assert admin.get("/settings", headers=BROWSER).status_code == 403


def test_members_in_the_api(world: World, project: str) -> None:
    path, email = f"/projects/{project}/members", fresh()
    answer = api(world, "PUT", path, {"email": email, "role": "member", "name": "Ann"}).get_json()
    assert answer["link"].startswith("http://localhost/join/")
    (row,) = api(world, "GET", path).get_json()["items"]
    assert (row["email"], row["role"], row["active"]) == (email, "member", False)
    again = api(world, "PUT", path, {"email": email, "role": "viewer"}).get_json()
    assert (again["link"], again["id"]) == (None, row["user_id"])
    assert api(world, "DELETE", f"{path}/{row['user_id']}").status_code == 200
    assert api(world, "DELETE", f"{path}/{row['user_id']}").status_code == 404
    bad = api(world, "PUT", path, {"email": "nobody", "role": "viewer"})
    assert (bad.status_code, bad.get_json()["error"]["code"]) == (400, "bad_argument")


@pytest.mark.parametrize("where", ["project", "installation"])
def test_a_token_on_the_pages(world: World, boss: FlaskClient, project: str, where: str) -> None:
    here = f"/p/{project}/settings/tokens" if where == "project" else "/settings/tokens"
    token = made(post(boss, here, here, name="reader", scope="read", days="30"))
    groups = api(world, "GET", f"/groups?project={project}", token=token)
    assert groups.status_code == 200
    pausing = api(world, "POST", "/queues/crash.sql/pause", {}, token)
    assert pausing.status_code == 403
    reading = api(world, "GET", "/queues", token=token).status_code
    assert reading == (403 if where == "project" else 200)
    (row,) = [one for one in rows(boss, here, "tokens") if one["prefix"] == token[:6]]
    assert (row["scope"], row["expires_at"] is None) == ("read", False)
    assert post(boss, f"{here}/revoke", here, token=str(row["id"])).status_code == 303
    assert world.stores.tokens.verify(token) is None
    assert post(boss, f"{here}/revoke", here, token=str(row["id"])).status_code == 404


def test_a_token_of_ones_own(world: World, project: str) -> None:
    user = add_user(world, fresh(), projects={project: "member"})
    mine, other = signed_in(world, user.email), signed_in(world, add_user(world, fresh()).email)
    token = made(post(mine, "/account/tokens", "/account", name="laptop", scope="admin", days="0"))
    told = api(world, "GET", "/account", token=token).get_json()
    assert told == {
        "name": user.email,
        "token": "laptop",
        "everywhere": None,
        "projects": [{"project": project, "right": "triage"}],
    }
    assert api(world, "GET", f"/projects/{project}/keys", token=token).status_code == 403
    (row,) = rows(mine, "/account", "tokens")
    assert row["expires_at"] is None
    stolen = post(other, "/account/tokens/revoke", "/account", token=str(row["id"]))
    assert stolen.status_code == 404
    elsewhere = post(mine, "/account/tokens", "/account", name="x", project="shop")
    assert elsewhere.status_code == 404
    assert post(mine, "/account/tokens/revoke", "/account", token=str(row["id"])).status_code == 303
    assert world.stores.tokens.verify(token) is None
    for name in ("", "ann@example.com", "cli:root"):
        refused = post(mine, "/account/tokens", "/account", name=name)
        assert (refused.status_code, "name: " in refused.text) == (400, True)


def test_tokens_in_the_api(world: World, project: str) -> None:
    body = {"name": "ci", "scope": "triage", "project": project, "days": 7}
    answer = api(world, "POST", "/tokens", body).get_json()
    token = answer["token"]
    assert (answer["scope"], answer["project"]) == ("triage", project)
    listed = api(world, "GET", f"/tokens?project={project}").get_json()["items"]
    (row,) = [one for one in listed if one["prefix"] == token[:6]]
    assert token not in str(listed)
    # What a project's own administrator makes is the project's, whatever it asks for.
    number = world.numbers[project]
    admin = world.stores.tokens.create("admin", project_id=number)
    mine = api(world, "POST", "/tokens", {"name": "x", "scope": "admin"}, admin).get_json()
    assert mine["project"] == project
    assert api(world, "POST", "/tokens", {"name": "x"}, token).status_code == 403
    assert api(world, "DELETE", f"/tokens/{row['id']}", token=admin).status_code == 200
    assert api(world, "DELETE", f"/tokens/{row['id']}", token=admin).status_code == 404
    of_all = world.stores.tokens.create("of all", scope="read")
    (row,) = [one for one in world.stores.tokens.list() if one.prefix == of_all[:6]]
    assert api(world, "DELETE", f"/tokens/{row.id}", token=admin).status_code == 404
    assert world.stores.tokens.verify(of_all) is not None


def test_a_term_on_the_pages(world: World, boss: FlaskClient, project: str) -> None:
    here = f"/p/{project}/settings/retention"
    assert post(boss, here, here, type="crash", days="7").status_code == 303
    (row,) = [one for one in rows(boss, here, "terms") if one["type"] == "crash"]
    assert row["own"] == 7
    too_long = post(boss, here, here, type="crash", days="36500")
    assert (too_long.status_code, "a project&#39;s term is shorter" in too_long.text) == (400, True)
    assert post(boss, here, here, type="crash").status_code == 303
    (row,) = [one for one in rows(boss, here, "terms") if one["type"] == "crash"]
    assert row["own"] is None


def test_redaction_on_the_pages(world: World, boss: FlaskClient, project: str) -> None:
    here = f"/p/{project}/settings/redaction"
    (event,) = world.seed([crash("secret basket")], project)
    rules = {"version": "0", "default_names": "true", "names": "basket\n\n", "values": "card"}
    shown = post(boss, f"{here}/preview", here, event=str(event), **rules)
    assert shown.status_code == 200
    assert "name:basket" in shown.text
    assert world.stores.redaction.read(world.numbers[project]).project.version == 0
    typed = post(boss, f"{here}/preview", here, body='{"details": {"basket": 5}}', **rules)
    assert "details.basket" in typed.text
    bad = post(boss, here, here, **{**rules, "names": "**"})
    assert (bad.status_code, "names: " in bad.text) == (400, True)
    assert ">**</textarea>" in bad.text
    saved = post(boss, here, here, **rules)
    assert (saved.status_code, saved.location) == (303, here)
    stored = world.stores.redaction.read(world.numbers[project]).project.rules
    assert (stored.names, stored.values["bearer"]) == (("basket",), False)
    stale = post(boss, here, here, **rules)
    assert (stale.status_code, "of version" in stale.text) == (409, True)
    viewer = signed_in(world, add_user(world, fresh(), projects={project: "viewer"}).email)
    page = viewer.get(here, headers=BROWSER).text
    assert "Save the rules" not in page
    assert post(viewer, here, here, **rules).status_code == 403


def test_users_on_the_pages(world: World, boss: FlaskClient) -> None:
    here, email = "/settings", fresh()
    link = made(post(boss, "/settings/users", here, email=email, name="Ann", role="operator"))
    assert "/join/" in link
    user = world.stores.accounts.users.by_email(email)
    assert user is not None
    assert user.role == "operator"
    again = post(boss, "/settings/users", here, email=email)
    assert (again.status_code, "is a user already" in again.text) == (400, True)
    renewed = made(post(boss, "/settings/users/link", here, user=str(user.id)))
    assert renewed != link
    first = link.removeprefix("http://localhost")
    assert new_browser(world).get(first, headers=BROWSER).status_code == 404
    for form, fields in (("role", {"role": "admin"}), ("disable", {}), ("enable", {})):
        answer = post(boss, f"/settings/users/{form}", here, user=str(user.id), **fields)
        assert answer.status_code == 303, form
    assert post(boss, "/settings/users/role", here, user="2000000000").status_code == 404
    assert post(boss, "/settings/users/role", here, user=str(user.id), role="x").status_code == 400


def test_users_in_the_api(world: World) -> None:
    email = fresh()
    made = api(world, "POST", "/users", {"email": email, "name": "Ann"}).get_json()
    assert (made["email"], made["role"], made["has_password"]) == (email, None, False)
    assert "/join/" in made["link"]
    path = f"/users/{made['id']}"
    assert api(world, "PUT", f"{path}/role", {"role": "operator"}).get_json()["role"] == "operator"
    assert api(world, "POST", f"{path}/disable").get_json()["disabled_at"] is not None
    assert api(world, "POST", f"{path}/link").status_code == 400
    assert api(world, "POST", f"{path}/enable").get_json()["disabled_at"] is None
    assert "/join/" in api(world, "POST", f"{path}/link").get_json()["link"]
    seen, cursor = [], ""
    while cursor is not None:
        page = api(world, "GET", f"/users?limit=2&cursor={cursor}").get_json()
        seen += [one["email"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert email in seen
    assert seen == sorted(seen)
    assert api(world, "POST", "/users/x/disable").status_code == 404


def test_a_project_is_made_and_set_up(world: World, boss: FlaskClient) -> None:
    name = f"made {uuid4().hex}"
    here = "/settings/projects"
    answer = post(boss, here, here, name=name)
    assert answer.status_code == 303
    page = boss.get(answer.location, headers=BROWSER)
    assert "waiting for the first event" in page.text
    project = world.stores.projects.by_name(name)
    assert project is not None
    assert project.public_key is not None
    assert project.public_key in page.text
    taken = post(boss, here, here, name=name)
    assert (taken.status_code, "already" in taken.text) == (400, True)
    made = api(world, "POST", "/projects", {"name": f"{name} too"}).get_json()
    assert world.stores.projects.find_key(made["key"]) is not None
    assert made["dsn"].startswith("http://")


def test_effective_settings_tell_no_secret(world: World, boss: FlaskClient) -> None:
    settings = world.stores.settings
    told = boss.get("/settings/effective", headers=BROWSER).text
    told += api(world, "GET", "/settings").text
    for secret in (settings.session_key, settings.postgres_dsn, settings.s3_secret_key):
        assert secret.reveal() not in told
    assert "SLUICE_SESSION_KEY" in told


def test_home_tells_what_needs_somebody(world: World, boss: FlaskClient, project: str) -> None:
    world.seed([crash("one", "OneError"), crash("two", "TwoError")], project)

    def row() -> dict[str, Any]:
        fresh_process = new_browser(world)
        answer = fresh_process.get(
            "/index.json?all=true", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        view = answer.get_json()
        assert view["light"]["word"] in ("ready", "degraded", "stalled")
        (found,) = [one for one in view["projects"] if one["name"] == project]
        return dict(found)

    wait_until(lambda: row()["crashes"] == 2)
    found = row()
    assert (found["new"], found["regressed"], found["users"]) == (2, 0, 1)
    (one,) = [group for group in world.groups(project) if "OneError" in group.title]
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    resolved = world.client.post(f"/api/v1/groups/{one.id}/resolve", headers=bearer)
    assert resolved.status_code == 200, resolved.text
    world.seed([crash("one", "OneError")], project)
    found = row()
    assert (found["new"], found["regressed"]) == (1, 1)
    for what in ("new", "regressed"):
        path = found[f"{what}_href"].replace("/groups?", "/groups.json?")
        assert len(world.json(path)["groups"]) == found[what]
    viewer = signed_in(world, add_user(world, fresh(), projects={project: "viewer"}).email)
    page = viewer.get("/", headers=BROWSER).text
    assert 'class="light"' not in page
    assert ">shop<" not in page


def test_a_stranger_to_all_projects_is_told_so(world: World) -> None:
    page = signed_in(world, add_user(world, fresh()).email).get("/", headers=BROWSER).text
    assert "You belong to no project yet" in page
