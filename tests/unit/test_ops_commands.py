from __future__ import annotations

import errno
import os
from pathlib import Path

import click
import pytest
import structlog
from click.testing import CliRunner

from config.policy import match_queues
from ops.__main__ import Family, main
from ops.commands.ledger import complain, document
from ops.commands.output import told
from ops.commands.worker import own_name, worker_argv
from ops.errors import OpsError
from ops.home import Home, State
from ops.paths import CHECKOUT
from ops.reference import queues_page, search_page, settings_page
from ops.servers.catalogue import addresses, complete, make_site, needed_servers
from ops.stack.plan import client_environment
from ops.stack.plan import read_settings as read
from ops.stack.report import status
from storage.ledger import Custody, SettledCounts, balance
from workbench.ledger_check import Look, judge

COMMANDS = [[name] for name in Family.commands_at] + [
    ["project", "create"],
    ["project", "list"],
    ["project", "revoke"],
    ["queue", "list"],
    ["queue", "pause"],
    ["queue", "resume"],
    ["rebuild", "search"],
    ["rebuild", "sql"],
    ["dlq", "list"],
    ["dlq", "show"],
    ["dlq", "dry-run"],
    ["rum", "rules", "preview"],
    ["session", "list"],
    ["person", "export"],
    ["docs", "settings"],
    ["docs", "queues"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.output


@pytest.mark.parametrize("arguments", [["nix"], ["stop"], ["dlq", "show", "x"], ["worker"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [["stop", "web"], ["project", "list"], ["ledger"], ["worker", "nix.*"], ["demo"], ["pools"]],
)
def test_a_failure_is_one_sentence_and_exits_1(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLUICE_POSTGRES_DSN", "SLUICE_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "none"))
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert len(done.output.strip().splitlines()) == 1


def test_a_pool_with_a_wrong_setting_says_which_and_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("SLUICE_PACK_SECONDS", "soon")
    done = CliRunner().invoke(main, ["worker", "crash.*"])
    assert done.exit_code == 1
    assert "Error: SLUICE_PACK_SECONDS must be a number, not 'soon'" in done.output


def test_down_and_status_of_nothing_are_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "none"))
    assert CliRunner().invoke(main, ["down"]).exit_code == 0
    assert CliRunner().invoke(main, ["status"]).exit_code == 0
    assert status(Home(tmp_path / "none"), State())["state"] == "down"


def test_the_committed_reference_pages_are_those_of_the_code() -> None:
    assert (CHECKOUT / "docs" / "settings.md").read_text() == settings_page()
    assert (CHECKOUT / "docs" / "queues.md").read_text() == queues_page()
    search = (CHECKOUT / "docs" / "search.md").read_text()
    assert search_page(search) == search
    assert search_page("<!-- keys --><!-- end of keys -->").count("| `") > 20


def test_an_address_in_the_environment_replaces_its_server(tmp_path: Path) -> None:
    environ = {"SLUICE_REDIS_URL": "redis://elsewhere/3", "SLUICE_S3_ENDPOINT": "", "PATH": "x"}
    servers = needed_servers(environ)
    assert [server.name for server in servers] == ["postgres", "seaweedfs", "elasticsearch"]
    state = State()
    complete(state, servers)
    site = make_site(Home(tmp_path), state, tmp_path, print)
    found = addresses(site, {"SLUICE_REDIS_URL": "redis://elsewhere/3", "PATH": "x"})
    assert found["SLUICE_REDIS_URL"] == "redis://elsewhere/3"
    assert found["SLUICE_POSTGRES_DSN"].startswith("postgresql://sluice:")
    assert "PATH" not in found


def test_secrets_are_made_once() -> None:
    state = State()
    complete(state, ())
    first = dict(state.secrets)
    complete(state, ())
    assert state.secrets == first
    assert len(set(first.values())) == len(first)


def test_the_callers_environment_overrules_the_last_start() -> None:
    state = State(environment={"SLUICE_REDIS_URL": "kept", "SLUICE_HOME": "h"})
    found = client_environment(state, {"SLUICE_REDIS_URL": "own", "OTHER": "x"})
    assert found == {"SLUICE_REDIS_URL": "own", "SLUICE_HOME": "h"}


def test_a_port_that_was_left_to_the_start_is_the_one_it_took() -> None:
    state = State(environment={"SLUICE_WEB_PORT": "29617"})
    assert client_environment(state, {"SLUICE_WEB_PORT": "0"}) == {"SLUICE_WEB_PORT": "29617"}
    assert client_environment(state, {"SLUICE_WEB_PORT": "8001"}) == {"SLUICE_WEB_PORT": "8001"}


def test_an_unusable_setting_is_named() -> None:
    with pytest.raises(OpsError, match="SLUICE_WEB_PORT"):
        read({"SLUICE_WEB_PORT": "eighty"})


def test_a_worker_takes_its_queues_and_no_gossip() -> None:
    argv = worker_argv(match_queues(["crash.*"]), "pool", "prefork", 3)
    assert argv[argv.index("--queues") + 1] == "crash.files,crash.sql,crash.search"
    assert {"--without-gossip", "--without-mingle"} <= set(argv)


def test_pools_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPERVISOR_PROCESS_NAME", raising=False)
    assert own_name(("crash.*",)).startswith("crash-")
    monkeypatch.setenv("SUPERVISOR_PROCESS_NAME", "worker-sql")
    assert own_name(("*.sql",)) == "worker-sql"


def test_an_unbalanced_minute_is_named() -> None:
    accepted = {(0, 1, "crash"): 5, (1, 1, "crash"): 1, (1, 2, "rum"): 1}
    settled = {(0, 1, "crash"): SettledCounts(stored=3), (1, 1, "crash"): SettledCounts(stored=2)}
    found = balance(accepted, settled, now_ms=60_000 * 11)
    seen = Look(found, Custody(in_flight=2, held=2, messages=1), spooled=0, before=0)
    text = "\n".join(complain(judge([seen]), {1: "shop"}))
    assert "1970-01-01T00:00Z shop crash: 2 overdue" in text
    assert "1970-01-01T00:01Z shop crash: 1 more settled than accepted" in text
    assert "#2" not in text
    assert document(seen, judge([seen]), {1: "shop"})["balanced"] is False


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC, errno.EROFS])
def test_what_the_machine_refuses_is_one_sentence_and_a_bug_is_none(number: int) -> None:
    @told
    def refused() -> None:
        raise OSError(number, os.strerror(number), "/srv/sluice/lock")

    @told
    def broken() -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(click.ClickException, match=r"^/srv/sluice/lock: \w+"):
        refused()
    with pytest.raises(OSError, match="descriptor"):
        broken()


def test_what_a_command_logs_is_not_among_its_results(capsys: pytest.CaptureFixture[str]) -> None:
    @told
    def command() -> None:
        structlog.get_logger("ops").info("erasure_hidden", events=1)
        click.echo("{}")

    command()
    shown = capsys.readouterr()
    assert shown.out == "{}\n"
    assert "erasure_hidden" in shown.err
