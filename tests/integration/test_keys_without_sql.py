"""PostgreSQL away or hung: known keys go on, revoked ones are refused, nobody is wrongly told no.

A fresh application over the same home stands for a web process that was restarted: it has nothing
but the copies in the broker and on the disk.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner
from flask.testing import FlaskClient

from app.factory import create_app
from app.ingest.keyfile import KeyFile
from app.stores import open_stores
from broker.known_keys import KnownKeys, key_digest
from config.settings import Secret, Settings, load_settings
from ops.__main__ import main
from ops.home import Home
from ops.paths import cache_path
from ops.programs import sighting_path
from ops.servers.direct import running_servers
from ops.supervision.leftovers import members, read_sighting
from storage.sql.migrate import migrate
from storage.sql.projects import Projects
from tests.integration.api_world import crash

NO_SQL = Secret("postgresql://postgres@127.0.0.1:1/x")
NO_BROKER = Secret("redis://127.0.0.1:1/0")
KEY, REVOKED, UNSEEN = "a-key-in-use-01", "a-revoked-key-02", "a-key-not-used-03"


def wait_until(condition: Callable[[], Any], timeout: float = 60) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


def restarted(settings: Settings) -> FlaskClient:
    """The application with an empty memory."""
    return create_app(settings, open_stores(settings)).test_client()


def told(client: FlaskClient, key: str) -> tuple[int, str | None]:
    answer = client.post("/entries", data=crash(), headers={"X-ApiKey": key})
    return answer.status_code, answer.get_json()["error"]["code"] if answer.data else None


ACCEPTED = (202, None)
REFUSED = (403, "key_revoked")
UNDECIDED = (503, "cannot_decide")


@pytest.fixture(scope="module")
def projects(module_settings: Settings) -> Projects:
    migrate(module_settings.postgres_dsn)
    projects = Projects(open_stores(module_settings).database)
    project, _ = projects.create("shop", KEY)
    projects.add_key(project.id, REVOKED)
    projects.add_key(project.id, UNSEEN)
    projects.revoke_key(REVOKED)
    return projects


@pytest.fixture
def seen(module_settings: Settings, projects: Projects, tmp_path: Path) -> Settings:
    """Settings of a home whose web process was sent both keys while PostgreSQL was there."""
    settings = replace(module_settings, home=tmp_path)
    with redis.Redis.from_url(settings.redis_url.reveal()) as client:
        client.flushdb()
    client = restarted(settings)
    assert told(client, KEY) == ACCEPTED
    assert told(client, REVOKED) == REFUSED
    assert told(client, "made up") == (403, "key_unknown")
    file = KeyFile(tmp_path / "keys.json")
    wait_until(lambda: set(file.read()) == {key_digest(KEY), key_digest(REVOKED)})
    shared = KnownKeys(settings.redis_url, timeout=10)
    wait_until(lambda: shared.find(key_digest(REVOKED)))
    return settings


def test_no_key_lies_in_the_copies(seen: Settings) -> None:
    with redis.Redis.from_url(seen.redis_url.reveal()) as client:
        kept = b"".join(name + value for name, value in client.hgetall("keys").items())
    for text in (kept, (seen.home / "keys.json").read_bytes()):
        assert KEY.encode() not in text
        assert key_digest(KEY).encode() in text


@pytest.mark.parametrize("lost", ["nothing", "disk", "broker"])
def test_a_restarted_process_decides_by_either_copy(
    seen: Settings, tmp_path: Path, lost: str
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "nothing": {},
        "disk": {"home": tmp_path / "anew"},
        "broker": {"redis_url": NO_BROKER},
    }
    client = restarted(replace(seen, postgres_dsn=NO_SQL, **changes[lost]))
    wait_until(lambda: told(client, KEY) == ACCEPTED)
    wait_until(lambda: told(client, REVOKED) == REFUSED)
    for key in (UNSEEN, "made up", "'; DROP TABLE api_keys --"):
        assert told(client, key) == UNDECIDED


def test_with_neither_copy_nobody_is_told_no(seen: Settings, tmp_path: Path) -> None:
    client = restarted(
        replace(seen, postgres_dsn=NO_SQL, redis_url=NO_BROKER, home=tmp_path / "anew")
    )
    for key in (KEY, REVOKED, "made up"):
        assert told(client, key) == UNDECIDED


def test_a_revocation_that_only_the_broker_heard_of_bites(seen: Settings) -> None:
    shared = KnownKeys(seen.redis_url, timeout=10)
    owner = shared.find(key_digest(KEY))
    assert owner is not None
    shared.keep({key_digest(KEY): replace(owner, revoked=True)})
    client = restarted(replace(seen, postgres_dsn=NO_SQL))
    wait_until(lambda: told(client, KEY) == REFUSED)


@pytest.fixture
def commands(
    module_settings: Settings, projects: Projects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Any]:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    monkeypatch.setenv("SLUICE_REDIS_URL", module_settings.redis_url.reveal())
    monkeypatch.setenv("SLUICE_POSTGRES_DSN", module_settings.postgres_dsn.reveal())
    return lambda *arguments: CliRunner().invoke(main, ["project", *arguments])


def test_commands_tell_the_broker(
    module_settings: Settings, commands: Callable[..., Any], tmp_path: Path
) -> None:
    assert commands("create", "told", "--key", "made-by-command-4").exit_code == 0
    away = replace(module_settings, postgres_dsn=NO_SQL, home=tmp_path / "anew")
    wait_until(lambda: told(restarted(away), "made-by-command-4") == ACCEPTED)
    assert commands("revoke", "made-by-command-4").exit_code == 0
    wait_until(lambda: told(restarted(away), "made-by-command-4") == REFUSED)
    assert commands("revoke", "made-by-command-4").output == "was revoked already\n"
    assert commands("revoke", "nobody's").exit_code == 1


def test_a_revocation_the_broker_did_not_hear_of_says_so(
    module_settings: Settings, commands: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commands("create", "untold", "--key", "made-by-command-5").exit_code == 0
    monkeypatch.setenv("SLUICE_REDIS_URL", NO_BROKER.reveal())
    done = commands("revoke", "made-by-command-5")
    assert done.exit_code == 1
    assert "is revoked, but repeat this when the broker is back" in done.output
    monkeypatch.setenv("SLUICE_REDIS_URL", module_settings.redis_url.reveal())
    assert commands("revoke", "made-by-command-5").exit_code == 0
    owner = KnownKeys(module_settings.redis_url, timeout=10).find(key_digest("made-by-command-5"))
    assert owner is not None
    assert owner.revoked


def test_a_revocation_is_prompt_while_postgresql_answers(
    module_settings: Settings, projects: Projects, tmp_path: Path
) -> None:
    settings = replace(module_settings, home=tmp_path, key_cache_seconds=1)
    _, key = projects.create("prompt")
    client = restarted(settings)
    assert told(client, key) == ACCEPTED
    projects.revoke_key(key)
    wait_until(lambda: told(client, key) == REFUSED)
    away = replace(settings, postgres_dsn=NO_SQL)
    shared = KnownKeys(settings.redis_url, timeout=10)
    wait_until(lambda: (owner := shared.find(key_digest(key))) and owner.revoked)
    wait_until(lambda: told(restarted(away), key) == REFUSED)


@contextmanager
def own_postgresql(servers: dict[str, str], folder: Path) -> Iterator[tuple[str, Home]]:
    """A PostgreSQL of the test's own beside the shared other servers; its DSN and its home."""
    home = Home(folder)
    others = {name: text for name, text in servers.items() if name != "SLUICE_POSTGRES_DSN"}
    with running_servers(home, cache_path(os.environ), others, print) as addresses:
        yield addresses["SLUICE_POSTGRES_DSN"], home


