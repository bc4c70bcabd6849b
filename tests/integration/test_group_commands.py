"""Groups from the command line: listed, shown, decided on, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api_world import World, crash, wait_until
from tests.integration.commands import Command, parsed

NAMES = ("CartError", "MailError", "PayError")


@pytest.fixture
def numbers(world: World, project: str) -> dict[str, int]:
    """Short numbers of three groups, by class."""
    world.seed([crash("boom", class_name=name) for name in NAMES], project)
    return {group.title.split(":")[0]: group.number or 0 for group in world.groups(project)}


def shown(run: Command, project: str, number: int) -> dict[str, Any]:
    return dict(parsed(run("group", "show", project, str(number), "--json")))


def decide(run: Command, *arguments: str) -> dict[str, Any]:
    return dict(parsed(run("group", *arguments, "--yes", "--json")))


def test_groups_are_listed_and_shown(
    run: Command, world: World, project: str, numbers: dict[str, int]
) -> None:
    listed = run("group", "list", project, "--query", "is:new mail", "--json")
    (group,) = parsed(listed)["items"]
    assert (group["number"], group["new"]) == (numbers["MailError"], True)
    table = run("group", "list", project)
    assert all(name in table.stdout for name in NAMES)
    one = shown(run, project, numbers["MailError"])
    assert [version["version"] for version in one["versions"]] == ["1.2.3"]
    assert "MailError" in run("group", "show", project, str(numbers["MailError"])).stdout
    wait_until(
        lambda: "PayError" in run("group", "list", project, "--query", "class:PayError").stdout
    )


def test_decisions_and_their_undo(
    run: Command, world: World, project: str, numbers: dict[str, int]
) -> None:
    pay, mail = str(numbers["PayError"]), str(numbers["MailError"])
    action = decide(run, "resolve", project, pay, "--version", "2.0")
    assert shown(run, project, int(pay))["resolved_in"] == "2.0"
    undone = run("group", "undo", project, action["id"])
    assert undone.exit_code == 0
    assert "1 undone" in undone.stdout
    assert shown(run, project, int(pay))["status"] == "open"
    assert run("group", "undo", project, action["id"]).exit_code == 1
    decide(run, "resolve", project, pay, "--next")
    assert shown(run, project, int(pay))["resolved_after"] is True
    decide(run, "assign", project, mail, "--to", "ann")
    decide(run, "ignore", project, mail, "--count", "3")
    assert shown(run, project, int(mail))["ignored_until_count"] == 4
    decide(run, "reopen", project, mail)
    history = [entry["action"] for entry in shown(run, project, int(mail))["history"]]
    assert history == ["reopened", "ignored", "assigned"]


def test_groups_are_merged_split_and_discarded(
    run: Command, world: World, project: str, numbers: dict[str, int]
) -> None:
    pay, mail = str(numbers["PayError"]), str(numbers["MailError"])
    decide(run, "merge", project, pay, mail, "--into", mail)
    merge = shown(run, project, int(pay))
    assert (merge["number"], merge["members"]) == (int(mail), 2)
    other = next(one["id"] for one in merge["fingerprints"] if one["number"] == int(pay))
    run("group", "split", project, mail, other)
    assert shown(run, project, int(pay))["members"] == 1
    decide(run, "discard", project, pay, "--reason", "noise")
    world.seed([crash("boom", class_name="PayError")], project)
    assert shown(run, project, int(pay))["count"] == 1
    decide(run, "undiscard", project, pay)
    world.seed([crash("boom", class_name="PayError")], project)
    assert shown(run, project, int(pay))["count"] == 2


def test_many_are_decided_on_by_a_query_that_is_told_first(
    run: Command, world: World, project: str, numbers: dict[str, int]
) -> None:
    asked = run("group", "resolve", project, "--query", "error")
    assert "Resolve 3 groups matching error?" in asked.output
    assert asked.exit_code == 1
    assert {group.status for group in world.groups(project)} == {"open"}
    assert decide(run, "resolve", project, "--query", "error")["counts"] == {"done": 3}
    assert {group.status for group in world.groups(project)} == {"resolved"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "{project}", "--query", "is:odd"), "is knows"),
        (("show", "{project}", "99"), "has no group 99"),
        (("resolve", "{project}", "99", "--yes"), "has no group 99"),
        (("resolve", "{project}", "--query", "no-such-thing", "--yes"), "no group matches"),
        (("resolve", "{project}", "--yes"), "numbers of groups or --query"),
        (("undo", "{project}", "018f0000-0000-7000-8000-000000000000"), "no such action"),
        (("list", "nowhere"), "no project named"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    run: Command, project: str, arguments: tuple[str, ...], said: str
) -> None:
    done = run("group", *(one.format(project=project) for one in arguments))
    assert done.exit_code in (1, 2)
    assert said in done.output
