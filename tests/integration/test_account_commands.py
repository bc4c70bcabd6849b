"""Commands about people: invite, list, roles, links, sessions; members, tokens and settings."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.integration.api_world import World
from tests.integration.commands import Command, parsed
from tests.integration.people import BROWSER, PASSWORD, add_user, new_browser, post, signed_in


def fresh(name: str = "ann") -> str:
    return f"{name}-{uuid4().hex[:12]}@example.com"


def path_of(link: str) -> str:
    assert "/join/" in link
    return "/join/" + link.partition("/join/")[2]


def test_the_first_administrator_by_command(world: World, run: Command) -> None:
    link = parsed(run("user", "first", "--json"))["link"]
    browser, path = new_browser(world), path_of(link)
    answer = post(browser, path, path, email=fresh("root"), name="Root", password=PASSWORD)
    assert answer.status_code == 303
    again = run("user", "first")
    assert (again.exit_code, "there is an administrator" in again.output) == (1, True)


def test_somebody_is_invited_by_command(world: World, run: Command, project: str) -> None:
    email = fresh()
    done = run("user", "invite", email, "--name", "Ann", "--project", project, "--as", "viewer")
    assert done.exit_code == 0
    browser, path = new_browser(world), path_of(done.output.strip().splitlines()[-1])
    assert post(browser, path, path, name="Ann", password=PASSWORD).status_code == 303
    assert browser.get(f"/p/{project}/groups", headers=BROWSER).status_code == 200
    (row,) = [
        one for one in parsed(run("user", "list", "--json"))["items"] if one["email"] == email
    ]
    assert (row["state"], row["projects"]) == ("active", {project: "viewer"})
    assert email in run("user", "list").output
    twice = run("user", "invite", email)
    assert (twice.exit_code, "is a user already" in twice.output) == (1, True)
    (member,) = parsed(run("project", "members", project, "--json"))["items"]
    assert (member["email"], member["role"]) == (email, "viewer")
    assert run("project", "member", project, email, "admin").exit_code == 0
    assert run("project", "member", project, email, "none").exit_code == 0
    gone = run("project", "member", project, email, "none")
    assert (gone.exit_code, "no such member" in gone.output) == (1, True)


def test_roles_locks_and_links_by_command(world: World, run: Command) -> None:
    add_user(world, fresh("other"), "admin")
    user = add_user(world, fresh())
    assert run("user", "role", user.email, "operator").exit_code == 0
    found = world.stores.accounts.users.find(user.id)
    assert found is not None
    assert found.role == "operator"
    browser = signed_in(world, user.email)
    (session,) = parsed(run("user", "sessions", user.email, "--json"))["items"]
    assert session["address"] == "127.0.0.1"
    assert run("user", "sessions", user.email, "--end").exit_code == 0
    assert parsed(run("user", "sessions", user.email, "--json"))["items"] == []
    path = path_of(parsed(run("user", "reset", user.email, "--json"))["link"])
    assert post(browser, path, path, name="Ann", password=PASSWORD + "!").status_code == 303
    assert run("user", "disable", user.email).exit_code == 0
    assert run("user", "reset", user.email).exit_code == 1
    assert run("user", "enable", user.email).exit_code == 0
    assert run("user", "role", user.email, "none").exit_code == 0
    for command in (("role", "nobody@example.com", "admin"), ("disable", "nobody@example.com")):
        answer = run("user", *command)
        assert (answer.exit_code, "there is no user" in answer.output) == (1, True)
    entries = world.stores.workbench.audit.list(subject=user.email).items
    assert all(one.actor.startswith("cli:") for one in entries if one.action == "set_user_role")


def test_a_token_of_a_user_with_a_scope_and_a_term(
    world: World, run: Command, project: str
) -> None:
    user = add_user(world, fresh(), projects={project: "admin"})
    arguments = ("--user", user.email, "--scope", "triage", "--project", project, "--days", "3")
    token = parsed(run("token", "create", "laptop", *arguments, "--json"))["token"]
    caller = world.stores.tokens.verify(token)
    assert caller is not None
    assert (caller.name, caller.right_in(world.numbers[project])) == (user.email, "triage")
    rows = parsed(run("token", "list", "--json"))["items"]
    (row,) = [one for one in rows if one["prefix"] == token[:6]]
    assert (row["user"], row["scope"], row["project"]) == (user.email, "triage", project)
    assert row["expires_at"] is not None
    assert token not in str(rows)
    nobody = run("token", "create", "x", "--user", "nobody@example.com")
    assert (nobody.exit_code, "there is no user" in nobody.output) == (1, True)


def test_refusals_and_settings_by_command(world: World, run: Command, project: str) -> None:
    assert parsed(run("project", "refusals", project, "--json"))["items"] == []
    assert run("project", "refusals").exit_code == 0
    told = {one["name"]: one for one in parsed(run("settings", "--json"))["items"]}
    assert told["SLUICE_SESSION_KEY"]["value"] in ("(set)", "(not set)")
    changed = parsed(run("settings", "--changed", "--json"))["items"]
    assert 0 < len(changed) < len(told)


@pytest.mark.parametrize(
    "command", ["first", "invite", "list", "role", "disable", "enable", "reset"]
)
def test_every_command_explains_itself(run: Command, command: str) -> None:
    done = run("user", command, "--help")
    assert (done.exit_code, "Usage:" in done.output) == (0, True)
