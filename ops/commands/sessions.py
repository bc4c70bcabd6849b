"""session list, show: what real users did, step by step, and where it crashed."""

from __future__ import annotations

from dataclasses import asdict

import click

from ops.commands.dead_letters import cursor_option, limit_option
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_events import asked, span_options
from ops.errors import OpsError
from storage.session import SessionCrash, SessionRow, Step, timeline
from workbench.people import told_session


@click.group()
def session() -> None:
    """Sessions of real users."""


@session.command("list")
@click.argument("project")
@span_options
@cursor_option
@limit_option
@json_option
@told
def list_sessions(
    project: str, days: float, query: str | None, cursor: str | None, limit: int, as_json: bool
) -> None:
    """Sessions that began in a span, newest first."""
    with asked(project, days, query) as found:
        try:
            page = found.people.listed(found.scope, cursor, limit)
        except ValueError as exc:
            raise OpsError(f"this cursor is none of ours: {exc}") from exc
    if as_json:
        items = [asdict(row) for row in page.items]
        print_json({"items": items, "next_cursor": page.next_cursor})
        return
    columns = ("id", "began", "user", "entry", "views", "requests", "crashes", "browser", "country")
    print_table(columns, map(_row, page.items))
    if page.next_cursor:
        click.echo(f"more: --cursor {page.next_cursor}")


@session.command()
@click.argument("project")
@click.argument("session_id", metavar="ID")
@json_option
@told
def show(project: str, session_id: str, as_json: bool) -> None:
    """One session: views, requests, timings and crashes in order of time."""
    with asked(project, None) as found:
        session = found.people.session(session_id, found.scope)
    if session is None:
        raise OpsError(f"{project} has no session {session_id!r}")
    if as_json:
        print_json(told_session(project, session))
        return
    entries = timeline(session.steps, session.crashes or [])
    print_table(
        ("at", "what", "path", "ms", "inside"),
        ((one.at, *_told(one.step, one.crash), len(one.inside) or None) for one in entries),
    )
    if session.crashes is None:
        click.echo("whether it crashed is unknown: search did not answer in time")
    if session.more:
        click.echo("it has more steps than are shown")


def _row(row: SessionRow) -> tuple[object, ...]:
    counts = (row.entry, row.views, row.requests, row.crashes)
    return (row.session_id, row.started_at, row.user_key, *counts, row.browser, row.country)


def _told(step: Step | None, crash: SessionCrash | None) -> tuple[object, ...]:
    if crash is not None:
        return (f"crash: {crash.title}", crash.event_id, None)
    return ("", "", None) if step is None else (step.kind, step.path, step.duration_ms)
