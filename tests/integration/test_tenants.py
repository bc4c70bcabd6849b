"""No route gives a project's token, key, session or signed URL anything of another project.

The routes are those of the applications themselves, so that a new one is tried too: one whose path
or body is not known here fails until somebody says what is another project's in it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api.endpoint import Endpoint
from app.api.routes import ENDPOINTS, PREFIX
from app.dashboard.links import TWINS
from app.dashboard.rows import ROWS
from app.factory import create_app
from app.files.blobs import blob_path
from app.files.desk import FilesDesk, open_desk
from app.files.factory import create_app as create_files
from app.files.signing import open_signer
from broker.refusals import Kind, Noted
from config.settings import Settings
from events.ids import new_id, now_ms
from storage.blobs import Described
from storage.sql.letter_filter import LetterFilter
from tests.integration.api_world import NEEDED, TOKEN, World, crash, open_world, wait_until
from tests.integration.people import add_user, signed_in
from tests.otlp_samples import Timed, gauges, traces

MARK = "only-the-blog-knows"
SESSION = "0123456789blog-session"
BLOB = f"{MARK} in an attachment".encode()
DIGEST = hashlib.sha256(BLOB).digest()

BROWSER = {"Accept": "text/html"}
REASON = {"reason": "because"}
#: What endpoints that change something are sent, by name; what is not named here is sent nothing.
BODIES: dict[str, Any] = {
    "discard_letter": REASON,
    "discard_letters": {"all": True, **REASON},
    "replay_letters": {"all": True},
    "write_payload": b'{"details": {}}',
    "import_letters": b"{}",
    "discard_parked": REASON,
    "make_signed_url": {"event": "<event_id>"},
    "change_path_rules": {"rules": ["/x/*"]},
    "create_token": {"name": "made by a test"},
    "set_member": {"email": "made@example.com", "role": "viewer"},
    "rename_key": {"name": "made by a test"},
    "create_project": {"name": "made by a test"},
    "set_retention": {"project": "blog", "type": "crash", "days": 30},
    "make_action": {"verb": "resolve", "query": ""},
    "merge_group": {"groups": [str(new_id(now_ms()))]},
    "split_group": {"fingerprints": [str(new_id(now_ms()))]},
    "comment_group": {"text": "said by another"},
    "save_view": {"name": "mine"},
}
#: Lists of one project at a time: who may see all of them must name it.
OF_ONE = {
    *("list_services", "list_operations", "read_apm_series", "list_transactions", "search_spans"),
    *("list_metrics", "read_metric", "list_hosts", "list_release_health"),
}
#: Without a token on purpose: nothing of any project is in them.
OPEN = {"read_openapi"}
NOTED = Noted(400, MARK, MARK, now_ms(), 1)
OPEN_PAGES = {"pages.asset", *(f"pages.{row.name}" for row in ROWS if row.needs == "nothing")}
OPEN_ROUTES = {"health.live", "health.ready", "metrics.metrics"}


@dataclass
class Tenants:
    """Project ``shop``, who asks, and project ``blog``, which has one of everything."""

    world: World
    settings: Settings
    desk: FilesDesk
    files: FlaskClient
    token: str
    things: dict[str, str]

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None) -> Any:
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self.world.client.open(path, method=method, data=data, headers=headers)

    def path(self, rule: str) -> str:
        """A rule with what is the blog's in place of its parameters."""
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: self.thing(found[1]), rule)

    def asked(self, endpoint: Endpoint, path: str | None = None, **more: str) -> str:
        """The address of an endpoint with the arguments that it needs, and others."""
        query = urlencode({**NEEDED.get(endpoint.rule, {}), **more})
        where = self.path(PREFIX + endpoint.rule) if path is None else path
        return f"{where}?{query}" if query else where

    def thing(self, name: str) -> str:
        assert name in self.things, f"say in this test what {name} is another project's"
        return self.things[name]

    def body(self, endpoint: Endpoint) -> Any:
        body = BODIES.get(endpoint.name)
        if isinstance(body, dict):
            return {key: self.path(v) if isinstance(v, str) else v for key, v in body.items()}
        return body

    def telling(self) -> list[str]:
        """The things by which the blog would be known: not a small number that others have too."""
        return [one for one in self.things.values() if not one.isdigit()]

    def secrets(self, *said: str) -> list[str]:
        """What no answer may hold, but for what the request itself said."""
        known = [MARK, *self.telling()]
        return [one for one in known if not any(one in text for text in said)]


