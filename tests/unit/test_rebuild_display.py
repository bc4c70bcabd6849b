"""The parts of a rebuild, and how it is told of."""

import io
import json
from datetime import UTC, date, datetime

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn

from ops.rebuild.display import Lines, Rows
from ops.rebuild.feeding import Progress
from ops.rebuild.parts import search_parts, sql_parts
from storage.sql.rebuilds import Rebuild

DAY = date(2026, 11, 23)


def a_progress(done, total=100, state="building"):
    [part] = sql_parts(["crash"], DAY, DAY)
    rebuild = Rebuild(1, part, "x", datetime(2026, 11, 23, tzinfo=UTC), fresh=True)
    return Progress(rebuild, done, total, state)


def test_search_is_rebuilt_by_whole_months():
    parts = search_parts(["crash", "rum"], date(2026, 11, 23), date(2027, 1, 2))
    assert [(part.type, part.name) for part in parts] == [
        (kind, month) for kind in ("crash", "rum") for month in ("2026.11", "2026.12", "2027.01")
    ]
    assert (parts[0].first, parts[0].last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert parts[1].last == date(2026, 12, 31)


def test_sql_is_rebuilt_by_single_days():
    parts = sql_parts(["crash"], date(2026, 2, 28), date(2026, 3, 1))
    assert [(part.name, part.first == part.last) for part in parts] == [
        ("2026-02-28", True),
        ("2026-03-01", True),
    ]


def test_lines_come_once_a_second_and_at_each_change_of_state(capsys):
    times = iter([0.0, 0.0, 0.5, 0.5, 2.0, 2.0, 2.1, 2.1])
    tell = Lines(lambda: next(times))
    for done, state in ((10, "building"), (20, "building"), (50, "building"), (50, "swapping")):
        tell(a_progress(done, state=state))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["events"], line["state"], line["rate"]) for line in lines] == [
        (10, "building", 0),
        (50, "building", 20),
        (50, "swapping", 19),
    ]


def test_a_bar_tells_part_state_and_rate():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    columns = (TextColumn("{task.description}"), TextColumn("{task.fields[rate]} events/s"))
    times = iter([0.0, 2.0])
    with Bars(*columns, console=console) as bars:
        tell = Rows(bars, lambda: next(times))
        tell(a_progress(10))
        tell(a_progress(50, state="swapping"))
        [task] = bars.tasks
        assert (task.completed, task.total) == (50, 100)
    assert "sql crash 2026-11-23 swapping" in screen.getvalue()
    assert "20 events/s" in screen.getvalue()
