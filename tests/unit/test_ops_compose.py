"""The compose file runs the parts of the Procfile, one service a worker pool."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from ops.paths import CHECKOUT

COMPOSE = CHECKOUT / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def procfile() -> dict[str, list[str]]:
    lines = (CHECKOUT / "Procfile").read_text().splitlines()
    pairs = (line.partition(":") for line in lines if line)
    return {name: shlex.split(command) for name, _, command in pairs}


def compose_command() -> list[str] | None:
    """The plugin, or the command that Debian still has; neither without Docker's client."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is None:
            continue
        if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def test_every_part_has_a_service_and_every_pool_its_own_queues(services: dict[str, Any]) -> None:
    parts = procfile()
    assert set(parts) <= set(services)
    for name, words in parts.items():
        if "worker" in words:
            command = [word for word in services[name]["command"] if "--name" not in word]
            assert command[1:] == words[1:]


def test_nginx_stands_before_the_web_tier(services: dict[str, Any]) -> None:
    assert "ports" not in services["web"]
    assert services["nginx"]["ports"] == ["${SLUICE_WEB_PORT:-8000}:8000"]
    text = (CHECKOUT / "deploy" / "nginx" / "nginx.conf").read_text()
    assert "web:8000" in text
    assert "non_idempotent;" not in text  # a POST that was sent is never sent again


def test_what_must_be_durable_is_on_a_volume(services: dict[str, Any]) -> None:
    for name in ("valkey", "postgres", "elasticsearch", "seaweedfs"):
        assert services[name]["volumes"]
    assert "always" in services["valkey"]["command"]


def test_compose_accepts_the_file() -> None:
    command = compose_command()
    if command is None:
        # Docker is not needed to run Sluice or its tests; the build server installs it.
        assert os.environ.get("SLUICE_TEST_COMPOSE") != "required", "no docker compose here"
        return
    done = subprocess.run(
        [*command, "-f", str(COMPOSE), "config"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
