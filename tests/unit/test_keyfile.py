from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from app.ingest.keyfile import KeyFile
from storage.sql.projects import KeyOwner

GOOD = KeyOwner(7, "shop", False)
REVOKED = KeyOwner(7, "shop", True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys.json"


def test_what_one_process_writes_another_reads(path: Path) -> None:
    reader = KeyFile(path)
    assert reader.read() == {}
    KeyFile(path).merge({"a": GOOD, "b": KeyOwner(8, 'blog "☃|', False)})
    assert reader.read() == {"a": GOOD, "b": KeyOwner(8, 'blog "☃|', False)}
    KeyFile(path).merge({"a": REVOKED, "c": GOOD})
    assert reader.read()["a"].revoked
    assert set(reader.read()) == {"a", "b", "c"}


def test_a_key_can_be_forgotten(path: Path) -> None:
    KeyFile(path).merge({"a": GOOD, "b": GOOD})
    KeyFile(path).merge({"a": None, "never there": None})
    assert set(KeyFile(path).read()) == {"b"}


def test_only_its_owner_may_read_it(path: Path) -> None:
    KeyFile(path).merge({"a": GOOD})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {item.name for item in path.parent.iterdir()} == {"keys.json", "keys.json.lock"}


def test_it_is_bounded_and_drops_what_was_written_longest_ago(path: Path) -> None:
    file = KeyFile(path, most=3)
    for name in "abc":
        file.merge({name: GOOD})
    file.merge({"a": REVOKED})
    file.merge({"d": GOOD})
    assert set(file.read()) == {"c", "a", "d"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"keys": 7}', '{"keys": {"a": 7}}', '{"keys": {"a": [1]}}',
     '{"keys": {"a": ["x", "y", false]}}', '{"keys": {"a": null}}', "\x00\xff"],
)  # fmt: skip
def test_a_damaged_file_knows_nothing_and_is_written_anew(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    file = KeyFile(path)
    assert file.read() == {}
    file.merge({"a": GOOD})
    assert file.read() == {"a": GOOD}


def test_a_write_that_fails_leaves_the_old_file(path: Path) -> None:
    file = KeyFile(path)
    file.merge({"a": GOOD})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        file.merge({"b": KeyOwner(1, object(), False)})  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert {item.name for item in path.parent.iterdir()} == {"keys.json", "keys.json.lock"}


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    def write(mark: int) -> None:
        file = KeyFile(path)
        for number in range(20):
            file.merge({f"{mark}.{number}": GOOD})

    threads = [threading.Thread(target=write, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(KeyFile(path).read()) == 80
    assert len(json.loads(path.read_text())["keys"]) == 80
