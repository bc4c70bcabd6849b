"""One site for all browser tests: a world on real servers, served as in production."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from config.settings import Settings
from events.ids import new_id, now_ms
from ops.paths import CHECKOUT
from ops.ports import keep_or_choose
from tests.integration.api_world import HOSTILE, World, crash, open_world, wait_until
from tests.integration.pipeline import environment


@dataclass(frozen=True)
class Site:
    """Where it is, its world, and ids of things in project ``shop``; ``nothing`` is nobody's."""

    url: str
    world: World
    event: str
    group: str
    hostile: str
    hostile_group: str
    nothing: str


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


def ordinary_crash(number: int) -> bytes:
    """A crash of one of twelve kinds."""
    kind = number % 12
    return crash(
        f"cannot load order {number}",
        f"Order{kind}Error",
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
        groups = [world.json(f"/api/v1/events/{one}")["group_id"] for one in (events[0], hostile)]
        with serving(settings) as url:
            yield Site(
                url, world, str(events[0]), groups[0], str(hostile), groups[1], str(_unused())
            )


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
