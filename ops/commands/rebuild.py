"""rebuild search, sql: re-create a store from packs while new events flow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

import click

from broker.hold import Holds
from config.policy import EVENT_TYPES
from config.settings import Settings
from events.ids import now_ms
from ops.commands.context import current_settings
from ops.commands.output import json_option, say, told
from ops.errors import OpsError
from ops.rebuild.display import display
from ops.rebuild.feeding import Progress, Stores, Tell
from ops.rebuild.parts import search_parts, sql_parts
from ops.rebuild.search import rebuild_month
from ops.rebuild.sql import rebuild_day
from storage.files.store import FileStore
from storage.search.names import rebuilt_name
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.rebuilds import Part, Rebuilds
from storage.sql.reconcile import Reconciling

#: A swap passes over a day's rows some times.
_STATEMENT_SECONDS = 600.0
_TYPES = [row.name for row in EVENT_TYPES]
_DAY = click.DateTime(["%Y-%m-%d"])

Work = Callable[[Stores, Part, Tell], Progress]

_first = click.option("--from", "first", type=_DAY, required=True, help="First day (UTC).")
_last = click.option("--to", "last", type=_DAY, required=True, help="Last day, included.")
_type = click.option("--type", "kind", type=click.Choice(_TYPES), help="Only this type.")


@click.group()
def rebuild() -> None:
    """Re-create search or SQL from packs while new events flow.

    Killed at any instant, the same command goes on where it was. The ledger does not change.
    """


@rebuild.command()
@_first
@_last
@_type
@click.option("--without-unreadable", is_flag=True, help="Leave events of unreadable packs out.")
@json_option
@told
def search(
    first: datetime, last: datetime, kind: str | None, *, without_unreadable: bool, as_json: bool
) -> None:
    """Index whole months anew, those that hold the days, and swap each in at once."""
    settings = current_settings()

    def work(stores: Stores, part: Part, tell: Tell) -> Progress:
        target = rebuilt_name(settings.search_prefix, part.type, part.name, str(now_ms()))
        return rebuild_month(stores, part, target, tell, without_unreadable=without_unreadable)

    parts = search_parts([kind] if kind else _TYPES, *_span(first, last))
    _run(settings, parts, work, as_json=as_json)


@rebuild.command()
@_first
@_last
@_type
@json_option
@told
def sql(first: datetime, last: datetime, kind: str | None, as_json: bool) -> None:
    """Make the rows of days anew and swap each day's partition; groups are counted exactly."""
    parts = sql_parts([kind] if kind else _TYPES, *_span(first, last))
    _run(current_settings(), parts, rebuild_day, as_json=as_json)


def _span(first: datetime, last: datetime) -> tuple[date, date]:
    if first > last:
        raise OpsError("bad_argument: --from lies after --to")
    return first.date(), last.date()


def _run(settings: Settings, parts: list[Part], work: Work, *, as_json: bool) -> None:
    with _open(settings) as stores, stores.rebuilds.alone() as alone:
        if not alone:
            raise OpsError("rebuild_running: another rebuild is at work")
        there = [part for part in parts if stores.rebuilds.has_packs(part)]
        if not there:
            raise OpsError("nothing_on_record: no packs of these days are on record")
        with display(as_json=as_json) as tell:
            for part in there:
                _warn(work(stores, part, tell))


def _warn(progress: Progress) -> None:
    name = progress.rebuild.part.name
    for what, found in (("event", progress.refused), ("pack", progress.unreadable)):
        for subject, why in found.items():
            say(f"{name}: {what} {subject} cannot be made anew: {why}")


@contextmanager
def _open(settings: Settings) -> Iterator[Stores]:
    database = Database(settings.postgres_dsn, max_connections=2, timeout=_STATEMENT_SECONDS)
    timeout = settings.broker_timeout_seconds
    try:
        yield Stores(
            database=database,
            rebuilds=Rebuilds(database, settings.postgres_dsn),
            packs=Reconciling(database),
            files=FileStore(settings),
            search=SearchStore(settings),
            holds=Holds(settings.redis_url, timeout=timeout, sleep=time.sleep),
            sleep=time.sleep,
        )
    finally:
        database.close()
