"""``./sluice compact``: one run in the foreground. Started by the command line, which may not
import tasks; its options are that command's.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence

import orjson
import structlog

from config.policy import EVENT_TYPES
from config.settings import load_settings
from events.ids import now_ms
from storage.errors import StoreError
from tasks.compacting import Report
from tasks.compaction import compact
from tasks.compactor import Wish, open_compactor

_STATEMENT_SECONDS = 60.0


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 unless a store is away."""
    # Standard output is for the report.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    options = _parser().parse_args(arguments)
    settings = load_settings(os.environ)
    parts = open_compactor(settings, now_ms, time.sleep, statement_seconds=_STATEMENT_SECONDS)
    wish = Wish(kind=options.kind, now=options.now, dry=options.dry_run, seconds=math.inf)
    try:
        report = compact(parts, wish, _tell)
    except StoreError as exc:
        sys.stderr.write(f"Error: {exc}\n")
        return 1
    sys.stdout.write(_shown(report, as_json=options.json))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sluice compact")
    parser.add_argument("--now", action="store_true")
    parser.add_argument("--type", dest="kind", choices=[row.name for row in EVENT_TYPES])
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser


def _tell(line: str) -> None:
    sys.stderr.write(f"sluice: {line}\n")


def _shown(report: Report, *, as_json: bool) -> str:
    if as_json:
        return orjson.dumps(report.document(), option=orjson.OPT_INDENT_2).decode() + "\n"
    lines = [
        f"{m.type} {m.day}: {m.packs} packs of {m.bytes_read:,} bytes became "
        f"{'nothing' if m.target is None else f'one of {m.bytes_written:,}'}; "
        f"{m.dropped} events dropped"
        for m in report.merged
    ]
    lines.append(f"deleted {report.deleted} packs of {report.bytes_deleted:,} bytes")
    if report.resumed or report.given_up:
        lines.append(f"merges gone on with: {report.resumed}, dropped: {report.given_up}")
    lines += [f"not now: {why}" for why in report.held]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
