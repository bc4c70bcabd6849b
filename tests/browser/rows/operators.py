"""Operators' pages."""

from __future__ import annotations

from tests.browser.rows.row import Row


def _letter(cluster: str, letter: str, part: str = "") -> str:
    return f"/ops/dead/{cluster}/{letter}{part}"


ROWS = (
    Row("operations", lambda site: "/ops", {"sql": 12, "search": 3, "files": 1}),
    Row("workers", lambda site: "/ops/workers", {"sql": 4}),
    Row("queue", lambda site: "/ops/queues/crash.files", {"sql": 3}),
    Row("paused queue", lambda site: "/ops/queues/rum.search", {"sql": 3}),
    Row("dead letters", lambda site: "/ops/dead", {"sql": 6}),
    Row("no dead letters", lambda site: "/ops/dead?stage=search", {"sql": 8}),
    Row("letters of a cause", lambda site: f"/ops/dead/{site.operated.cluster}", {"sql": 8}),
    Row(
        "hostile letters",
        lambda site: f"/ops/dead/{site.operated.hostile_cluster}",
        {"sql": 8},
    ),
    Row(
        "letter",
        lambda site: _letter(site.operated.cluster, site.operated.letter),
        {"sql": 8},
    ),
    Row(
        "hostile letter",
        lambda site: _letter(site.operated.hostile_cluster, site.operated.hostile_letter),
        {"sql": 8},
    ),
    Row(
        "ask before a replay",
        lambda site: f"/ops/dead/{site.operated.cluster}/ask?every=true&do=replay",
        {"sql": 8},
    ),
    Row(
        "ask before a discard",
        lambda site: f"/ops/dead/{site.operated.cluster}/ask?id={site.operated.letter}&do=discard",
        {"sql": 8},
    ),
    Row(
        "edit a letter",
        lambda site: _letter(site.operated.cluster, site.operated.letter, "/edit"),
        {"sql": 6},
    ),
    Row(
        "dry run",
        lambda site: _letter(site.operated.cluster, site.operated.letter, "/dry-run"),
        {"sql": 6},
    ),
    Row("replays", lambda site: "/ops/replays", {"sql": 5}),
    Row("replay", lambda site: f"/ops/replays/{site.operated.replay}", {"sql": 7}),
    Row("parked", lambda site: "/ops/parked", {"sql": 3}),
    Row("ledger", lambda site: "/ops/ledger", {"sql": 30}),
    Row("a minute", lambda site: f"/ops/ledger/{site.operated.minute}", {"sql": 33}),
    Row("audit", lambda site: "/ops/audit", {"sql": 5}),
    Row("receipt", lambda site: "/receipt", {"sql": 3}),
    Row("receipt of a stored event", lambda site: f"/receipt?id={site.event}", {"sql": 9}),
    Row(
        "receipt of a waiting event",
        lambda site: f"/receipt?id={site.operated.waiting}",
        {"sql": 11},
    ),
    Row("receipt of nothing", lambda site: f"/receipt?id={site.nothing}", {"sql": 11}),
)
