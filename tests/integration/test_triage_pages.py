"""The pages of groups: what they show and decide, with every store there and with some away."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from app.factory import create_app
from app.stores import open_stores
from config.settings import Secret, Settings
from events.ids import new_id, now_ms
from tests.integration.api_world import TOKEN, World, crash, wait_until

Stand = Callable[..., None]


@pytest.fixture
def away(world: World, module_settings: Settings) -> Iterator[World]:
    """The world while neither search nor the file server can be reached."""
    settings = replace(
        module_settings,
        elasticsearch_url=Secret("http://127.0.0.1:9"),
        s3_endpoint="http://127.0.0.1:9",
    )
    stores = open_stores(settings)
    yield World(stores, create_app(settings, stores).test_client(), world.keys, world.numbers)
    stores.database.close()


@pytest.fixture
def paths(world: World, project: str) -> dict[str, str]:
    """Groups of three classes, of one, two and three occurrences: their pages by class."""
    for number, name in enumerate(("CartError", "MailError", "PayError"), 1):
        for n in range(number):  # one after the other, so that ids tell their order
            body = crash(
                f"{name} no {n}",
                name,
                version=f"1.{n}",
                environment={"osVersion": f"Plan {n}"},
                userCustomData={"order": n, "api_key": "secret-key"},
            )
            world.seed([body], project)
    return {
        group.title.split(":")[0]: f"/p/{project}/g/{group.number}"
        for group in world.groups(project)
    }


def searched(world: World, project: str, events: int) -> None:
    """Wait until search shows so many events of a project."""
    found = f"/api/v1/search?project={quote(project)}&limit=100"
    wait_until(lambda: len(world.json(found)["items"]) == events, seconds=60)


def view(world: World, path: str) -> Any:
    """A page as data."""
    before, _, query = path.partition("?")
    answer = world.get(f"{before}.json?{query}")
    assert answer.status_code in (200, 404), answer.text
    return answer.get_json()


def send(world: World, path: str, **fields: Any) -> TestResponse:
    """Send a form as a script does, which needs no token of a session."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/html"}
    return world.client.post(path, data=fields, headers=headers)


def undo_of(answer: TestResponse, world: World) -> str:
    """Where the page that a form led to undoes it; one's session knows."""
    page = world.get(answer.location).text
    return re.findall(r'action="([^"]+/undo)"', page)[0]


def statuses(world: World, project: str) -> dict[str, str]:
    rows = view(world, f"/p/{project}/groups")["groups"]
    return {row["title"].split(":")[0]: row["status"] for row in rows}


def test_the_list_tells_impact_and_trend(world: World, project: str, paths: dict[str, str]) -> None:
    shown = view(world, f"/p/{project}/groups?sort=count")
    assert [row["title"].split(":")[0] for row in shown["groups"]] == [
        "PayError",
        "MailError",
        "CartError",
    ]
    first = shown["groups"][0]
    assert (first["count"], first["users"], first["status"]) == (3, 1, "new")
    assert sum(first["trend"]) == 3
    assert first["href"] == paths["PayError"]
    counts = {tab["label"]: tab["count"] for tab in shown["tabs"]}
    assert (counts["All"], counts["New"], counts["Resolved"]) == (3, 3, 0)


def test_a_query_that_cannot_be_understood_is_told_under_its_box(
    world: World, project: str, paths: dict[str, str]
) -> None:
    answer = world.get(f"/p/{project}/groups?query=weather:bad")
    assert answer.status_code == 200
    assert "unknown key &#39;weather&#39;" in answer.text
    assert "at character 1" in answer.text
    assert view(world, f"/p/{project}/groups?query=is:regressed")["groups"] == []
    hidden = world.get(f"/p/{project}/groups?status=resolved").text
    assert "3 hidden by is:resolved" in hidden


