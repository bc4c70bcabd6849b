from __future__ import annotations

from pathlib import Path

import pytest

from config.policy import match_queues
from ops.errors import OpsError
from ops.paths import CHECKOUT
from ops.procfile import read_procfile, worker_queues


def test_the_pools_of_our_procfile_work_every_queue_once() -> None:
    parts = read_procfile(CHECKOUT / "Procfile", {})
    worked = [queue for part in parts for queue in part.queues]
    assert sorted(worked) == sorted(match_queues(["*"]))
    assert {part.name for part in parts} > {"web", "flower"}


def test_the_supervisor_watches_the_program_and_not_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# parts\n\nweb: serve --port $PORT\n")
    (part,) = read_procfile(path, {"SLUICE_X": "1"})
    assert part.argv == ("/bin/sh", "-c", "exec serve --port $PORT")
    assert part.environment["SLUICE_X"] == "1"


def test_a_line_that_is_no_part_is_told(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("just words\n")
    with pytest.raises(OpsError, match="just words"):
        read_procfile(path, {})


def test_options_of_a_worker_are_no_queues() -> None:
    assert worker_queues("./sluice worker --concurrency=4 'crash.sql'") == ["crash.sql"]
    assert worker_queues("python -m granian worker") == []
