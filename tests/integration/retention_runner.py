"""Runs retention, and kills itself when the step its first argument names comes."""

import os
import signal
import sys

from config.settings import load_settings
from storage.retention.run import open_retention, run_retention
from storage.search.store import SearchStore
from storage.sql.database import Database


def main() -> None:
    settings = load_settings(os.environ)
    fatal = sys.argv[1]

    def reached(step: str) -> None:
        if step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    parts = open_retention(
        settings, Database(settings.postgres_dsn, timeout=60), SearchStore(settings)
    )
    run_retention(parts, 600, reached)


if __name__ == "__main__":
    main()
