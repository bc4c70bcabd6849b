"""What operators' pages and those of real users have to show on the site of the browser tests."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app.api.times import iso_minute
from broker.pools import Child, PoolReport, Pools
from broker.reservations import Reservations
from events.ids import id_minute, now_ms
from events.text import storable
from storage.sql.letter_filter import LetterFilter
from tests.contract import rum_samples as real
from tests.integration.api_world import HOSTILE, World, crash

_VIEWS = 40


@dataclass(frozen=True)
class Operated:
    """Things that operators act on, by id."""

    cluster: str
    letter: str
    hostile_cluster: str
    hostile_letter: str
    replay: str
    minute: str
    waiting: str
    user: str


def operate(world: World) -> Operated:
    """Queues with messages, pools, dead letters of several causes, a replay, visits, users."""
    _pools(world)
    cluster, letter = _letters(world)
    hostile = _hostile_letter(world)
    replay = world.stores.workbench.replays.create(
        LetterFilter(None, cluster=cluster), 10.0, 1, "test", "fixed in 1.2 <b>maybe</b>"
    )
    world.stores.workbench.replays.cancel(replay.id, "test")
    waiting = world.envelopes([crash()] * 3, "blog")
    world.accept(waiting)
    _park(world)
    _visits(world)
    world.stores.pauses.pause("rum.search", "test", "moving house <i>tonight</i>")
    minute = iso_minute(id_minute(waiting[0].id))
    return Operated(
        cluster,
        letter,
        *hostile,
        str(replay.id),
        minute,
        str(waiting[0].id),
        storable(HOSTILE[:40]),
    )


def _pools(world: World) -> None:
    pools = Pools(world.stores.settings.redis_url, timeout=5)
    now = now_ms()
    children = [Child(11, 80 << 20, "files", "crash.files", 250, now - 2000), Child(12, None)]
    report = PoolReport(
        *("all@host", 7, "prefork", 2, ["crash.files", "rum.files"], "0.1.0+abc", now, now),
        60 << 20,
        children,
    )
    pools.tell(report, started=True)
    pools.tell(replace(report, name="gone@elsewhere", told_ms=now - 90_000), started=True)


def _letters(world: World) -> tuple[str, str]:
    """Thirty dead letters of one cause, and the newest of them."""
    sent = world.envelopes([crash(f"order {n}") for n in range(30)], "blog")
    world.accept(sent)
    for envelope in sent:
        world.kill(envelope)
    letter = world.stores.dead_letters.list(LetterFilter("blog")).items[0]
    return letter.cluster, str(letter.id)


def _hostile_letter(world: World) -> tuple[str, str]:
    [sent] = world.envelopes([f'{{"a": "{"w" * 3000}", "b": '.encode()], "blog")
    world.accept([sent])
    world.kill(sent, "files")
    with world.stores.database.transaction() as cursor:
        cursor.execute(
            "UPDATE dead_letters SET reason = %s, traceback = %s, code = %s, cluster = %s"
            " WHERE event_id = %s",
            (
                f"<script>alert(1)</script> \u202e {'long' * 400}",
                f"<b>Traceback</b> \u202e {'x' * 400}\n" * 40,
                "<i>" + "Code" * 20,
                "0" * 32,
                sent.id,
            ),
        )
    wanted = LetterFilter("blog", stage="files")
    [letter] = world.stores.dead_letters.list(wanted).items
    return letter.cluster, str(letter.id)


def _park(world: World) -> None:
    world.accept(world.envelopes([os.urandom(50)], "blog", "rum"))
    hand = Reservations(world.stores.settings.redis_url, timeout=5)
    [taken] = hand.join("rum.files", "me", max_messages=1, max_events=9, max_bytes=10**6)
    hand.park(taken.tag, f"cannot be read: <b>{'why' * 60}</b>")


def _visits(world: World) -> None:
    """Forty views of pages with all that a page can have, and a session that crashed."""
    number = world.numbers["shop"]
    start = datetime.now(UTC) - timedelta(hours=3)
    bodies = [real.start(session="visit-1", user="ann@example.com")]
    for n in range(_VIEWS):
        path = f"/product/{n}" if n % 2 else "/cart"
        named = {"session": "visit-1" if n < 9 else f"visit-{n}", "request": f"r{n}"}
        load = real.loaded(f"/api/cart?{HOSTILE}", 300.0 + 60 * n, "x", path)
        bodies.append(real.view(path, 800.0 + 90 * n, load, user="ann@example.com", **named))
        for vital, value in (("LCP", 1500.0 + 90 * n), ("INP", 90.0 + 12 * n), ("CLS", 0.01 * n)):
            bodies.append(real.vital(vital, value, path, user="ann@example.com", **named))
    odd = f"/<script>{'path' * 60}"
    bodies.append(real.view(odd, 900.0, session="hostile/1", user=HOSTILE[:40], request="h"))
    events = [
        real.event(body, start + timedelta(seconds=9 * n), number) for n, body in enumerate(bodies)
    ]
    world.store(events)
    at = start + timedelta(seconds=60)
    world.store([real.crash("/cart", "ann@example.com", at, number)])
    world.stores.search._client.indices.refresh(index="*")