def test_selected_groups_are_decided_on_at_once_and_undone(
    world: World, project: str, paths: dict[str, str]
) -> None:
    rows = view(world, f"/p/{project}/groups")["groups"]
    ids = [row["id"] for row in rows if not row["title"].startswith("PayError")]
    here = f"/p/{project}/groups?sort=count"
    answer = send(world, f"/p/{project}/groups/decide", do="resolve", ids=ids, next=here)
    assert (answer.status_code, answer.location) == (303, here)
    assert statuses(world, project) == {
        "CartError": "resolved",
        "MailError": "resolved",
        "PayError": "new",
    }
    undo = undo_of(answer, world)
    assert send(world, undo, next=here).location == here
    assert set(statuses(world, project).values()) == {"new"}
    assert send(world, undo).status_code == 409


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"do": "resolve"}, "select the groups"),
        ({"do": "resolve_in", "all": "yes"}, "say in which version"),
        ({"do": "ignore_until", "all": "yes"}, "say until when"),
        ({"do": "assign", "all": "yes"}, "say to whom"),
        ({"do": "explode", "all": "yes"}, "do:"),
        ({"all": "yes"}, "do:"),
        ({"do": "resolve", "all": "yes", "query": "weather:bad"}, "unknown key"),
        ({"do": "resolve", "ids": "not-an-id"}, "ids:"),
    ],
)
def test_what_a_form_cannot_mean_is_told(
    world: World, project: str, paths: dict[str, str], form: dict[str, str], said: str
) -> None:
    answer = send(world, f"/p/{project}/groups/decide", **form)
    assert answer.status_code == 400
    assert said in answer.text
    assert set(statuses(world, project).values()) == {"new"}


def test_all_that_match_are_frozen_told_of_and_confirmed(
    world: World, project: str, paths: dict[str, str]
) -> None:
    path = f"/p/{project}/groups/decide"
    frozen = send(world, path, do="ignore", all="yes", query="count:>1", status="new")
    page = world.get(frozen.location)
    assert "Ignore 2 groups matching is:new count:&gt;1 for ever" in page.text
    assert set(statuses(world, project).values()) == {"new"}
    world.seed([crash("late", "LateError")] * 5, project)
    started = send(world, f"{frozen.location}/start")
    assert started.location == frozen.location
    shown = view(world, frozen.location)
    assert (shown["decision"]["state"], shown["counts"]) == ("finished", [["done", 2, "ok"]])
    assert statuses(world, project) == {
        "CartError": "new",
        "MailError": "ignored",
        "PayError": "ignored",
        "LateError": "new",
    }
    assert send(world, f"{frozen.location}/undo").location == frozen.location
    assert set(statuses(world, project).values()) == {"new"}
    assert view(world, f"/p/{project}/decisions")["decisions"][0]["state"] == "undone"
    assert send(world, f"{frozen.location}/start").status_code == 409


def test_a_group_is_decided_on_from_its_page(
    world: World, project: str, paths: dict[str, str]
) -> None:
    path = paths["PayError"]

    def decide(**form: Any) -> Any:
        answer = send(world, f"{path}/decide", **form)
        assert (answer.status_code, answer.location) == (303, path), answer.text
        return view(world, path)["group"]

    assert decide(do="resolve_in", version="2.0")["terms"] == "in 2.0"
    assert decide(do="resolve_next")["terms"] == "after 1.2"
    assert decide(do="ignore_until", users="5")["terms"] == "until 6 users"
    assert decide(do="ignore_until", term="1d")["status"] == "ignored"
    assert decide(do="take")["assignee"] == "test"
    assert decide(do="assign", assignee="bob")["assignee"] == "bob"
    assert decide(do="unassign")["assignee"] == ""
    assert decide(do="discard", reason="noise")["discarded"] is True
    discarded = view(world, f"/p/{project}/discarded")["fingerprints"]
    assert [(one["reason"], one["filtered"]) for one in discarded] == [("noise", 0)]
    assert send(world, discarded[0]["stop_href"]).status_code == 303
    assert view(world, path)["group"]["discarded"] is False
    assert decide(do="reopen")["status"] == "open"
    told = [one["what"] for one in view(world, f"{path}/activity")["entries"]]
    assert told[-1] == "resolved it in 2.0"
    assert "gave it to bob" in told


def test_comments_are_said_and_taken_back(
    world: World, project: str, paths: dict[str, str]
) -> None:
    path = paths["PayError"]
    assert send(world, f"{path}/comments", text="it is <b>the</b> proxy").location == path
    page = world.get(path).text
    assert "it is &lt;b&gt;the&lt;/b&gt; proxy" in page
    (entry,) = view(world, path)["activity"]
    assert send(world, f"{path}/comments/{entry['id']}/take-back").location == path
    assert "proxy" not in world.get(path).text
    assert send(world, f"{path}/comments/{entry['id']}0/take-back").status_code == 404
    assert send(world, f"{path}/comments").status_code == 400