@pytest.fixture(scope="module")
def tenants(module_settings: Settings) -> Iterator[Tenants]:
    settings = replace(module_settings, files_url="http://files.example")
    with open_world(settings) as world:
        desk = open_desk(settings)
        token = world.stores.tokens.create("shop", project_id=world.numbers["shop"])
        things = furnish(world, desk)
        yield Tenants(world, settings, desk, create_files(desk).test_client(), token, things)
        desk.database.close()


def furnish(world: World, desk: FilesDesk) -> dict[str, str]:
    """One of everything in project ``blog``; its ids by the names that routes have for them."""
    (event,) = world.seed([crash(MARK, class_name=MARK)], "blog")
    (dying,) = world.envelopes([crash(MARK)], "blog")
    world.accept([dying])
    world.kill(dying)
    workbench = world.stores.workbench
    (letter,) = workbench.letters.list(LetterFilter(project="blog"), None, 10).items
    replay = workbench.replays.create(LetterFilter(project="blog", code="none"), 1, 0, MARK)
    workbench.audit.write(MARK, "tested", MARK, {})
    erasure = world.stores.erasing.asking.event(new_id(now_ms()), world.numbers["blog"], MARK)
    desk.blobs.write(world.numbers["blog"], Described(DIGEST, name=MARK), [BLOB])
    desk.blobs.rows.link(event, "crash", world.numbers["blog"], DIGEST, MARK)
    project = world.stores.projects.by_name("blog")
    assert project is not None
    user = add_user(world, f"{MARK}@example.com", projects={"blog": "member"})
    world.stores.keys.add(project, MARK, name=MARK)
    (key, *_) = world.stores.keys.of_project(project)
    token = world.stores.tokens.create(MARK, project_id=project.id)
    (row,) = [one for one in world.stores.tokens.list() if one.prefix == token[:6]]
    world.stores.refusals.note(project.id, {Kind("no_events", "/entries", MARK): NOTED})
    world.seed([crash("mine")], "shop")
    trace_id = seed_telemetry(world)
    triage = furnish_triage(world)
    found = world.stores.events.find(event)
    assert found is not None
    wait_until(lambda: MARK in world.get(f"{PREFIX}/search").text, seconds=60)
    return {
        "event_id": str(event),
        "event": str(event),
        "group_id": str(found.group_id),
        "group": str(found.group_id),
        "letter_id": str(letter.id),
        "replay_id": str(replay.id),
        "message_id": f"crash.sql:{'d' * 40}",
        "queue": "crash.sql",
        "name": "blog",
        "project": "blog",
        "sha256": DIGEST.hex(),
        **triage,
        "user_id": str(user.id),
        "key_id": str(key.id),
        "token_id": str(row.id),
        "erasure_id": str(erasure),
        "pack_id": str(new_id(now_ms())),
        "session_id": SESSION,
        "session": SESSION,
        "user": MARK,
        "minute": "2026-11-22T22:35:00Z",
        "cluster": letter.cluster,
        "letter": str(letter.id),
        "replay": str(replay.id),
        "trace_id": trace_id,
        "metric": MARK,
        "operation": MARK,
    }


