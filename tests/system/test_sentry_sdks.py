"""Sentry's own SDKs, unmodified, given the project's DSN: what they send comes back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

PROGRAMS = Path(__file__).parent / "sdk"
SECONDS = 60
PYTHON_1, PYTHON_2 = "SLUICE_TEST_SENTRY_1", "SLUICE_TEST_SENTRY_2"


def run(program: str, sluice: Any, mark: str, python: str | None = None) -> tuple[str, str]:
    """Run a shop; the SDK's id of the crash that it had, and of the trace in which it was."""
    done = subprocess.run(
        [
            os.environ[python] if python else "node",
            str(PROGRAMS / program),
            sluice.status["project"]["dsn"],
            mark,
        ],
        env={
            "PATH": os.environ["PATH"],
            "NODE_PATH": os.environ["SLUICE_TEST_NODE_MODULES"],
            "NO_PROXY": "127.0.0.1,localhost",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    crash, trace = done.stdout.split()
    return crash, trace


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it cannot be read back"
        time.sleep(0.2)
    return found


def read(reader: httpx.Client, path: str, **params: str) -> Any:
    answer = reader.get(f"/api/v1{path}", params=params)
    return answer.json() if answer.status_code == 200 else {}


CASES = [
    pytest.param("shop_sentry.py", PYTHON_1, "sentry.python", id="sentry-sdk 1"),
    pytest.param("shop_sentry.py", PYTHON_2, "sentry.python", id="sentry-sdk 2"),
    pytest.param("shop_sentry.js", None, "sentry.javascript.node", id="@sentry/node"),
    pytest.param("shop_sentry_browser.js", None, "sentry.javascript.browser", id="@sentry/browser"),
]


@pytest.mark.parametrize(("program", "python", "client"), CASES)
def test_a_crash_with_its_trace_session_and_file(
    sluice: Any, program: str, python: str | None, client: str
) -> None:
    mark = uuid4().hex[:8]
    sdk_id, trace_id = run(program, sluice, mark, python)
    with sluice.reader() as reader:
        event = eventually(lambda: read(reader, f"/events/{sdk_id}"))
        assert event["type"] == "crash"
        assert event["error"]["class_name"] == "OrderRefused"
        assert event["error"]["message"] == f"basket 17 refused {mark}"
        assert "charge" in [frame["method"] for frame in event["error"]["frames"]][:2]
        assert (event["user"]["identifier"], event["user"]["email"]) == ("ann", "ann@shop.test")
        assert event["client"]["name"].startswith(client)
        assert event["version"] == f"shop-{mark}@7.1.0"
        assert "team:shop" in event["tags"]
        assert event["custom"]["extra"]["order"] == 17
        assert "3 lines" in [crumb["message"] for crumb in event["breadcrumbs"]]
        assert (event["trace_id"], event["sdk_id"]) == (trace_id, sdk_id)

        (file,) = read(reader, f"/events/{sdk_id}/attachments")["items"]
        assert (file["name"], file["bytes"]) == ("order.log", 18)

        def whole() -> Any:
            told = read(reader, f"/traces/{trace_id}")
            return told if told.get("crashes") and told["span_count"] == 2 else None

        told = eventually(whole)
        assert [(span["name"], span["op"], span["depth"]) for span in told["spans"]] == [
            ("POST /orders", "http.server", 0),
            ("INSERT orders", "db.query", 1),
        ]
        assert told["spans"][1]["category"] == "db"
        assert [crash["id"] for crash in told["crashes"]] == [event["id"]]

        def health() -> Any:
            version = f"shop-{mark}@7.1.0"
            items = read(reader, "/releases/health", project="demo", version=version)["items"]
            return next((one for one in items if one["day"] is None), None)

        counts = eventually(health)
        assert counts["sessions"] == 1
        assert counts["crashed"] == 0


@pytest.mark.parametrize(("program", "python"), [case.values[:2] for case in CASES[1:]])
def test_what_is_logged_is_in_its_trace(sluice: Any, program: str, python: str | None) -> None:
    mark = uuid4().hex[:8]
    _, trace_id = run(program, sluice, mark, python)
    with sluice.reader() as reader:

        def logged() -> Any:
            return [
                line
                for line in read(reader, f"/traces/{trace_id}").get("logs", [])
                if mark in line["body"]
            ]

        (line,) = eventually(logged)
        assert (line["level"], line["body"]) == ("warning", f"cart of {mark} has 3 lines")
