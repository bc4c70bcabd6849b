"""What the code is called where pools and dead letters name it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ops import release


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.2.3\n")
    monkeypatch.setattr(release, "CHECKOUT", tmp_path)
    return tmp_path


def test_a_copy_without_git_has_its_version_alone(checkout: Path) -> None:
    assert release.checkout_release() == "1.2.3"


def test_a_checkout_has_its_commit_and_says_when_it_was_changed(checkout: Path) -> None:
    git(checkout, "init", "-q")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "first")
    clean = release.checkout_release()
    version, _, commit = clean.partition("+")
    assert version == "1.2.3"
    assert len(commit) >= 7
    (checkout / "setup.cfg").write_text("[metadata]\nversion = 1.2.3\n\n")
    assert release.checkout_release() == f"{clean}-dirty"