def seed_telemetry(world: World) -> str:
    """Spans, a level and a session of the blog; the id of their trace."""
    trace_id = os.urandom(16)
    resource = {"service.name": MARK, "host.name": MARK}
    world.seed([traces(Timed(MARK), trace_id=trace_id, resource=resource)], "blog", "trace")
    world.seed([gauges({MARK: [1.0]}, resource)], "blog", "metric")
    user = {"Identifier": MARK}
    session = {"type": "session_start", "sessionId": SESSION, "version": MARK, "user": user}
    world.seed([orjson.dumps(session)], "blog", "rum")
    wait_until(lambda: MARK in world.get(f"{PREFIX}/spans?project=blog").text, seconds=60)
    return trace_id.hex()


def furnish_triage(world: World) -> dict[str, str]:
    """An action, a comment, a view and a discarded fingerprint of the blog."""
    number, triage = world.numbers["blog"], world.stores.triage
    (event,) = world.seed([crash(f"noise {MARK}", class_name=f"{MARK}Noise")], "blog")
    noise = world.stores.events.find(event)
    assert noise is not None
    assert noise.group_id is not None
    action = triage.actions.freeze(number, "discard", {"reason": MARK}, [noise.group_id], MARK)
    triage.actions.start(action.id, MARK)
    assert triage.actions.step(action.id).state == "finished"
    triage.history.comment(noise.group_id, MARK, MARK)
    (comment, _) = triage.history.list(noise.group_id).items
    view = triage.views.save(number, MARK, MARK, "count", MARK, shared=True)
    return {
        "action_id": str(action.id),
        "decision": str(action.id),
        "fingerprint_id": str(noise.group_id),
        "fingerprint": str(noise.group_id),
        "entry_id": str(comment.id),
        "entry": str(comment.id),
        "view_id": str(view.id),
        "view": str(view.id),
    }


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.rule}"


def code_of(answer: TestResponse) -> str:
    return str(answer.get_json()["error"]["code"])


LISTS = [row for row in ENDPOINTS if row.scope == "filtered"]
THINGS = [row for row in ENDPOINTS if row.scope == "owned" and "<" in row.rule]
WHOLE = [row for row in ENDPOINTS if row.scope == "installation" and row.name not in OPEN]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
def test_no_answer_holds_anything_of_another_project(tenants: Tenants, endpoint: Endpoint) -> None:
    body = tenants.body(endpoint)
    for more in ({}, {"project": "blog"}, {"limit": "500"}):
        path = tenants.asked(endpoint, **more)
        answer = tenants.ask(endpoint.method, path, body=body)
        held = [one for one in tenants.secrets(path, str(body)) if one in answer.text]
        assert held == [], (path, answer.text)
        assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("endpoint", THINGS, ids=named)
def test_another_projects_thing_is_like_one_that_is_not_there(
    tenants: Tenants, endpoint: Endpoint
) -> None:
    theirs = tenants.asked(endpoint)
    nothing = re.sub(r"<[^>]+>", str(new_id(now_ms() - 2 * 86_400_000)), PREFIX + endpoint.rule)
    unknown = tenants.asked(endpoint, nothing)
    body = tenants.body(endpoint)
    answers = [tenants.ask(endpoint.method, path, body=body) for path in (theirs, unknown)]
    assert [one.status_code for one in answers] == [404, 404], answers[0].text
    assert answers[0].get_json() == answers[1].get_json()


@pytest.mark.parametrize("endpoint", WHOLE, ids=named)
def test_what_is_of_all_projects_is_refused(tenants: Tenants, endpoint: Endpoint) -> None:
    path, body = tenants.asked(endpoint), tenants.body(endpoint)
    answer = tenants.ask(endpoint.method, path, body=body)
    assert (answer.status_code, code_of(answer)) == (403, "token_limited")


