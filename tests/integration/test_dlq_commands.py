"""``./sluice dlq``: every command does what it says, and says why when it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broker import keys
from broker.connection import connect
from config.settings import Settings
from events.ids import new_id, now_ms
from storage.sql.letter_filter import LetterFilter
from storage.sql.letter_rows import DeadLetterRow
from tests.integration.api_world import World, crash
from tests.integration.commands import Command, parsed


def dead(world: World, project: str, *bodies: bytes) -> list[DeadLetterRow]:
    envelopes = world.envelopes(bodies, project)
    world.accept(envelopes)
    for envelope in envelopes:
        world.kill(envelope)
    return world.stores.dead_letters.list(LetterFilter(project)).items


def status_of(world: World, letter: DeadLetterRow) -> str:
    found = world.stores.dead_letters.find(letter.id)
    assert found is not None
    return found.status


def test_list_clusters_and_show(world: World, project: str, run: Command) -> None:
    letters = dead(world, project, crash("one"), b"\xff\x00")
    listed = parsed(run("dlq", "list", "--project", project, "--limit", "1", "--json"))
    assert [item["id"] for item in listed["items"]] == [str(letters[0].id)]
    rest = run("dlq", "list", "--project", project, "--cursor", listed["next_cursor"], "--json")
    assert [item["id"] for item in parsed(rest)["items"]] == [str(letters[1].id)]
    assert project in run("dlq", "list", "--project", project).stdout
    (cluster,) = parsed(run("dlq", "clusters", "--project", project, "--json"))["items"]
    assert (cluster["count"], cluster["code"]) == (2, "malformed")
    assert cluster["cluster"] in run("dlq", "clusters", "--project", project).stdout
    none = run("dlq", "list", "--project", project, "--to", "2020-01-01", "--json")
    assert parsed(none)["items"] == []
    shown = parsed(run("dlq", "show", str(letters[0].id), "--json"))
    assert (shown["payload"]["encoding"], shown["attempts"]) == ("base64", 3)
    assert "Traceback" in run("dlq", "show", str(letters[1].id)).stdout


def test_edit_discard_and_audit(
    world: World, project: str, run: Command, tmp_path: Path, settings: Settings
) -> None:
    first, second, third = dead(world, project, crash(), crash(), crash())
    file = tmp_path / "payload.json"
    file.write_bytes(b'{"new": 1}')
    assert run("dlq", "edit", str(first.id), "--file", str(file)).exit_code == 0
    shown = parsed(run("dlq", "show", str(first.id), "--json"))
    assert (shown["payload"]["data"], shown["edits"]) == ('{"new": 1}', 1)
    original = parsed(run("dlq", "show", str(first.id), "--original", "--json"))
    assert original["payload"]["data"] == crash().decode()

    large = run(
        "dlq", "edit", str(first.id), "--file", "-", text=b"x" * (settings.max_event_bytes + 1)
    )
    assert (large.exit_code, "payload_too_large" in large.stderr) == (1, True)
    empty = run("dlq", "edit", str(first.id), "--file", "-", text=b"")
    assert (empty.exit_code, "bad_argument" in empty.stderr) == (1, True)

    done = run("dlq", "discard", str(first.id), "--reason", "useless", "--json")
    assert parsed(done) == {"discarded": 1}
    again = run("dlq", "discard", str(first.id), "--reason", "useless")
    assert (again.exit_code, "letter_not_open" in again.stderr) == (1, True)
    rest = run("dlq", "discard", "--project", project, "--reason", "all", "--json")
    assert parsed(rest) == {"discarded": 2}
    assert {status_of(world, one) for one in (first, second, third)} == {"discarded"}
    entries = parsed(run("dlq", "audit", "--subject", str(first.id), "--json"))["items"]
    assert [entry["action"] for entry in entries] == ["discard", "edit"]
    assert all(entry["actor"].startswith("cli:") for entry in entries)
    assert "discard" in run("dlq", "audit").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "ID"],
        ["edit", "ID", "--file", "-"],
        ["discard", "ID", "--reason", "x"],
        ["replay", "ID"],
    ],
)
def test_a_letter_that_is_not_there_is_named(run: Command, arguments: list[str]) -> None:
    missing = str(new_id(now_ms()))
    result = run("dlq", *[missing if one == "ID" else one for one in arguments], text=b"{}")
    assert result.exit_code == 1
    assert f"letter_not_found: there is no dead letter {missing}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["replay"], 2),
        (["replay", "--all", "--code", "E"], 2),
        (["replay", str(new_id(1)), "--code", "E"], 2),
        (["replay", "--resume", str(new_id(1)), "--all"], 2),
        (["replay", "--all", "--rate", "0"], 2),
        (["replay", "--resume", str(new_id(1))], 1),
        (["replay", "--project", "nowhere"], 1),
        (["discard", "--all"], 2),
        (["discard", "--all", "--reason", ""], 2),
        (["discard", "--reason", "nothing chosen"], 2),
        (["list", "--project", "nowhere"], 1),
        (["list", "--stage", "fright"], 2),
        (["list", "--cursor", "zzz"], 1),
        (["replays", "--cursor", "zzz"], 1),
        (["audit", "--cursor", "zzz"], 1),
        (["cancel", str(new_id(1))], 1),
        (["parked", "--queue", "crush.sql"], 2),
        (["parked", "replay", "zzz"], 1),
        (["parked", "discard", "zzz", "--reason", "x"], 1),
    ],
)
def test_what_cannot_be_done_is_said(run: Command, arguments: list[str], code: int) -> None:
    result = run("dlq", *arguments)
    assert (result.exit_code, bool(result.stderr)) == (code, True)


def test_export_and_import(world: World, project: str, run: Command) -> None:
    dead(world, project, crash("one"), b"\xff\x00")
    lines = run("dlq", "export", "--project", project).stdout_bytes
    assert lines.count(b"\n") == 2
    assert "imported 0, known here 2" in run("dlq", "import", text=lines).stdout
    with world.stores.database.transaction() as cursor:
        cursor.execute("DELETE FROM dead_letters WHERE project_id = %s", (world.numbers[project],))
    done = run("dlq", "import", "--restore", "--json", text=lines + b"garbage\n")
    assert (done.exit_code, "line 3: not JSON" in done.stderr) == (1, True)
    assert json.loads(done.stdout)["imported"] == 2
    assert run("dlq", "export", "--project", project).stdout_bytes == lines


def test_a_detached_replay_is_listed_and_cancelled(
    world: World, project: str, run: Command
) -> None:
    dead(world, project, crash(), crash())
    made = parsed(run("dlq", "replay", "--project", project, "--detach", "--json"))
    assert (made["status"], made["counts"]["waiting"]) == ("sending", 2)
    assert made["id"] in run("dlq", "replays").stdout
    assert parsed(run("dlq", "replays", "--json"))["items"][0]["id"] == made["id"]
    assert "cancelled: 2 letters: 2 waiting" in run("dlq", "cancel", made["id"]).stdout
    resumed = parsed(run("dlq", "replay", "--resume", made["id"], "--json"))
    assert resumed["status"] == "cancelled"


def test_parked_messages(world: World, run: Command, settings: Settings) -> None:
    with connect(settings.redis_url, timeout=5) as client:
        client.hset(keys.parked("rum.sql"), "a" * 40, b"garbage")
        client.hset(keys.parked_why("rum.sql"), "a" * 40, "not a task message")
    assert "not a task message" in run("dlq", "parked").stdout
    (message,) = parsed(run("dlq", "parked", "--queue", "rum.sql", "--json"))["items"]
    assert run("dlq", "parked", "discard", message["id"], "--reason", "garbage").exit_code == 0
    assert parsed(run("dlq", "parked", "--queue", "rum.sql", "--json"))["items"] == []
