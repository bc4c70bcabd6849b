"""The tutorial's four files, put into a copy of the checkout, are a type that works throughout."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings
from tests.integration.pipeline import ROOT, environment

TUTORIAL = ROOT / "docs" / "add-an-event-type.md"
ROOMS = ("app", "broker", "config", "events", "ops", "storage", "tasks", "workbench")
_BLOCK = re.compile(
    r"^```(?:python|sql|text) (\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL
)

PROGRAM = """
import json, os, subprocess, sys, time
from app.factory import create_app
from app.stores import open_stores
from config.policy import QUEUES
from config.settings import load_settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.sql.migrate import migrate

settings = load_settings(os.environ)
migrate(settings.postgres_dsn)
stores = open_stores(settings)
stores.files.ensure_bucket()
stores.search.ensure_schema()
project, _ = stores.projects.create("shop")
token = "a-token-0123456789abcdef"
stores.tokens.create("test", token)
client = create_app(settings, stores).test_client()
deploys = [Envelope(new_id(now_ms()), project.id, "deploy", "deploy.json", body) for body in (
    b'{"version": "4.2.0", "owner": "ann", "password": "hunter2"}', b"[]")]
stores.broker.publish("deploy", new_id(now_ms()), deploys)
queues = ",".join(name for name in QUEUES if name.startswith("deploy."))
worker = subprocess.Popen([sys.executable, "-m", "celery", "--app", "tasks.worker:app", "worker",
    "--concurrency", "1", "--queues", queues, "--without-mingle"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def get(path):
    answer = client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"})
    return answer.get_json() if answer.status_code == 200 else {}

def wait(look):
    end = time.monotonic() + 90
    while not (found := look()):
        assert worker.poll() is None, "the worker ended"
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)
    return found

try:
    good = deploys[0].id
    wait(lambda: get(f"/receipts/{good}").get("search"))
    found = wait(lambda: get("/search?project=shop&type=deploy&q=owner:ann").get("items"))
    letters = wait(lambda: get("/dead-letters?type=deploy").get("items"))
    raw = client.get(f"/api/v1/events/{good}/raw", headers={"Authorization": f"Bearer {token}"})
    print(json.dumps({"picture": get(f"/events/{good}"), "found": found, "letters": letters,
        "ledger": get("/ledger?project=shop")["totals"], "raw": raw.get_data(as_text=True)}))
finally:
    worker.terminate()
    worker.wait(60)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms, with what the tutorial says put in."""
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=ignored)
    blocks = _BLOCK.findall(TUTORIAL.read_text(encoding="utf-8"))
    assert len({path for path, _, _ in blocks}) == 4, "the tutorial promises four files"
    for path, table, text in blocks:
        file = tmp_path / path
        if not table:
            assert not file.exists()
            file.write_text(text, encoding="utf-8")
            continue
        there = file.read_text(encoding="utf-8")
        row = f"{table} = (\n"
        assert there.count(row) == 1
        file.write_text(there.replace(row, f"{row}{text}"), encoding="utf-8")
    return tmp_path


def test_a_type_of_four_files_goes_through_all_stores(
    copy: Path, module_settings: Settings
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        cwd=copy,
        env=environment(module_settings, PYTHONPATH=str(copy)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["picture"]["deploy"] == {"owner": "ann"}
    assert told["picture"]["version"] == "4.2.0"
    assert [item["title"] for item in told["found"]] == ["Deploy of 4.2.0"]
    assert [letter["code"] for letter in told["letters"]] == ["not_an_object"]
    assert "hunter2" not in told["raw"]
    assert (told["ledger"]["accepted"], told["ledger"]["stored"]) == (2, 1)
    assert (told["ledger"]["dead"], told["ledger"]["in_flight"]) == (1, 0)