@pytest.mark.parametrize("endpoint", LISTS, ids=named)
def test_a_filter_for_another_project_is_like_one_for_none(
    tenants: Tenants, endpoint: Endpoint
) -> None:
    path, body = PREFIX + endpoint.rule, tenants.body(endpoint)

    def ask(project: str) -> TestResponse:
        if endpoint.method == "GET":
            return tenants.ask("GET", f"{path}?project={project}")
        return tenants.ask(endpoint.method, path, body={**body, "project": project})

    theirs, unknown = ask("blog"), ask("nowhere")
    assert theirs.status_code == unknown.status_code == 400
    assert theirs.text == unknown.text.replace("nowhere", "blog")


@pytest.mark.parametrize("endpoint", [row for row in LISTS if row.method == "GET"], ids=named)
def test_lists_show_the_own_project_alone_and_the_other_to_who_may(
    tenants: Tenants, endpoint: Endpoint
) -> None:
    path = tenants.path(PREFIX + endpoint.rule)
    whole = f"{path}?project=blog" if endpoint.name in OF_ONE else path
    mine, all_of_them = tenants.ask("GET", path), tenants.ask("GET", whole, TOKEN)
    # A thing of the path is not there for who may not see it.
    assert mine.status_code == (404 if "<" in endpoint.rule else 200)
    assert all_of_them.status_code == 200
    theirs = ("blog", MARK, *tenants.telling())
    assert not any(word in mine.text for word in theirs), mine.text
    # Else this test could not fail.
    assert any(word in all_of_them.text for word in theirs), all_of_them.text


def test_own_lists_show_the_own(tenants: Tenants) -> None:
    projects = tenants.ask("GET", f"{PREFIX}/projects").get_json()["items"]
    assert [one["name"] for one in projects] == ["shop"]
    replays = tenants.ask("GET", f"{PREFIX}/replays").get_json()["items"]
    assert {one["actor"] for one in replays} <= {"shop"}
    ledger = tenants.ask("GET", f"{PREFIX}/ledger").get_json()
    assert {one["project"] for one in ledger["minutes"]} == {"shop"}
    assert (ledger["broker_events"], ledger["spool_events"]) == (None, None)


def test_what_a_token_changes_is_its_own(tenants: Tenants) -> None:
    """After all of the above the blog's letter is as it was; and then with one of the shop."""
    world = tenants.world
    (dying,) = world.envelopes([crash("mine")], "shop")
    world.accept([dying])
    world.kill(dying)
    discarded = tenants.ask("POST", f"{PREFIX}/dead-letters/discard", body={"all": True, **REASON})
    assert discarded.get_json() == {"discarded": 1}
    letter = world.json(f"{PREFIX}/dead-letters/{tenants.things['letter_id']}")
    assert (letter["status"], letter["edits"]) == ("open", 0)
    replay = world.json(f"{PREFIX}/replays/{tenants.things['replay_id']}")
    assert "by shop" not in str(replay["reason"])


def test_a_replay_of_all_projects_is_nobodys_own(tenants: Tenants) -> None:
    replays = tenants.world.stores.workbench.replays
    of_all = replays.create(LetterFilter(code="none"), 1, 0, "operator")
    own = replays.create(LetterFilter(project="shop", code="none"), 1, 0, "operator")
    assert tenants.ask("GET", f"{PREFIX}/replays/{of_all.id}").status_code == 404
    assert tenants.ask("GET", f"{PREFIX}/replays/{own.id}").status_code == 200
    listed = tenants.ask("GET", f"{PREFIX}/replays").get_json()["items"]
    assert [one["id"] for one in listed if one["actor"] == "operator"] == [str(own.id)]


