"""``./sluice reconcile``: one run in the foreground. Started by the command line, which may not
import tasks; its options are that command's.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn

import orjson
import structlog

from config.settings import load_settings
from events.ids import now_ms
from storage.errors import StoreError
from tasks.app import create_celery
from tasks.reconcile import reconcile
from tasks.reconciling import Report, whole_scope
from tasks.rerun import Rerun
from tasks.stages import register
from tasks.upkeep import open_upkeep


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 when nothing is left that cannot be repaired."""
    # Standard output is for the report.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    options = _parser().parse_args(arguments)
    settings = load_settings(os.environ)
    app = create_celery(settings)
    register(app, _no_stores)
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    first = options.first or today - timedelta(hours=settings.reconcile_hours)
    grace = settings.reconcile_grace_seconds if options.grace is None else options.grace
    scope = whole_scope(now_ms(), first, options.last or today, grace)
    try:
        report = reconcile(
            open_upkeep(settings), Rerun(app, now_ms), scope, now_ms, dry_run=options.dry_run
        )
    except StoreError as exc:
        sys.stderr.write(f"Error: {exc}\n")
        return 1
    sys.stdout.write(_shown(report, as_json=options.json))
    return 1 if report.troubles else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sluice reconcile")
    parser.add_argument("--from", dest="first", type=date.fromisoformat)
    parser.add_argument("--to", dest="last", type=date.fromisoformat)
    parser.add_argument("--grace", type=float)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser


def _no_stores() -> NoReturn:
    raise AssertionError("this process publishes tasks and works on none")


def _shown(report: Report, *, as_json: bool) -> str:
    if as_json:
        return orjson.dumps(report.document(), option=orjson.OPT_INDENT_2).decode() + "\n"
    lines = [f"compared {report.packs} packs with {report.events} events"]
    lines += [f"{kind}: {events} events" for kind, events in report.repaired().items()]
    if report.corrected:
        lines.append(f"counters of empty queues were wrong by {report.corrected} events")
    lines += [f"{t.code}: {t.type} pack {t.pack_id}: {t.detail}" for t in report.troubles]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
