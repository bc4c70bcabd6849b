"""The first start may be killed at any moment: the next one makes good what it left."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from ops.paths import CHECKOUT


def test_a_venv_that_was_killed_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    shutil.copy(CHECKOUT / "ops" / "bootstrap.py", tmp_path / "ops")
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    venv.create(tmp_path / ".venv", with_pip=False)  # as far as a kill before pip lets it come
    argv = [sys.executable, str(tmp_path / "ops" / "bootstrap.py"), "requirements.txt"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".venv" / "requirements.txt.installed").exists()
    pip = [str(tmp_path / ".venv" / "bin" / "python"), "-m", "pip", "--version"]
    assert subprocess.run(pip, capture_output=True, check=False).returncode == 0
