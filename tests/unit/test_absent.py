"""What a service does not import, since it would keep it for nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from config.absent import absent

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("entry", "needed"),
    [
        ("tasks.worker", "structlog"),
        ("tasks.worker, tasks.index_search, storage.search.store", "elasticsearch"),
        ("app.serving, app.web", "elasticsearch"),
        ("app.serving, app.files.factory", "structlog"),
    ],
)
def test_a_service_does_without_and_may_import_it_later(entry: str, needed: str) -> None:
    told = (
        f"import sys, {entry}\n"
        f"assert {needed!r} in sys.modules\n"
        "for name in ('rich', 'httpx', 'requests'):\n"
        "    assert name not in sys.modules, name\n"
        "import rich.console, httpx, requests"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_hides_what_is_not_imported_yet_and_no_longer_than_the_block() -> None:
    assert "this" not in sys.modules
    with absent("this", "json"):
        assert import_module("json") is sys.modules["json"]
        with pytest.raises(ModuleNotFoundError):
            import_module("this")
    assert "this" not in sys.modules
