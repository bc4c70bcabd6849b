"""Files of Maven's repository: what is not whole or not what was meant is never used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.java_packages import install_java_packages
from ops.maven import Artifact, fetch_artifact

CONTENT = b"a library"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The repository is stood in for; gives the names that it is asked for."""
    asked: list[str] = []

    def download(artifact: Artifact, repository: Path) -> Path:
        asked.append(f"{artifact.group}:{artifact.name}:{artifact.version}")
        if artifact.name == "away":
            raise OSError("no way there")
        path = repository / f"{artifact.name}-{artifact.version}.{artifact.packaging}"
        path.parent.mkdir()
        path.write_bytes(CONTENT)
        return path

    monkeypatch.setattr("ops.maven._download", download)
    return asked


def test_a_file_is_checked_and_put_where_it_is_wanted(served: list[str], tmp_path: Path) -> None:
    found = fetch_artifact(Artifact("org.shop", "till", "1.2", SHA256, "zip"), tmp_path)
    assert served == ["org.shop:till:1.2"]
    assert (found, found.read_bytes()) == (tmp_path / "till-1.2.zip", CONTENT)
    assert list(tmp_path.iterdir()) == [found]


def test_another_file_than_was_meant_is_refused(served: list[str], tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"till 1\.2 has a wrong checksum"):
        fetch_artifact(Artifact("org.shop", "till", "1.2", "0" * 64), tmp_path)
    assert not list(tmp_path.glob("*.jar"))


def test_what_cannot_be_had_is_named(served: list[str], tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"cannot fetch away 3 \(no way there\)"):
        fetch_artifact(Artifact("org.shop", "away", "3", SHA256), tmp_path)


def test_a_list_is_fetched_once_and_anew_after_a_failure(served: list[str], tmp_path: Path) -> None:
    lock, said = tmp_path / "java.txt", list[str]()
    lock.write_text(f"org.shop:till:1.2 {SHA256}\norg.shop:away:3 {SHA256}\n")
    for _ in range(2):
        with pytest.raises(OpsError):
            install_java_packages(lock, tmp_path / "cache", said.append)
    assert len(served) == 4
    lock.write_text(f"org.shop:till:1.2 {SHA256}\norg.shop:bag:1 {SHA256}\n")
    first, second = (install_java_packages(lock, tmp_path / "cache", said.append) for _ in range(2))
    assert first == second
    assert len(served) == 6
    assert {jar.name for jar in first.glob("*.jar")} == {"till-1.2.jar", "bag-1.jar"}
