"""Operators' pages."""

from __future__ import annotations

from tests.browser.rows.row import Row


def _letter(cluster: str, letter: str, part: str = "") -> str:
    return f"/ops/dead/{cluster}/{letter}{part}"


ROWS = (
    Row("operations", lambda site: "/ops", {"sql": 15, "search": 3, "files": 1}),
    Row("workers", lambda site: "/ops/workers", {"sql": 7}),
    Row("queue", lambda site: "/ops/queues/crash.files", {"sql": 6}),
    Row("paused queue", lambda site: "/ops/queues/rum.search", {"sql": 6}),
    Row("dead letters", lambda site: "/ops/dead", {"sql": 9}),
    Row("no dead letters", lambda site: "/ops/dead?stage=search", {"sql": 11}),
    Row("letters of a cause", lambda site: f"/ops/dead/{site.operated.cluster}", {"sql": 11}),
    Row(
        "hostile letters",
        lambda site: f"/ops/dead/{site.operated.hostile_cluster}",
        {"sql": 11},
    ),
    Row(
        "letter",
        lambda site: _letter(site.operated.cluster, site.operated.letter),
        {"sql": 11},
    ),
    Row(
        "hostile letter",
        lambda site: _letter(site.operated.hostile_cluster, site.operated.hostile_letter),
        {"sql": 11},
    ),
    Row(
        "ask before a replay",
        lambda site: f"/ops/dead/{site.operated.cluster}/ask?every=true&do=replay",
        {"sql": 11},
    ),
    Row(
        "ask before a discard",
        lambda site: f"/ops/dead/{site.operated.cluster}/ask?id={site.operated.letter}&do=discard",
        {"sql": 11},
    ),
    Row(
        "edit a letter",
        lambda site: _letter(site.operated.cluster, site.operated.letter, "/edit"),
        {"sql": 9},
    ),
    Row(
        "dry run",
        lambda site: _letter(site.operated.cluster, site.operated.letter, "/dry-run"),
        {"sql": 9},
    ),
    Row("replays", lambda site: "/ops/replays", {"sql": 8}),
    Row("replay", lambda site: f"/ops/replays/{site.operated.replay}", {"sql": 10}),
    Row("parked", lambda site: "/ops/parked", {"sql": 6}),
    Row("ledger", lambda site: "/ops/ledger", {"sql": 17}),
    Row("a minute", lambda site: f"/ops/ledger/{site.operated.minute}", {"sql": 18}),
    Row("audit", lambda site: "/ops/audit", {"sql": 8}),
    Row("receipt", lambda site: "/receipt", {"sql": 6}),
    Row("receipt of a stored event", lambda site: f"/receipt?id={site.event}", {"sql": 12}),
    Row(
        "receipt of a waiting event",
        lambda site: f"/receipt?id={site.operated.waiting}",
        {"sql": 14},
    ),
    Row("receipt of nothing", lambda site: f"/receipt?id={site.nothing}", {"sql": 14}),
)
