"""The API of redaction, and the commands: rules read, changed, previewed; packs looked into."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.redact.matches import MARKER
from events.redact.redactor import Redactor
from events.redact.rules import Rules
from tests.integration.api_world import TOKEN, World, crash
from tests.integration.commands import Command

SIGN = MARKER.decode()


def send(
    world: World, method: str, path: str, body: Any = None, token: str = TOKEN
) -> TestResponse:
    return world.client.open(
        path, method=method, json=body, headers={"Authorization": f"Bearer {token}"}
    )


def redacted_event(world: World, project: str, **details: Any) -> str:
    """An event stored as the files stage does it."""
    (envelope,) = world.envelopes([crash(**details)], project)
    world.accept([envelope])
    return str(world.store([Redactor(Rules()).redact(envelope)])[0])


def test_raw_bytes_and_picture_tell_what_was_redacted(world: World, project: str) -> None:
    event = redacted_event(world, project, userCustomData={"password": "x", "secret": "y"})
    raw = world.get(f"/api/v1/events/{event}/raw")
    assert raw.headers["Sluice-Redacted"] == "2"
    assert raw.data.count(MARKER) == 2
    assert world.json(f"/api/v1/events/{event}")["redacted"] == 2

    clean = redacted_event(world, project)
    raw = world.get(f"/api/v1/events/{clean}/raw")
    assert "Sluice-Redacted" not in raw.headers
    assert raw.data == crash()
    assert world.json(f"/api/v1/events/{clean}")["redacted"] == 0


def test_rules_are_read_and_changed(world: World, project: str) -> None:
    path = f"/api/v1/projects/{project}/redaction"
    before = send(world, "GET", path).get_json()
    assert (before["version"], before["changed_by"]) == (0, None)
    assert "*password" in before["blanked_names"]
    assert before["values"]["card"] is True
    assert before["values"]["email"] is False

    wanted = {"names": ["order*"], "values": {"email": True}, "version": 0}
    after = send(world, "PUT", path, wanted).get_json()
    assert (after["version"], after["changed_by"]) == (1, "test")
    assert after["values"] == {**before["values"], "email": True}
    assert send(world, "GET", path).get_json() == after

    again = send(world, "PUT", path, wanted)
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "rules_changed")
    audit = world.stores.workbench.audit.list(subject=project).items
    assert [(entry.actor, entry.action) for entry in audit] == [
        ("test", "redaction"),
        ("system", "create_project"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"names": ["*"]}, "bad_rules"),
        ({"names": [7]}, "bad_argument"),
        ({"values": {"iban": True}}, "bad_rules"),
        ({"nmaes": []}, "bad_argument"),
        ({"default_names": "no"}, "bad_argument"),
        ([], "not_an_object"),
    ],
)
def test_rules_that_cannot_be_are_400(world: World, project: str, body: Any, code: str) -> None:
    answer = send(world, "PUT", f"/api/v1/projects/{project}/redaction", body)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, code)
    assert world.stores.redaction.read(world.numbers[project]).project.version == 0


def test_a_preview_shows_what_would_be_stored_and_stores_nothing(
    world: World, project: str
) -> None:
    path = f"/api/v1/projects/{project}/redaction/preview"
    event = redacted_event(world, project, userCustomData={"order_no": "A-17"})

    shown = send(world, "POST", path, {"event_id": event, "rules": {"names": ["order*"]}})
    found = shown.get_json()
    assert (found["redacted"], found["matches"]) == (
        1,
        [{"rule": "name:order*", "path": "details.userCustomData.order_no"}],
    )
    assert json.loads(found["body"]["data"])["details"]["userCustomData"] == {"order_no": SIGN}
    assert world.get(f"/api/v1/events/{event}/raw").data.count(MARKER) == 0

    for body in ({"password": "x"}, '{"password": "x"}'):
        found = send(world, "POST", path, {"body": body}).get_json()
        assert json.loads(found["body"]["data"]) == {"password": SIGN}
    large = send(world, "POST", path, {"body": {"password": "x" * 900_000}})
    assert large.get_json()["redacted"] == 1


def test_a_preview_that_cannot_be_is_said(world: World, project: str) -> None:
    path = f"/api/v1/projects/{project}/redaction/preview"
    other = redacted_event(world, "shop")
    for body, status, code in (
        ({}, 400, "bad_argument"),
        ({"event_id": other, "body": "x"}, 400, "bad_argument"),
        ({"body": "x", "rules": {"names": ["*"]}}, 400, "bad_rules"),
        ({"event_id": other}, 404, "not_found"),
        ({"event_id": "nothing"}, 404, "not_found"),
        ({"event_id": str(new_id(now_ms()))}, 404, "not_found"),
        ({"body": "x" * 3_000_000}, 413, "payload_too_large"),
    ):
        answer = send(world, "POST", path, body)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)


def test_rules_are_the_project_s_own(world: World, project: str) -> None:
    token = f"of-one-{uuid4().hex}"
    world.stores.tokens.create("one", token, world.numbers[project])
    assert (
        send(world, "GET", f"/api/v1/projects/{project}/redaction", token=token).status_code == 200
    )
    for method, path in (
        ("GET", "/api/v1/projects/shop/redaction"),
        ("PUT", "/api/v1/projects/shop/redaction"),
        ("POST", "/api/v1/projects/shop/redaction/preview"),
        ("GET", "/api/v1/projects/nobody/redaction"),
    ):
        answer = send(world, method, path, None if method == "GET" else {}, token)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "not_found")
        assert world.client.open(path, method=method).status_code == 401


def test_commands_show_and_set_rules(world: World, project: str, run: Command) -> None:
    shown = json.loads(run("redaction", "show", project, "--json").stdout)
    assert shown["version"] == 0

    done = run(
        "redaction", "set", project, "--name", "order*", "--keep", "cookie", "--on", "email",
        "--off", "card", "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["names"], found["keep"]) == (["order*"], ["cookie"])
    assert (found["values"]["email"], found["values"]["card"]) == (True, False)
    done = run("redaction", "set", project, "--no-name", "order*", "--json")
    assert json.loads(done.stdout)["names"] == []
    done = run("redaction", "set", project, "--file", "-", "--json", text='{"names": ["abc"]}')
    assert json.loads(done.stdout)["names"] == ["abc"]
    assert "abc" in run("redaction", "show", project).stdout

    for arguments, text, why in (
        (("show", "nobody"), None, "no project named"),
        (("set", project, "--name", "*"), None, "letters or digits"),
        (("set", project, "--file", "-"), "{", "not JSON"),
        (("set", project, "--file", "-"), "[]", "object"),
    ):
        failed = run("redaction", *arguments, text=text)
        assert failed.exit_code == 1
        assert why in failed.output


@pytest.fixture
def pack(world: World, project: str, tmp_path: Path) -> tuple[str, Path, list[Envelope]]:
    """A pack in the bucket and as a file, and what is in it: more than one frame."""
    bodies = [
        crash(message=random.Random(n).randbytes(400).hex(), password="p") for n in range(399)
    ]
    redactor = Redactor(Rules())
    envelopes = [redactor.redact(one) for one in world.envelopes(bodies, project)]
    ref, _ = world.stores.files.write_pack(envelopes, new_id(now_ms()))
    file = tmp_path / "copy.pack"
    file.write_bytes(world.stores.files.fetch_pack(ref.key))
    return ref.key, file, envelopes


def test_packs_are_inspected_verified_and_printed(
    pack: tuple[str, Path, list[Envelope]], run: Command
) -> None:
    key, file, envelopes = pack
    for target in (key, str(file)):
        told = json.loads(run("pack", "inspect", target, "--events", "--json").stdout)
        assert (told["whole"], told["events"], told["events_lost"]) == (True, 399, 0)
        assert told["redacted"] == 399
        assert told["frames"] > 1
        assert {row["id"] for row in told["items"]} == {str(one.id) for one in envelopes}
        assert run("pack", "verify", target).stdout == "whole: 399 events\n"
        one = envelopes[7]
        assert run("pack", "cat", target, "--event", str(one.id)).stdout_bytes == one.body
        lines = run("pack", "cat", target).stdout_bytes.splitlines()
        assert sorted(lines) == sorted(one.body for one in envelopes)
        (line,) = run("pack", "cat", target, "--event", str(one.id), "--json").stdout.splitlines()
        assert json.loads(line)["payload"]["data"].encode() == one.body
    assert "399" in run("pack", "inspect", key, "--events").stdout


def test_damaged_packs_are_told_and_what_is_whole_is_read(
    pack: tuple[str, Path, list[Envelope]], run: Command
) -> None:
    _, file, envelopes = pack
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    failed = run("pack", "verify", str(file), "--json")
    assert failed.exit_code == 1
    told = json.loads(failed.stdout)
    assert not told["whole"]
    assert 0 < told["events"] < 399
    assert told["redacted"] == told["events"]

    assert run("pack", "cat", str(file)).exit_code == 1
    salvaged = run("pack", "cat", str(file), "--salvage")
    assert salvaged.exit_code == 0
    lines = set(salvaged.stdout_bytes.splitlines())
    assert len(lines) == told["events"]
    assert lines <= {one.body for one in envelopes}
    listed = run("pack", "inspect", str(file), "--events", "--salvage", "--json")
    assert len(json.loads(listed.stdout)["items"]) == told["events"]
    first = json.loads(listed.stdout)["items"][0]["id"]
    assert run("pack", "cat", str(file), "--event", first).stdout_bytes in lines

    torn = bytearray(whole)
    torn[-10] = 2  # the version
    file.write_bytes(bytes(torn))
    for command in ("inspect", "verify", "cat"):
        refused = run("pack", command, str(file), "--json")
        assert refused.exit_code == 1
        assert "version 2" in refused.output
    file.write_bytes(b"no pack at all")
    assert "neither header nor footer" in run("pack", "inspect", str(file)).output
    assert run("pack", "inspect", "packs/00/crash/nothing.pack").exit_code == 1