def test_groups_are_merged_and_split_from_the_page(
    world: World, project: str, paths: dict[str, str]
) -> None:
    into, other = paths["PayError"], paths["MailError"]
    number = other.rpartition("/")[2]
    merged = send(world, f"{into}/merge", others=f"#{number}")
    assert (merged.status_code, merged.location) == (303, into)
    shown = view(world, into)
    assert (shown["group"]["count"], shown["group"]["fingerprints"]) == (5, 2)
    assert view(world, other)["path"] == into
    split = next(one for one in shown["members"] if str(one["number"]) == number)
    answer = send(world, f"{into}/split", fingerprints=split["id"])
    assert answer.location == other
    assert view(world, into)["group"]["count"] == 3
    assert view(world, other)["group"]["count"] == 2
    for others in ("99999", "x", str(new_id(now_ms())), ""):
        assert send(world, f"{into}/merge", others=others).status_code == 400
    assert send(world, f"{into}/split").status_code == 400


def test_occurrences_are_gone_through_with_the_filter_kept(
    world: World, project: str, paths: dict[str, str]
) -> None:
    path = paths["PayError"]
    searched(world, project, 6)
    listed = view(world, f"{path}/occurrences")["occurrences"]
    newest, middle, oldest = (one["id"] for one in listed)
    shown = view(world, f"{path}/o/{middle}")["steps"]
    assert (shown["newer"], shown["older"]) == (f"{path}/o/{newest}", f"{path}/o/{oldest}")
    query = "q=version:1.0+or+version:1.2"
    assert view(world, f"{path}/occurrences?{query}")["problem"] is None
    filtered = view(world, f"{path}?q=!version:1.1")
    assert filtered["occurrence"]["id"] == newest
    assert filtered["steps"]["older"] == f"{path}/o/{oldest}?q=%21version%3A1.1"
    last = view(world, filtered["steps"]["older"])
    assert (last["occurrence"]["id"], last["steps"]["older"]) == (oldest, None)
    assert last["steps"]["newer"] == f"{path}/o/{newest}?q=%21version%3A1.1"
    assert view(world, f"{path}?q=version:9")["occurrence"] is None
    gone = world.get(f"{path}/o/{new_id(now_ms())}")
    assert gone.status_code == 404
    assert "no such occurrence" in gone.text


def test_occurrences_are_a_table_of_chosen_columns(
    world: World, project: str, paths: dict[str, str]
) -> None:
    path = paths["PayError"]
    searched(world, project, 6)
    shown = view(world, f"{path}/occurrences?columns=os&columns=version&columns=user")
    assert [one["values"] for one in shown["occurrences"]] == [
        {"version": f"1.{n}", "user": "ann@example.com", "os": f"Plan {n}"} for n in (2, 1, 0)
    ]
    found = view(world, f'{path}/occurrences?q=os:"Plan+1"')["occurrences"]
    assert [one["values"]["message"] for one in found] == ["PayError no 1"]
    answer = world.get(f"{path}/occurrences.csv?columns=version")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["values.version"] for row in rows] == ["1.2", "1.1", "1.0"]
    assert world.get(f"{path}/occurrences?columns=weather").status_code == 400
    assert "at character 1" in world.get(f"{path}/occurrences?q=weather:x").text
    second = view(world, f"{path}/occurrences?limit=25")
    assert second["paging"]["older"] is None


def test_two_occurrences_are_compared(world: World, project: str, paths: dict[str, str]) -> None:
    path = paths["PayError"]
    compare = view(world, path)["steps"]["compare"]
    shown = view(world, compare)["difference"]
    facts = {one["path"]: (one["one"], one["other"]) for one in shown["parts"][0]["differing"]}
    assert len(set(facts["version"])) == 2
    custom = next(part for part in shown["parts"] if part["title"] == "Custom data")
    assert [one["path"] for one in custom["differing"]] == ["order"]
    assert custom["alike"] == 1
    assert shown["texts"][0]["alike"] is False  # the message is part of it
    assert world.get(f"{path}/diff?a=x&b=y").status_code == 404
    assert world.get(f"{path}/diff").status_code == 400
    stranger = view(world, paths["CartError"])["occurrence"]["id"]
    mine = view(world, path)["occurrence"]["id"]
    assert world.get(f"{path}/diff?a={mine}&b={stranger}").status_code == 404


def test_the_evidence_file_is_scrubbed_and_whole_in_itself(
    world: World, project: str, paths: dict[str, str]
) -> None:
    event = view(world, paths["PayError"])["occurrence"]["id"]
    answer = world.get(f"/o/{event}/evidence")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="crash-{event}.html"'
    page = answer.text
    assert "PayError" in page
    assert "cart.js" in page
    for secret in ("ann@example.com", "secret-key"):
        assert secret not in page
    assert not re.findall(r'(?:src|href|action)="|url\(|<script|@import', page)


