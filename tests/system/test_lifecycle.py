"""Bringing Sluice up and down, part by part and by force: it comes back, and nothing is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

if TYPE_CHECKING:
    from tests.system.conftest import Sluice

pytestmark = pytest.mark.timeout(400)

PROCFILE = Path(__file__).resolve().parents[2] / "Procfile"
PARTS = [line.partition(":")[0] for line in PROCFILE.read_text().splitlines() if ":" in line]
SERVERS = ("valkey", "postgres", "seaweedfs", "elasticsearch")
TYPES = ("crash", "rum", "trace", "metric")
RESTART_SECONDS = 5
RECOVERY_SECONDS = 90


def wait_until(done: Callable[[], Any], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def crash(message: str) -> dict[str, Any]:
    frame = {"methodName": "work", "fileName": "a.py", "lineNumber": 1}
    error = {"className": "LifecycleError", "message": message, "stackTrace": [frame]}
    return {"occurredOn": "2026-01-01T00:00:00Z", "details": {"error": error}}


def accepted(sluice: Sluice, message: str) -> str:
    """Send a crash until it is accepted; a part that is just starting may refuse meanwhile."""
    found: list[str] = []

    def send() -> bool:
        with sluice.sender() as client:
            try:
                answer = client.post("/entries", json=crash(message))
            except httpx.TransportError:
                return False
        if answer.status_code == 202:
            found.append(answer.headers["Sluice-Event-Id"])
        return bool(found)

    wait_until(send, RECOVERY_SECONDS, f"{message} accepted")
    return found[0]


def stored(sluice: Sluice, event_id: str) -> bool:
    with sluice.reader() as client:
        try:
            answer = client.get(f"/api/v1/receipts/{event_id}")
        except httpx.TransportError:
            return False
    receipt = answer.json() if answer.status_code == 200 else {}
    return all(isinstance(receipt.get(stage), str) for stage in ("files", "sql", "search"))


def await_stored(sluice: Sluice, event_id: str) -> None:
    wait_until(lambda: stored(sluice, event_id), RECOVERY_SECONDS, f"{event_id} stored")


def test_a_second_up_says_that_it_runs_and_where(sluice: Sluice) -> None:
    done = sluice.run("up")
    assert done.returncode == 0
    assert "running already" in done.stderr
    assert sluice.status["web"] in done.stdout


def test_status_tells_every_process_and_address(sluice: Sluice) -> None:
    status = sluice.refresh()
    assert status["state"] == "running"
    assert {item["name"] for item in status["processes"]} == {*PARTS, *SERVERS}
    assert all(psutil.pid_exists(item["pid"]) for item in status["processes"])
    assert sluice.process("worker-sql")["queues"] == [f"{event_type}.sql" for event_type in TYPES]
    assert len(sluice.process("worker-sql")["children"]) >= 1
    assert httpx.get(f"{status['flower']}/workers").status_code == 200
    assert httpx.get(f"{status['files']}/health/ready", timeout=60).status_code == 200
    assert httpx.get(f"{status['elasticsearch']}/_cluster/health").status_code == 200
    assert set(status["s3"]) == {"endpoint", "bucket", "access_key", "secret_key", "region"}


@pytest.mark.parametrize("name", [*PARTS, *SERVERS])
def test_a_stopped_process_stays_stopped_until_it_is_started(sluice: Sluice, name: str) -> None:
    sluice.succeed("stop", name)
    stopped = sluice.process(name)
    assert (stopped["state"], stopped["pid"], stopped["children"]) == ("stopped", None, [])
    time.sleep(1.5)  # longer than a restart takes: nothing may happen
    assert sluice.process(name)["state"] == "stopped"
    sluice.succeed("start", name)
    assert sluice.process(name)["state"] == "running"
    await_stored(sluice, accepted(sluice, f"after the stop of {name}"))


@pytest.mark.parametrize("name", [*PARTS, *SERVERS])
def test_a_killed_process_is_back_within_5_s(sluice: Sluice, name: str) -> None:
    before = sluice.process(name)["pid"]
    psutil.Process(before).kill()
    wait_until(
        lambda: sluice.process(name)["pid"] not in {before, None},
        RESTART_SECONDS,
        f"restart of {name}",
    )
    await_stored(sluice, accepted(sluice, f"after the kill of {name}"))


def test_a_stopped_process_stays_stopped_when_the_supervisor_reloads(sluice: Sluice) -> None:
    sluice.succeed("stop", "flower")
    parent = supervisor_of(sluice)
    parent.send_signal(signal.SIGHUP)
    wait_until(lambda: sluice.refresh()["state"] == "degraded", 60, "reload")
    wait_until(lambda: sluice.process("web")["state"] == "running", 60, "web after reload")
    assert sluice.process("flower")["state"] == "stopped"
    sluice.succeed("start", "*")
    await_stored(sluice, accepted(sluice, "after a reload"))


def test_data_survives_down_and_up_and_two_ups_do_not_race(sluice: Sluice) -> None:
    event_id = accepted(sluice, "before down")
    await_stored(sluice, event_id)
    before = sluice.status
    sluice.succeed("down")
    assert sluice.refresh()["state"] == "down"
    assert "nothing was running" in sluice.run("down").stderr
    asked = sluice.run("ledger")
    assert asked.returncode == 1
    assert "start it with ./sluice up" in asked.stderr
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: sluice.run("up", "--detach"), range(2)))
    assert [item.returncode for item in done] == [0, 0], [item.stderr for item in done]
    assert sum("running already" in item.stderr for item in done) == 1
    after = sluice.refresh()
    assert (after["web"], after["token"]) == (before["web"], before["token"])
    with sluice.reader() as client:
        assert client.get(f"/api/v1/events/{event_id}").status_code == 200
    sluice.succeed("ledger", "--check")


def test_everything_killed_comes_back_with_up(sluice: Sluice) -> None:
    ids = [accepted(sluice, f"before the end {number}") for number in range(20)]
    parent = supervisor_of(sluice)
    everyone = [parent, *parent.children(recursive=True)]
    for process in everyone:
        process.kill()
    psutil.wait_procs(everyone, timeout=10)
    assert sluice.refresh()["state"] == "down"
    sluice.succeed("up", "--detach")
    sluice.refresh()
    for event_id in ids:
        await_stored(sluice, event_id)
    sluice.succeed("ledger", "--check")


def test_what_outlives_the_supervisor_is_ended_by_the_next_up(sluice: Sluice) -> None:
    event_id = accepted(sluice, "before the supervisor's end")
    parent = supervisor_of(sluice)
    orphans = parent.children(recursive=True)
    parent.kill()
    parent.wait(10)
    assert any("without their supervisor" in told for told in sluice.refresh()["warnings"])
    sluice.succeed("up", "--detach")
    sluice.refresh()
    assert not [orphan for orphan in orphans if orphan.is_running()]
    await_stored(sluice, event_id)


def test_an_up_that_was_killed_half_way_is_no_running_one(sluice: Sluice) -> None:
    sluice.succeed("down")
    starting = subprocess.Popen(
        [str(Path(__file__).resolve().parents[2] / "sluice"), "up", "--detach"],
        env={**_plain_environment(), "SLUICE_HOME": str(sluice.home), "SLUICE_WEB_PORT": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: sluice.refresh()["processes"], 60, "the supervisor of a start")
    starting.kill()
    starting.wait(10)
    assert "starting anew" in sluice.run("up", "--detach").stderr
    assert sluice.refresh()["state"] == "running"
    await_stored(sluice, accepted(sluice, "after an up that was killed"))


def test_ctrl_c_in_the_foreground_stops_everything(sluice: Sluice) -> None:
    sluice.succeed("down")
    foreground = subprocess.Popen(
        [str(Path(__file__).resolve().parents[2] / "sluice"), "up"],
        env={**_plain_environment(), "SLUICE_HOME": str(sluice.home), "SLUICE_WEB_PORT": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert foreground.stderr is not None
    assert any("Ctrl-C" in line for line in foreground.stderr)
    foreground.send_signal(signal.SIGINT)
    assert foreground.wait(timeout=120) == 0
    foreground.stderr.close()
    assert sluice.refresh()["state"] == "down"
    sluice.succeed("up", "--detach")
    sluice.refresh()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named(sluice: Sluice, tmp_path: Path, taken_port: int) -> None:
    other = type(sluice)(tmp_path / "home")
    done = other.run("up", "--detach", SLUICE_WEB_PORT=str(taken_port))
    assert done.returncode == 1
    assert f"port {taken_port}" in done.stderr
    assert "SLUICE_WEB_PORT" in done.stderr


def test_an_external_server_that_is_away_is_named(sluice: Sluice, tmp_path: Path) -> None:
    other = type(sluice)(tmp_path / "home")
    dsn = "postgresql://someone:hidden@127.0.0.1:1/x"
    done = other.run("up", "--detach", SLUICE_POSTGRES_DSN=dsn)
    assert done.returncode == 1
    assert "SLUICE_POSTGRES_DSN" in done.stderr
    assert "hidden" not in done.stderr
    assert "Traceback" not in done.stderr


def supervisor_of(sluice: Sluice) -> psutil.Process:
    parent = psutil.Process(sluice.process("web")["pid"]).parent()
    assert parent is not None
    return parent


def _plain_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SLUICE_", "PYTHONPATH")) or name == "SLUICE_CACHE"
    }