def test_an_import_brings_letters_into_the_own_project_alone(tenants: Tenants) -> None:
    export = tenants.ask("GET", f"{PREFIX}/dead-letters/export", TOKEN).data
    (line,) = [line for line in export.splitlines() if MARK.encode() in line]
    document = {
        **orjson.loads(line),
        "id": str(new_id(now_ms())),
        "event_id": str(new_id(now_ms())),
    }
    refused = tenants.ask("POST", f"{PREFIX}/dead-letters/import", body=orjson.dumps(document))
    assert (refused.status_code, code_of(refused)) == (400, "bad_argument")
    document["project"] = "shop"
    taken = tenants.ask("POST", f"{PREFIX}/dead-letters/import", body=orjson.dumps(document))
    assert taken.get_json()["imported"] == 1


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
def test_another_projects_key_opens_nothing(tenants: Tenants, endpoint: Endpoint) -> None:
    path, body = tenants.asked(endpoint), tenants.body(endpoint)
    data = body if isinstance(body, bytes | None) else orjson.dumps(body)
    headers = {"X-ApiKey": tenants.world.keys["shop"]}
    answer = tenants.world.client.open(path, method=endpoint.method, data=data, headers=headers)
    expected = {"nothing": 200, "token_or_key": 404}.get(endpoint.opens_with, 401)
    assert answer.status_code == expected
    assert not [one for one in tenants.secrets(path) if one in answer.text]


def rules(app: Flask, blueprint: str) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and rule of every route of a blueprint, or of all."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(blueprint):
            for method in sorted((rule.methods or set()) - {"OPTIONS"}):
                yield rule.endpoint, method, rule.rule


def test_every_route_of_the_web_tier_is_tried_somewhere(tenants: Tenants) -> None:
    app = create_app(tenants.settings, tenants.world.stores)
    rooms = ("api.v1.", "pages.", "ingest.", "api.health.", "api.metrics.")
    strange = [one for one in rules(app, "") if not one[0].startswith(rooms)]
    assert strange == [], "say in this test what these routes give to whom"
    known = {(row.method, PREFIX + row.rule) for row in ENDPOINTS}
    assert {(m, r) for _, m, r in rules(app, "api.v1.") if m != "HEAD"} == known


def sign_in(client: FlaskClient, token: str) -> None:
    """Sign in through the form, as a browser does."""
    (csrf,) = set(re.findall('name="csrf" value="([^"]+)"', client.get("/login").text)[-1:])
    data = {"csrf": csrf, "token": token}
    assert client.post("/login", data=data, headers=BROWSER).status_code == 303


def paths_of(tenants: Tenants, rule: str) -> list[str]:
    """A rule with the blog's things, in each of its twins."""
    if "<any(" not in rule:
        return [tenants.path(rule)]
    before, _, _ = rule.partition("<any(")
    return [tenants.path(before) + kind for kind in TWINS]


def of_another(method: str, rule: str) -> set[int]:
    """The statuses that a page or form may have for who has rights in another project alone."""
    if re.search(r"<(?!any\()", rule):
        if rule.startswith("/ops/"):  # of the installation, whatever it names
            return {403}
        return {404, 308}  # the address of an event moves before anybody looks whose it is
    # What is of the installation is refused; a form of one's own is without what it asks for.
    return {200, 303, 403} if method != "POST" else {303, 400, 403, 404}


@pytest.mark.parametrize("who", ["token", "user"])
def test_no_page_or_form_shows_one_project_to_another(tenants: Tenants, who: str) -> None:
    world = tenants.world
    app = create_app(tenants.settings, world.stores)
    if who == "user":
        email = f"shopkeeper-{new_id(now_ms())}@example.com"
        add_user(world, email, projects={"shop": "admin"})
        client = signed_in(world, email)
    else:
        client = app.test_client()
        sign_in(client, tenants.token)
    seen = 0
    for endpoint, method, rule in rules(app, "pages."):
        if endpoint.removesuffix("_twin") in OPEN_PAGES:
            continue
        for path in paths_of(tenants, rule):
            bearer = {"Authorization": f"Bearer {tenants.token}"}
            for headers in (BROWSER, bearer) if who == "token" else (BROWSER,):
                data = {"csrf": token_of(client), "project": "blog"} if method == "POST" else None
                answer = client.open(path, method=method, data=data, headers=headers)
                assert answer.status_code in of_another(method, rule), (path, answer.text)
                held = [one for one in ("blog", *tenants.secrets(path)) if one in answer.text]
                assert [one for one in held if one not in path] == [], path
                led = answer.location or ""
                assert MARK not in led
                assert not led.startswith(("/login", "/p/blog"))
                seen += 1
    assert seen > 100
    assert client.get(f"/find?q={tenants.thing('event')}").status_code == 200
    assert client.get("/p/blog/groups").status_code == 404
    operator = app.test_client()
    sign_in(operator, TOKEN)
    assert MARK in operator.get("/p/blog/groups").text


