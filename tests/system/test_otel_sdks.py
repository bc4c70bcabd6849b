"""OpenTelemetry's own SDKs, unmodified, pointed at a running Sluice: what they send comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

PROGRAMS = Path(__file__).parent / "sdk"
SECONDS = 60


def run(program: str, sluice: Any, mark: str) -> str:
    """Run a shop; the id of the trace that it made."""
    status = sluice.status
    first = sys.executable if program.endswith(".py") else "node"
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": os.environ["SLUICE_TEST_NODE_MODULES"],
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        [first, str(PROGRAMS / program), status["project"]["key"], status["web"], mark],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it cannot be read back"
        time.sleep(0.2)
    return found


@pytest.mark.parametrize("program", ["shop_otel.py", "shop_otel.js"])
def test_a_trace_with_its_crash(sluice: Any, program: str) -> None:
    mark = uuid4().hex[:8]
    trace_id = run(program, sluice, mark)
    with sluice.reader() as reader:

        def whole() -> Any:
            answer = reader.get(f"/api/v1/traces/{trace_id}")
            told = answer.json() if answer.status_code == 200 else {}
            return told if told.get("crashes") and told["span_count"] == 2 else None

        told = eventually(whole)
        assert [(span["name"], span["depth"]) for span in told["spans"]] == [
            ("POST /orders", 0),
            ("INSERT orders", 1),
        ]
        assert told["notes"] == []
        (crash,) = [one for one in told["crashes"] if "17 refused" in one["message"]]
        picture = reader.get(f"/api/v1/events/{crash['id']}").json()
        assert picture["error"]["message"] == f"order 17 refused {mark}"
        assert picture["error"]["frames"][0]["method"] == "charge"
        assert (picture["version"], picture["trace_id"]) == ("7.1.0", trace_id)

        def service() -> Any:
            params = {"project": "demo", "service": f"shop-{mark}"}
            items = reader.get("/api/v1/apm/operations", params=params).json()["items"]
            return {item["operation"]: item for item in items}

        found = eventually(service)
        assert (found["POST /orders"]["count"], found["POST /orders"]["errors"]) == (1, 1)
        assert found["INSERT orders"]["category"] == "db"


def test_metrics_and_logs(sluice: Any) -> None:
    mark = uuid4().hex[:8]
    trace_id = run("shop_otel.py", sluice, mark)
    with sluice.reader() as reader:

        def points(name: str) -> Any:
            params = {"project": "demo", "label": f"service:shop-{mark}"}
            answer = reader.get(f"/api/v1/metrics/{name}", params=params)
            found = answer.json()["series"] if answer.status_code == 200 else []
            return found[0]["points"] if found else None

        (orders,) = eventually(lambda: points("orders.placed"))
        assert orders["sum"] == 4
        (took,) = eventually(lambda: points("checkout.duration"))
        assert (took["count"], took["sum"], took["most"]) == (4, 60, 30)

        def logged() -> Any:
            told = reader.get(f"/api/v1/traces/{trace_id}").json()
            return [log for log in told.get("logs", []) if mark in log["body"]]

        (line,) = eventually(logged)
        assert (line["level"], line["body"]) == ("warning", f"cart of {mark} has 3 lines")
