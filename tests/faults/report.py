"""The table of outcomes: on the terminal, in the README between its markers, and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.outcome import Outcome

BEGIN = "<!-- faults: written by ./sluice test --faults -->"
END = "<!-- faults: end -->"

_HEAD = ("scenario", "accepted", "stored", "dead", "lost", "duplicated", "time to recover")


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    return [
        (
            item.scenario,
            str(item.accepted),
            str(item.stored),
            str(item.dead),
            str(item.lost),
            str(item.duplicated),
            f"{item.seconds:.1f} s",
        )
        for item in outcomes
    ]


def plain_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines for a terminal."""
    table = [_HEAD, *rows(outcomes)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]


def markdown_table(outcomes: Sequence[Outcome]) -> str:
    lines = ["| " + " | ".join(_HEAD) + " |", "| --- |" + " ---: |" * (len(_HEAD) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(outcomes)]
    return "\n".join(lines)


def with_table(readme: str, outcomes: Sequence[Outcome]) -> str:
    """The README with a new table; raises ``ValueError`` when its markers are gone."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{markdown_table(outcomes)}\n{END}{after}"


def write_results(checkout: Path, outcomes: Sequence[Outcome], now: datetime) -> Path:
    """Write the README's table and a dated result; the path of the latter."""
    readme = checkout / "README.md"
    text = with_table(readme.read_text(encoding="utf-8"), outcomes)
    readme.write_text(text, encoding="utf-8")
    path = checkout / "bench" / "results" / f"faults-{now:%Y-%m-%d}.json"
    path.parent.mkdir(exist_ok=True)
    document = {
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "outcomes": [item.to_json() for item in outcomes],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path
