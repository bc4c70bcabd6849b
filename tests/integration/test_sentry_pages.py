"""What came with an event, or tells more of it, over the API and on its page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from werkzeug.test import TestResponse

from app.factory import create_app
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.blobs import Blobs, Described
from tests.integration.api_world import TOKEN, World, open_world
from tests.integration.test_pages import sign_in, visit

HOSTILE_NAME = "<b>\u202e../x.log"


@pytest.fixture(scope="module")
def world(module_settings: Settings) -> Iterator[World]:
    settings = replace(
        module_settings, session_key=Secret("k" * 32), files_url="http://files.example"
    )
    with open_world(settings) as world:
        yield world


@pytest.fixture
def browser(world: World) -> World:
    app = create_app(world.stores.settings, world.stores)
    return World(world.stores, app.test_client(), world.keys, world.numbers)


def stored(world: World, project: str, protocol: str, kind: str, **fields: object) -> UUID:
    number = world.numbers[project]
    body = json.dumps(fields).encode()
    envelope = Envelope(new_id(now_ms()), number, kind, protocol, body)
    world.accept([envelope])
    return world.store([envelope])[0]


def crash_with_all(world: World, project: str) -> tuple[UUID, UUID, bytes]:
    """A crash, the feedback on it, and the hash of its file."""
    sdk_id = uuid4().hex
    crash = stored(
        world, project, "sentry.event", "crash", event_id=sdk_id, exception=[{"type": "Oops"}]
    )
    feedback = stored(
        world,
        project,
        "sentry.feedback",
        "rum",
        event_id=uuid4().hex,
        contexts={"feedback": {"message": "it broke", "associated_event_id": sdk_id}},
    )
    data = f"log of {crash}".encode()
    sha256 = hashlib.sha256(data).digest()
    blobs = Blobs(world.stores.database, world.stores.files.bucket)
    number = world.numbers[project]
    blobs.write(number, Described(sha256, "text/plain", "attachment", HOSTILE_NAME), [data])
    blobs.rows.link(crash, "crash", number, sha256, HOSTILE_NAME, "attachment")
    return crash, feedback, sha256


def test_feedback_is_found_from_its_crash_and_back(world: World, project: str) -> None:
    crash, feedback, _ = crash_with_all(world, project)
    picture = world.json(f"/api/v1/events/{crash}")
    for known_by in (crash, picture["sdk_id"]):
        (found,) = world.json(f"/api/v1/events/{known_by}/related")["items"]
        assert (found["id"], found["type"]) == (str(feedback), "rum")
    told = world.json(f"/api/v1/events/{feedback}")
    assert told["rum"]["about"] == picture["sdk_id"]
    assert world.json(f"/api/v1/events/{feedback}/related")["items"] == []
    assert world.get(f"/api/v1/events/{uuid4()}/related").status_code == 404


def test_it_is_of_its_own_project_only(world: World, project: str) -> None:
    crash, _, _ = crash_with_all(world, project)
    sdk_id = world.json(f"/api/v1/events/{crash}")["sdk_id"]
    about = {"feedback": {"message": "m", "associated_event_id": sdk_id}}
    stored(world, "blog", "sentry.feedback", "rum", contexts=about)
    assert len(world.json(f"/api/v1/events/{crash}/related")["items"]) == 1


def follow(browser: World, path: str) -> TestResponse:
    assert sign_in(browser).status_code == 303
    return visit(browser, path)


def test_the_page_lists_files_and_what_users_said(browser: World, project: str) -> None:
    crash, feedback, sha256 = crash_with_all(browser, project)
    page = follow(browser, f"/o/{crash}").text
    assert f"/o/{crash}/files/{sha256.hex()}" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.split("<main", 1)[1]
    assert f'href="/o/{feedback}"' in page
    other = visit(browser, f"/o/{feedback}").text
    sdk_id = browser.json(f"/api/v1/events/{crash}")["sdk_id"]
    assert f'href="/o/{sdk_id}"' in other
    assert visit(browser, f"/o/{sdk_id}").status_code == 200


def test_a_file_is_opened_by_a_url_of_the_file_server(browser: World, project: str) -> None:
    crash, feedback, sha256 = crash_with_all(browser, project)
    answer = follow(browser, f"/o/{crash}/files/{sha256.hex()}")
    assert answer.status_code == 303
    assert answer.location.startswith(f"http://files.example/files/v1/blobs/{sha256.hex()}?")
    for path in (f"/o/{feedback}/files/{sha256.hex()}", f"/o/{crash}/files/{'0' * 64}"):
        assert visit(browser, path).status_code == 404


def test_a_file_of_another_project_is_not_there(browser: World, project: str) -> None:
    crash, _, sha256 = crash_with_all(browser, project)
    token = f"{TOKEN}-blog-{uuid4().hex}"
    browser.stores.tokens.create(f"blog {uuid4().hex}", token, browser.numbers["blog"])
    assert sign_in(browser, token).status_code == 303
    assert visit(browser, f"/o/{crash}/files/{sha256.hex()}").status_code == 404
    answer = browser.get(f"/api/v1/events/{crash}/related", token=token)
    assert answer.status_code == 404