def token_of(client: FlaskClient) -> str:
    """The token of a form on a page of whoever is signed in."""
    found = re.findall('name="csrf" value="([^"]+)"', client.get("/help", headers=BROWSER).text)
    return str(found[0])


def test_no_route_of_the_file_server_opens_another_projects_bytes(tenants: Tenants) -> None:
    signer = open_signer(tenants.settings)
    assert signer is not None
    shop, blog = (tenants.world.numbers[name] for name in ("shop", "blog"))
    later = int(time.time()) + 60
    bearer = {"Authorization": f"Bearer {tenants.token}"}
    tried = 0
    for endpoint, method, rule in rules(create_files(tenants.desk), ""):
        if endpoint in OPEN_ROUTES or method in ("PUT", "POST"):
            continue
        path = tenants.path(rule)
        own = signer.sign("read", path, shop, later)
        elsewhere = signer.sign("read", f"{path}0", blog, later).replace(f"{path}0", path)
        renumbered = own.replace(f"project={shop}", f"project={blog}")
        for target, headers, status in (
            (path, bearer, {404}),
            (f"{path}?project=blog", bearer, {400, 404}),
            (path, {"X-ApiKey": tenants.world.keys["shop"]}, {401}),
            (path, {"X-ApiKey": tenants.world.keys["blog"]}, {401}),
            (own, {}, {404}),
            (elsewhere, {}, {403}),
            (renumbered, {}, {403}),
            (f"{own}&project={blog}", {}, {403}),
        ):
            answer = tenants.files.open(target, method=method, headers=headers)
            assert answer.status_code in status, (method, target, answer.text)
            assert MARK not in answer.text
            tried += 1
        # Else this test could not fail.
        assert tenants.files.get(signer.sign("read", path, blog, later)).status_code == 200
    assert tried >= 32


def test_what_a_project_uploads_is_its_own(tenants: Tenants) -> None:
    """The shop may bring the very bytes of the blog's blob: they become a blob of its own."""
    signer = open_signer(tenants.settings)
    assert signer is not None
    shop, blog = (tenants.world.numbers[name] for name in ("shop", "blog"))
    bearer = {"Authorization": f"Bearer {tenants.token}"}
    for endpoint, method, rule in rules(create_files(tenants.desk), ""):
        if method not in ("PUT", "POST"):
            continue
        path = tenants.path(rule)
        foreign = tenants.files.open(
            f"{path}?project=blog", method=method, data=b"x", headers=bearer
        )
        assert (foreign.status_code, code_of(foreign)) == (400, "bad_argument"), endpoint
        reading = signer.sign("read", path, blog, later := int(time.time()) + 60)
        assert tenants.files.open(reading, method=method, data=BLOB).status_code == 403
        # Nothing tells the shop that the blog has it.
        made = tenants.files.open(path, method=method, data=BLOB, headers=bearer)
        assert (made.status_code, made.get_json()["created"]) == (201, True)
        assert MARK not in made.text
        assert tenants.files.get(signer.sign("read", blob_path(DIGEST), blog, later)).data == BLOB
        tenants.desk.blobs.erase_of_project(shop)
    theirs = tenants.desk.blobs.rows.find(blog, DIGEST)
    assert theirs is not None
    assert theirs.name == MARK
