"""Sends crashes to a running Sluice and proves that every accepted one is in all three stores.

``python -m bench.acceptance --events 20000`` uses the addresses of ``./sluice status --json``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from bench.payloads import CrashSource
from bench.stores import in_files, in_search, in_sql

ROOT = Path.cwd()
BULK = 50


def status() -> dict[str, Any]:
    found = subprocess.run(
        [ROOT / "sluice", "status", "--json"], capture_output=True, check=True, text=True
    )
    return dict(json.loads(found.stdout))


class Sender(threading.Thread):
    """Posts bodies from a queue over one connection and keeps the ids of what was accepted."""

    def __init__(self, web: str, key: str, jobs: SimpleQueue[tuple[str, bytes]]) -> None:
        super().__init__(daemon=True)
        self.address = urllib.parse.urlsplit(web).netloc
        self.key, self.jobs = key, jobs
        self.ids: list[str] = []
        self.refused: list[int] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        while True:
            try:
                path, body = self.jobs.get_nowait()
            except Empty:
                return
            connection.request("POST", path, body, {"X-ApiKey": self.key})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 202:
                self.refused.append(answer.status)
            elif path == "/entries":
                self.ids.append(answer.headers["Sluice-Event-Id"])
            else:
                self.ids.extend(answer.headers["Sluice-Event-Ids"].split(","))


def make_jobs(events: int, seed: int) -> SimpleQueue[tuple[str, bytes]]:
    """Half of the events one by one, half in bulks."""
    source, jobs = CrashSource(seed), SimpleQueue[tuple[str, bytes]]()
    for _ in range(events // (2 * BULK)):
        for _ in range(BULK):
            jobs.put(("/entries", source.crash()))
        jobs.put(("/entries/bulk", b"[" + b",".join(source.crash() for _ in range(BULK)) + b"]"))
    return jobs


def send(found: dict[str, Any], events: int, connections: int, seed: int) -> list[str]:
    """Post them all; the ids of the accepted ones. Exits when any was refused."""
    jobs = make_jobs(events, seed)
    senders = [Sender(found["web"], found["project"]["key"], jobs) for _ in range(connections)]
    began = time.monotonic()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    took = time.monotonic() - began
    ids = [event_id for sender in senders for event_id in sender.ids]
    print(f"accepted {len(ids)} events in {took:.1f} s ({len(ids) / took:.0f}/s)")
    if refused := [code for sender in senders for code in sender.refused]:
        sys.exit(f"{len(refused)} requests were refused: {sorted(set(refused))}")
    return ids


def get(found: dict[str, Any], path: str) -> dict[str, Any]:
    request = urllib.request.Request(
        found["web"] + path, headers={"Authorization": f"Bearer {found['token']}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))


def wait_until_idle(found: dict[str, Any], limit: float) -> float:
    """Seconds until the ledger has nothing in flight; exits when that takes too long."""
    began = time.monotonic()
    while (totals := get(found, "/api/v1/ledger")["totals"])["in_flight"]:
        if time.monotonic() - began > limit:
            sys.exit(f"still in flight after {limit:.0f} s: {totals}")
        time.sleep(0.25)
    print(f"ledger: {totals}")
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drain", action="store_true", help="hold the workers while sending")
    options = parser.parse_args()
    found = status()
    if options.drain:
        subprocess.run([ROOT / "sluice", "stop", "worker-*"], check=True)
    sent = send(found, options.events, options.connections, options.seed)
    began = time.monotonic()
    if options.drain:
        subprocess.run([ROOT / "sluice", "start", "worker-*"], check=True)
    wait_until_idle(found, limit=600)
    took = time.monotonic() - began
    print(f"stored {len(sent)} events in {took:.1f} s after the last ({len(sent) / took:.0f}/s)")
    differences = compare(found, sent)
    print(json.dumps(differences))
    sys.exit(1 if any(differences.values()) else 0)


def compare(found: dict[str, Any], sent: list[str]) -> dict[str, int]:
    """How many ids sent are missing or doubled in SQL, search and the packs on S3."""
    stores = {"sql": in_sql(found), "search": in_search(found), "files": in_files(found)}
    differences = {"ids given twice": len(sent) - len(set(sent))}
    for name, held in stores.items():
        differences[f"missing in {name}"] = sum(held[event_id] == 0 for event_id in sent)
        differences[f"twice in {name}"] = sum(held[event_id] > 1 for event_id in sent)
    return differences


if __name__ == "__main__":
    main()
