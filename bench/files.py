"""``bench files``: the file server. Writing through packs against one PUT an event; reading single
events with a million stored, cold and warm; memory while a large blob is served.

Cold means that the file server has the frame neither in memory nor on disk: it asks PostgreSQL and
the object store (whose own page cache is as it is). Warm is the same events again: from the disk
cache when there are more of them than memory keeps, from memory when there are few.
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.file_blob import serve_blob
from bench.file_reads import Reader, Stored, fill, pick_frames
from bench.file_writes import write_packs, write_singly
from bench.ground import Ground, ground, wait_until
from bench.workload import Run, measured
from ops.ports import keep_or_choose
from ops.stack.readiness import web_trouble
from storage.sql.database import Database
from storage.sql.tokens import Tokens

EVENTS, SHORT_EVENTS = 1_000_000, 20_000
READS, SHORT_READS = 2_000, 300
FEW = 60
"""Frames that memory keeps for certain."""
BLOB_MB, SHORT_BLOB_MB = 500, 50


def main(options: argparse.Namespace) -> None:
    with ground(options.say) as place:
        Files(place, options).run()


class Files:
    """One ground with its stored events; every run reads others of them."""

    def __init__(self, place: Ground, options: argparse.Namespace) -> None:
        self._place = place
        self._options = options
        self._events = options.events or (SHORT_EVENTS if options.short else EVENTS)
        self._reads = SHORT_READS if options.short else READS
        self._blob_mb = SHORT_BLOB_MB if options.short else BLOB_MB
        port = keep_or_choose(["files"], {})["files"]
        self._url = f"http://127.0.0.1:{port}"
        self._place.environment.update(
            SLUICE_FILES_HOST="127.0.0.1", SLUICE_FILES_PORT=str(port), SLUICE_FILES_THREADS="16"
        )
        self._stored: list[Stored] = []

    def run(self) -> None:
        self._options.say(f"files: storing {self._events:,} events")
        self._stored, took = fill(self._place, self._events, self._options.seed)
        self._options.say(f"files: stored in {took:.0f} s")
        measured(
            "files",
            self._options,
            self._once,
            _ratios,
            stored_events=self._events,
            warm="read before by the same file server: from its disk cache, or its memory",
        )

    def _once(self, run: Run) -> list[dict[str, Any]]:
        seed = self._options.seed * 1000 + run.number
        seconds = 3 if self._options.short else self._options.seconds
        rows = [
            write_singly(self._place, seed, seconds),
            write_packs(self._place, seed, seconds),
        ]
        watched = self._place.start("files", self._place.part("files"))
        wait_until("the file server is ready", lambda: web_trouble(self._url) is None)
        try:
            rows += self._read(seed)
            rows.append(serve_blob(self._url, self._token(), self._blob_mb, watched))
        finally:
            self._place.stop("files")
        for row in rows:
            run.say(", ".join(f"{name} {value}" for name, value in row.items()))
        return rows

    def _read(self, seed: int) -> list[dict[str, Any]]:
        chosen = pick_frames(self._stored, self._reads, seed)
        reader = Reader(self._url, self._token())
        reader.warm_up(self._stored[0])
        rows = [
            reader.measure("read, cold", chosen),
            reader.measure("read, warm on disk", chosen),
        ]
        reader.measure("", chosen[:FEW])
        rows.append(reader.measure("read, warm in memory", chosen[:FEW] * (self._reads // FEW)))
        reader.close()
        return rows

    def _token(self) -> str:
        database = Database(self._place.settings.postgres_dsn, max_connections=1)
        try:
            return Tokens(database).create("bench", project_id=self._place.project_id)
        finally:
            database.close()


def _ratios(rows: list[dict[str, Any]]) -> dict[str, Any]:
    singly, packs = (row["events_per_s"] for row in rows[:2])
    return {"packs / one PUT an event": round(packs / singly, 1)}