def test_what_was_scrubbed_names_its_rule(world: World, project: str) -> None:
    secret = {"apiToken": "[redacted-by-sluice]", "db_password": "[redacted-by-sluice]"}
    envelopes = world.envelopes([crash("scrubbed", userCustomData=secret)], project)
    world.accept(envelopes)
    (event,) = world.store([replace(one, redacted=2) for one in envelopes])
    page = world.get(f"/o/{event}").text
    assert "scrubbed by the rule <code>*password</code>" in page
    assert "2 places were scrubbed" in page


def test_releases_and_one_of_them(world: World, project: str, paths: dict[str, str]) -> None:
    shown = view(world, f"/p/{project}/releases")["releases"]
    assert [(one["version"], one["new"]) for one in shown] == [("1.2", 0), ("1.1", 0), ("1.0", 3)]
    first = view(world, shown[-1]["href"])
    assert len(first["new"]) == 3
    assert len(view(world, first["release"]["new_href"])["groups"]) == 3
    send(world, f"{paths['PayError']}/decide", do="resolve_in", version="1.3")
    world.seed([crash("again", "PayError", version="1.3")], project)
    later = view(world, f"/p/{project}/release?version=1.3")
    assert (later["release"]["regressed"], later["release"]["crash_free"]) == (1, None)
    assert later["regressed"][0]["href"] == paths["PayError"]
    assert world.get(f"/p/{project}/release?version=9").status_code == 404


def test_views_are_saved_shown_and_removed(world: World, project: str) -> None:
    saved = send(world, f"/p/{project}/views", name="mine", query="is:new", sort="users")
    assert saved.location == f"/p/{project}/groups?query=is%3Anew&sort=users"
    (one,) = view(world, saved.location)["views"]
    assert (one["name"], one["current"], one["shared"]) == ("mine", True, False)
    assert send(world, f"/p/{project}/views", name="x", query="weather:x").status_code == 400
    assert send(world, f"/p/{project}/views/{one['id']}/remove").status_code == 303
    assert view(world, f"/p/{project}/groups")["views"] == []
    assert send(world, f"/p/{project}/views/{one['id']}/remove").status_code == 404


def test_pages_of_a_group_stand_while_stores_are_away(
    away: World, project: str, paths: dict[str, str]
) -> None:
    path = paths["PayError"]
    page = away.get(path)
    assert page.status_code == 200
    assert "Missing: the full picture." in page.text
    assert "Missing: what its occurrences have in common." in page.text
    assert "PayError no" in page.text
    assert "1.2" in page.text
    assert "unknown: its bytes cannot be read" in page.text
    listed = away.get(f"/p/{project}/groups?query=os:plan").text
    assert "Missing: the conditions os." in listed
    assert "PayError" in listed
    table = away.get(f"{path}/occurrences").text
    assert "PayError no 1" in table
    assert "Missing: the columns User, System." in table
    filtered = away.get(f"{path}?q=os:plan")
    assert "Missing: the occurrences that the filter finds." in filtered.text
    assert away.get(f"/p/{project}/releases").status_code == 200
    everything = send(away, f"/p/{project}/groups/decide", do="resolve", all="yes", query="os:plan")
    assert everything.status_code == 503


def test_the_markdown_of_a_crash_is_what_a_ticket_needs(
    world: World, project: str, paths: dict[str, str]
) -> None:
    text = world.get(f"{paths['PayError']}.md").text
    assert text.startswith("# PayError: PayError no")
    assert "    at total (/app/cart.js:7)" in text
    assert "- **Release**: 1." in text
    assert "## Custom data" in text


def test_frames_of_libraries_fold_and_open_without_script(world: World, project: str) -> None:
    frames = [
        {"fileName": "/app/node_modules/express/router.js", "lineNumber": 1, "methodName": "next"},
        {"fileName": "/app/cart.js", "lineNumber": 7, "methodName": "total"},
    ]
    error = {"className": "FoldError", "message": "x", "stackTrace": frames}
    (event,) = world.seed([crash("x", error=error)], project)
    page = world.get(f"/o/{event}").text
    assert "1 frame of a library" in page
    link = html.unescape(re.findall(r'href="([^"]+)">All frames<', page)[0])
    assert "1 frame of a library" not in world.get(link).text
