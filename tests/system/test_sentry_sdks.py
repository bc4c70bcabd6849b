"""Sentry's own SDKs, unmodified, given the project's DSN: what they send comes back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

PROGRAMS = Path(__file__).parent / "sdk"
SECONDS = 60
PYTHON_1, PYTHON_2 = "SLUICE_TEST_SENTRY_1", "SLUICE_TEST_SENTRY_2"


@dataclass(frozen=True)
class Shop:
    """A program with an SDK: how it is run, as what, and what differs in what its SDK sends."""

    argv: Callable[[Path], list[str]]
    client: str
    error: str = "OrderRefused"
    custom: dict[str, Any] = field(default_factory=lambda: {"extra": {"order": 17}})
    tells_sessions: bool = True
    tells_logs: bool = True


def python(variable: str) -> Callable[[Path], list[str]]:
    return lambda _: [os.environ[variable], str(PROGRAMS / "shop_sentry.py")]


def node(program: str) -> Callable[[Path], list[str]]:
    return lambda _: ["node", str(PROGRAMS / program)]


def java(folder: Path) -> list[str]:
    """Compiles with Eclipse's compiler: the runtime that Elasticsearch has brings none."""
    jars = Path(os.environ["SLUICE_TEST_JAVA_PACKAGES"])
    (compiler,), (sdk,) = jars.glob("ecj-*.jar"), jars.glob("sentry-*.jar")
    program, runtime = PROGRAMS / "shop_sentry.java", os.environ["SLUICE_TEST_JAVA"]
    options = ["-source", "17", "-target", "17", "-classpath", str(sdk), "-d", str(folder)]
    done([runtime, "-jar", str(compiler), *options, str(program)], os.environ)
    return [runtime, "-classpath", f"{sdk}:{folder}", "Shop"]


def go(folder: Path) -> list[str]:
    """Builds with this machine's Go, which fetches the SDK as ``go.sum`` has it."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    source = PROGRAMS / "go"
    wanted = version_in(r"^go (\S+)$", (source / "go.mod").read_text())
    if (
        shutil.which("go") is None
        or version_in(r"go([\d.]+)", done(["go", "env", "GOVERSION"], environment)) < wanted
    ):
        pytest.skip(f"there is no Go {'.'.join(map(str, wanted))} or newer on this machine")
    shop = str(folder / "shop")
    done(["go", "build", "-C", str(source), "-buildvcs=false", "-o", shop, "."], environment)
    return [shop]


def version_in(pattern: str, text: str) -> tuple[int, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, text
    return tuple(int(part) for part in found[1].split("."))


def done(argv: list[str], environment: Mapping[str, str]) -> str:
    """The standard output of a program that must end well."""
    ended = subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


SHOPS = {
    "sentry-sdk 1": Shop(python(PYTHON_1), "sentry.python", tells_logs=False),
    "sentry-sdk 2": Shop(python(PYTHON_2), "sentry.python"),
    "@sentry/node": Shop(node("shop_sentry.js"), "sentry.javascript.node"),
    "@sentry/browser": Shop(node("shop_sentry_browser.js"), "sentry.javascript.browser"),
    "sentry-java": Shop(java, "sentry.java", custom={"extra": {"order": "17"}}),
    # Its SDK knows no sessions, and no extra data any more.
    "sentry-go": Shop(
        go,
        "sentry.go",
        error="main.OrderRefused",
        custom={"contexts": {"order": {"number": 17}}},
        tells_sessions=False,
    ),
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """How a shop is run, built the first time that it is asked for."""

    @cache
    def argv(name: str) -> list[str]:
        return SHOPS[name].argv(tmp_path_factory.mktemp("shop"))

    return argv


def run(argv: list[str], sluice: Any, mark: str) -> tuple[str, str]:
    """Run a shop; the SDK's id of the crash that it had, and of the trace in which it was."""
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": os.environ["SLUICE_TEST_NODE_MODULES"],
        "NO_PROXY": "127.0.0.1,localhost",
    }
    crash, trace = done([*argv, sluice.status["project"]["dsn"], mark], environment).split()
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


@pytest.mark.parametrize("name", SHOPS)
def test_a_crash_with_its_trace_session_and_file(
    sluice: Any, started: Callable[[str], list[str]], name: str
) -> None:
    mark, shop = uuid4().hex[:8], SHOPS[name]
    sdk_id, trace_id = run(started(name), sluice, mark)
    with sluice.reader() as reader:
        event = eventually(lambda: read(reader, f"/events/{sdk_id}"))
        assert event["type"] == "crash"
        assert event["error"]["class_name"] == shop.error
        assert event["error"]["message"] == f"basket 17 refused {mark}"
        assert "charge" in [frame["method"] for frame in event["error"]["frames"]][:2]
        assert (event["user"]["identifier"], event["user"]["email"]) == ("ann", "ann@shop.test")
        assert event["client"]["name"].startswith(shop.client)
        assert event["version"] == f"shop-{mark}@7.1.0"
        assert "team:shop" in event["tags"]
        for part, data in shop.custom.items():
            assert event["custom"][part].items() >= data.items()
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

        if not shop.tells_sessions:
            return

        def health() -> Any:
            version = f"shop-{mark}@7.1.0"
            items = read(reader, "/releases/health", project="demo", version=version)["items"]
            return next((one for one in items if one["day"] is None), None)

        counts = eventually(health)
        assert counts["sessions"] == 1
        assert counts["crashed"] == 0


@pytest.mark.parametrize("name", [name for name, shop in SHOPS.items() if shop.tells_logs])
def test_what_is_logged_is_in_its_trace(
    sluice: Any, started: Callable[[str], list[str]], name: str
) -> None:
    mark = uuid4().hex[:8]
    _, trace_id = run(started(name), sluice, mark)
    with sluice.reader() as reader:

        def logged() -> Any:
            return [
                line
                for line in read(reader, f"/traces/{trace_id}").get("logs", [])
                if mark in line["body"]
            ]

        (line,) = eventually(logged)
        assert (line["level"], line["body"]) == ("warning", f"cart of {mark} has 3 lines")
