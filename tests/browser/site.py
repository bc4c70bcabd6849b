"""One site for all browser tests: a world on real servers, served as in production."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx

from broker.refusals import Kind, Noted
from config.settings import Settings
from events.ids import new_id, now_ms
from ops.paths import CHECKOUT
from ops.ports import keep_or_choose
from tests.browser.operators import Operated, operate
from tests.browser.telemetry import Telemetry, tell
from tests.integration.api_world import HOSTILE, World, crash, open_world, wait_until
from tests.integration.people import add_user
from tests.integration.pipeline import environment

EMAIL = "ann@example.com"


@dataclass(frozen=True)
class Site:
    """Where it is, its world, and things in project ``shop``, by id; ``nothing`` is nobody's.

    ``older`` is of the same group as ``event``. ``merged`` is a group of three fingerprints, by
    its number, and ``decision`` waits to be confirmed. ``email`` is the address of an
    administrator; ``join`` the secret of an invitation's link.
    """

    url: str
    world: World
    event: str
    older: str
    group: str
    hostile: str
    hostile_group: str
    heavy: str
    merged: int
    decision: str
    nothing: str
    email: str
    join: str
    telemetry: Telemetry
    operated: Operated


def hostile_crash() -> bytes:
    """A crash whose every field tries to be more than text."""
    return crash(
        f"{HOSTILE} {'long ' * 400}",
        f"{HOSTILE}Error",
        error={
            "className": f"{HOSTILE}Error",
            "message": f"{HOSTILE} {'long' * 500}",
            "stackTrace": [
                {"className": HOSTILE, "methodName": HOSTILE, "fileName": HOSTILE * 3},
                *[{"className": "Deep", "methodName": "again", "lineNumber": 1}] * 300,
                {"fileName": "/" + "path" * 200, "methodName": "m" * 500, "lineNumber": 1},
            ],
        },
        user={"identifier": HOSTILE, "email": "<b>@example.com"},
        tags=[HOSTILE, "t" * 500],
        userCustomData={HOSTILE: HOSTILE, "wide": "w" * 5000, "many": list(range(500))},
        request={"url": f"javascript:alert(1)//{HOSTILE}", "headers": {HOSTILE: HOSTILE}},
        breadcrumbs=[{"message": HOSTILE, "customData": {"x": "y" * 2000}}] * 3,
    )


def heavy_crash() -> bytes:
    """A crash with a megabyte of data of its own."""
    return crash(
        "heavy", "HeavyError", userCustomData={f"part {n}": "x" * 5000 for n in range(200)}
    )


def ordinary_crash(number: int) -> bytes:
    """A crash of one of twelve kinds."""
    kind = number % 12
    return crash(
        f"cannot load order {number}",
        f"Order{kind}Error",
        version=f"2.{number % 3}",
        request={"url": f"https://shop.example/orders/{number}", "httpMethod": "GET"},
        environment={"osVersion": "Plan 9", "browserName": "Chromium"},
        breadcrumbs=[{"message": f"clicked {n}", "level": "info"} for n in range(12)],
    )


@contextmanager
def open_site(settings: Settings) -> Iterator[Site]:
    """The site with its things; it ends with the block."""
    with open_world(settings) as world:
        events = world.seed([ordinary_crash(n) for n in range(80)], "shop")
        (hostile,) = world.seed([hostile_crash()], "shop")
        (heavy,) = world.seed([heavy_crash()], "shop")
        groups = [world.json(f"/api/v1/events/{one}")["group_id"] for one in (events[-1], hostile)]
        merged, decision = decide(world)
        join = furnish(world)
        telemetry = tell(world)
        operated = operate(world)
        with serving(settings) as url:
            yield Site(
                url=url,
                world=world,
                event=str(events[-1]),
                older=str(events[-13]),
                group=groups[0],
                hostile=str(hostile),
                hostile_group=groups[1],
                heavy=str(heavy),
                merged=merged,
                decision=decision,
                nothing=str(_unused()),
                email=EMAIL,
                join=join,
                telemetry=telemetry,
                operated=operated,
            )


def furnish(world: World) -> str:
    """Users, keys and tokens to be seen in settings; the secret of an invitation's link."""
    add_user(world, EMAIL, "admin", {"shop": "admin"})
    add_user(world, f"{'long' * 20}@example.com", None, {"shop": "viewer", "blog": "member"})
    _, secret = world.stores.accounts.links.invite("new@example.com", "<b>New</b>", "test")
    shop = world.stores.projects.by_name("shop")
    assert shop is not None
    world.stores.keys.add(shop, "test", name="<b>the till</b> " + "long " * 30)
    world.stores.keys.revoke(shop, world.stores.keys.add(shop, "test").key, "test")
    world.add_project("empty")
    world.stores.tokens.create("dashboards", project_id=shop.id, scope="read")
    seen = Noted(400, f"The body is not JSON: {HOSTILE}", HOSTILE, now_ms(), 12)
    world.stores.refusals.note(shop.id, {Kind("not_json", "/entries", "abc123"): seen})
    world.stores.refusals.note(None, {Kind("key_unknown", "/events", HOSTILE[:6]): seen})
    return secret


def decide(world: World) -> tuple[int, str]:
    """Merge three groups, discard one, save a view, say something, freeze a decision."""
    number, triage = world.numbers["shop"], world.stores.triage
    world.seed([crash("merged", f"Part{n}Error") for n in range(4)], "shop")
    parts = [one for one in world.groups("shop") if one.title.startswith("Part")]

    def done(verb: str, ids: list[UUID], **options: str) -> None:
        action = triage.actions.freeze(number, verb, options, ids, "ann")
        triage.actions.start(action.id, "ann")
        assert triage.actions.step(action.id).state == "finished"

    done("merge", [one.id for one in parts[:3]])
    done("discard", [parts[3].id], reason=HOSTILE)
    (merged,) = (one for one in world.groups("shop") if one.members == 3)
    assert merged.number is not None
    triage.history.comment(merged.id, HOSTILE, HOSTILE)
    triage.views.save(number, "Ann's", "is:new", "count", "ann", shared=True)
    ids = [one.id for one in world.groups("shop")]
    waits = triage.actions.freeze(number, "resolve", {}, ids, "ann", "is:new")
    return merged.number, str(waits.id)


def _unused() -> object:
    return new_id(now_ms() - 3 * 86_400_000)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The web tier on a free port, as the Procfile runs it but for one process."""
    port = keep_or_choose(["web"], {})["web"]
    argv = [sys.executable, "-m", "granian", "--interface", "rsgi", "--loop", "uvloop"]
    argv += ["--http", "1", "--no-ws", "--factory", "--workers", "1", "--port", str(port)]
    web = subprocess.Popen(
        [*argv, "app.serving:web"],
        cwd=CHECKOUT,
        env=environment(settings, SLUICE_WEB_PORT=str(port)),
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _lives(web, url), seconds=120)
        yield url
    finally:
        web.terminate()
        web.wait(60)


def _lives(web: subprocess.Popen[bytes], url: str) -> bool:
    assert web.poll() is None, "the web tier ended"
    try:
        return httpx.get(f"{url}/health/live").status_code == 200
    except httpx.TransportError:
        return False
