"""What integration tests share: a world to read, commands, an empty place, and a worker on it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from config.settings import Settings
from tests.integration.api_world import World, open_world
from tests.integration.commands import Command, commands_on
from tests.integration.pipeline import open_pipeline, working


@pytest.fixture(scope="module")
def world(module_settings: Settings) -> Iterator[World]:
    with open_world(module_settings) as world:
        yield world


@pytest.fixture
def project(world: World) -> str:
    """The name of a project of one's own in the world."""
    name = f"p-{uuid4().hex}"
    world.add_project(name)
    return name


@pytest.fixture
def run(module_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``./sluice …`` on the module's servers."""
    return commands_on(module_settings, monkeypatch)


@pytest.fixture(scope="module")
def worker(module_settings):
    """A worker that lives through the module's tests."""
    with open_pipeline(module_settings):
        pass
    with working(module_settings):
        yield


@pytest.fixture
def pipeline(module_settings):
    """An empty place."""
    with open_pipeline(module_settings) as pipeline:
        yield pipeline