def send_signal(home: Home, number: signal.Signals) -> None:
    """Send a signal to every process of the home's PostgreSQL."""
    sighting = read_sighting(sighting_path(home, "postgres"))
    assert sighting is not None
    for pid in members(sighting):
        os.kill(pid, number)


@pytest.mark.timeout(300)
def test_a_postgresql_that_hangs(
    servers: dict[str, str], module_settings: Settings, tmp_path: Path
) -> None:
    with own_postgresql(servers, tmp_path / "pg") as (dsn, home):
        found = load_settings({**servers, "SLUICE_POSTGRES_DSN": dsn})
        settings = replace(module_settings, postgres_dsn=found.postgres_dsn, home=tmp_path / "web")
        migrate(settings.postgres_dsn)
        stores = open_stores(settings)
        _, key = stores.projects.create("hung", "key-of-the-hung-6")
        living = create_app(settings, stores).test_client()
        assert told(living, key) == ACCEPTED
        file = KeyFile(settings.home / "keys.json")
        wait_until(lambda: key_digest(key) in file.read())
        send_signal(home, signal.SIGSTOP)
        try:
            deadline = time.monotonic() + 8  # past the trust in what was looked up
            while time.monotonic() < deadline:
                assert told(living, key) == ACCEPTED
            fresh = restarted(settings)
            assert told(fresh, key) == ACCEPTED
            assert told(fresh, "made up") == UNDECIDED
        finally:
            send_signal(home, signal.SIGCONT)
        wait_until(lambda: told(fresh, "made up") == (403, "key_unknown"))
        wait_until(lambda: told(living, "made up") == (403, "key_unknown"))
        stores.database.close()
