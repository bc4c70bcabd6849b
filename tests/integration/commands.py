"""Commands of ``./sluice`` run within the test's process, on the test's servers."""

from __future__ import annotations

import json
from typing import Any, Protocol

import pytest
from click.testing import CliRunner, Result

from config.settings import Secret, Settings
from ops.__main__ import main


class Command(Protocol):
    """Runs ``./sluice`` with these arguments; ``text`` is what it reads."""

    def __call__(self, *arguments: str, text: str | bytes | None = None) -> Result: ...


def commands_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands that go by these settings."""
    for name in Settings.__slots__:
        value = getattr(settings, name)
        told = value.reveal() if isinstance(value, Secret) else str(value)
        monkeypatch.setenv(f"SLUICE_{name.upper()}", told)

    def run(*arguments: str, text: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, list(arguments), input=text)

    return run


def parsed(result: Result) -> Any:
    """What a command that ended well printed as JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
