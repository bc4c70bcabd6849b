"""Commands ``token`` and ``project key``: made, listed without secrets, revoked, audited."""

from __future__ import annotations

from broker.known_keys import KnownKeys, key_digest
from config.settings import Settings
from storage.rights import of_project
from tests.integration.api_world import World
from tests.integration.commands import Command, parsed


def actions(world: World, subject: str) -> list[tuple[str, bool]]:
    entries = world.stores.workbench.audit.list(subject=subject).items
    return [(entry.action, entry.actor.startswith("cli:")) for entry in entries]


def test_a_token_of_a_project_is_made_listed_and_revoked(
    world: World, run: Command, project: str
) -> None:
    made = parsed(run("token", "create", "dev", "--project", project, "--json"))["token"]
    number = world.numbers[project]
    assert world.stores.tokens.verify(made) == of_project("dev", number, project, "admin")
    listed = run("token", "list", "--json")
    assert made not in listed.output
    row = next(one for one in parsed(listed)["items"] if one["project"] == project)
    assert (row["prefix"], row["revoked_at"]) == (made[:6], None)
    assert run("token", "revoke", row["prefix"]).exit_code == 0
    assert world.stores.tokens.verify(made) is None
    again = run("token", "revoke", made)
    assert (again.exit_code, "no such token" in again.output) == (1, True)
    assert actions(world, made[:6]) == [("revoke_token", True), ("create_token", True)]


def test_a_token_of_a_project_that_is_not_there_is_refused(run: Command) -> None:
    answer = run("token", "create", "dev", "--project", "nowhere")
    assert (answer.exit_code, "no project named" in answer.output) == (1, True)


def test_a_second_key_works_beside_the_first_and_is_revoked_alone(
    world: World, run: Command, project: str, settings: Settings
) -> None:
    second = parsed(run("project", "key", "add", project, "--json"))["key"]
    third = parsed(run("project", "key", "add", project, "--key", f"own-{project}", "--json"))
    assert third["key"] == f"own-{project}"
    listed = run("project", "key", "list", project, "--json")
    assert second not in listed.output
    assert len(parsed(listed)["items"]) == 4  # also that of the DSN
    assert run("project", "key", "revoke", project, second[:6]).exit_code == 0
    revoked = world.stores.projects.find_key(second)
    assert revoked is not None
    assert revoked.revoked
    copies = KnownKeys(settings.redis_url, timeout=5)
    kept = copies.find(key_digest(second))
    assert kept is not None
    assert kept.revoked
    for good in (world.keys[project], f"own-{project}"):
        owner = world.stores.projects.find_key(good)
        assert owner is not None
        assert not owner.revoked
    assert actions(world, second[:6]) == [("revoke_key", True), ("add_key", True)]


def test_another_projects_key_is_neither_added_nor_revoked(
    world: World, run: Command, project: str
) -> None:
    theirs = world.keys["shop"]
    for arguments in (("add", project, "--key", theirs), ("revoke", project, theirs)):
        assert run("project", "key", *arguments).exit_code == 1
    owner = world.stores.projects.find_key(theirs)
    assert owner is not None
    assert (owner.project, owner.revoked) == ("shop", False)
