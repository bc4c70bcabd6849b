"""Baseline ``straight``: the same work without any queue protocol, two processes of a loop.

Pop up to 500 raw payloads from a Redis list, give them ids, pack them to S3, upsert SQL, index in
bulk. A kill loses what is in hand. It uses Sluice's own parsers and stores, so what it does not
pay is messages, leases, and reading packs back.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import redis

from bench.backlog import fill_list
from bench.ground import Ground, wait_until
from bench.kinds import CRASH, KINDS, Kind
from bench.processes import CpuMeter
from broker.connection import connect
from config.settings import load_settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.registry import event_type
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.packs import Packs

LIST = "bench:straight"
BATCH = 500
PROCESSES = 2


def load_all(project_id: int, kind: Kind) -> None:
    """Work until the list is empty."""
    settings = load_settings(os.environ)
    client = connect(settings.redis_url, timeout=60)
    files, search = FileStore(settings), SearchStore(settings)
    packs = Packs(Database(settings.postgres_dsn, max_connections=1))
    normalise = event_type(kind.event_type).normalise
    client.incr(f"{LIST}:ready")
    client.blpop([f"{LIST}:go"], 60)
    while bodies := client.lpop(LIST, BATCH):
        envelopes = [
            Envelope(new_id(now_ms()), project_id, kind.event_type, kind.protocol, body)
            for body in bodies
        ]
        pack, places = files.write_pack(envelopes, new_id(now_ms()))
        at = datetime.now(UTC)
        records = [normalise(envelope) for envelope in envelopes]
        packs.store(pack, at, [(record, kind.protocol, places[record.id]) for record in records])
        search.index(kind.event_type, records)
        packs.mark_searched(pack.id, datetime.now(UTC))
    client.incr(f"{LIST}:done")
    client.blpop([f"{LIST}:end"], 60)  # the process stays to be measured


def measure(place: Ground, events: int, seed: int, kind: Kind = CRASH) -> dict[str, Any]:
    """Events a second, and what they cost."""
    fill_list(place, LIST, kind.source(seed), events)
    argv = [sys.executable, "-P", "-m", "bench.straight", str(place.project_id), kind.event_type]
    names = [f"straight-{number}" for number in range(PROCESSES)]
    watched = [place.start(name, argv) for name in names]
    with place.redis() as client:
        wait_until("the loops are up", lambda: int(client.get(f"{LIST}:ready") or 0) == PROCESSES)
        meter = CpuMeter([*watched, *place.servers.values()])
        begun = now_ms()
        client.rpush(f"{LIST}:go", *names)
        children = {name: place.children[name] for name in names}
        wait_until("the list is loaded", lambda: _ended(client, place, children), 1800)
        took, cpu = (now_ms() - begun) / 1000, meter.per_thousand(events)
        client.rpush(f"{LIST}:end", *names)
        client.delete(f"{LIST}:ready", f"{LIST}:done")
    place.stop(*names)
    row = {"what": "straight", "events": events, "events_per_s": round(events / took, 1)}
    return {**row, "cpu": cpu}


def _ended(
    client: redis.Redis[bytes], place: Ground, children: dict[str, subprocess.Popen[bytes]]
) -> bool:
    for name, child in children.items():
        if child.poll():
            told = place.log(name).read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"{name} failed: {' / '.join(told[-3:])}")
    return int(client.get(f"{LIST}:done") or 0) == PROCESSES


if __name__ == "__main__":
    load_all(int(sys.argv[1]), KINDS[sys.argv[2]])
