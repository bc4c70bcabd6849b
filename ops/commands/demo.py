"""demo: a made-up shop, so that there is something to look at."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from broker.client import Broker
from broker.load import Load
from config.settings import Settings
from events.ids import now_ms
from events.path_rules import path_rules_of
from ops.commands.actor import actor
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, told
from ops.demo.decisions import Deciding, chapters
from ops.demo.script import script
from ops.demo.sending import Sender, Sent
from ops.demo.story import API, APP, PATH_RULES, WEB, Span
from ops.errors import OpsError
from storage.sql.database import Database
from storage.sql.groups import Groups
from storage.sql.path_rules import ProjectPathRules
from storage.sql.projects import Projects
from storage.sql.terms import open_terms
from storage.sql.triaging import open_triaging
from workbench.keys import open_keys
from workbench.queueing import open_queues
from workbench.redaction import open_redaction

_DAY_MS = 86_400_000
_MAX_DAYS = 28
_ACCEPTS = "crash.files"


@click.command()
@click.option(
    "--events",
    default=200_000,
    show_default=True,
    type=click.IntRange(100, 20_000_000),
    help="How many in all.",
)
@click.option(
    "--days",
    default=14,
    show_default=True,
    type=click.IntRange(1, _MAX_DAYS),
    help="Over how many days until now.",
)
@click.option("--seed", default=7, show_default=True, help="The same seed tells the same story.")
@json_option
@told
def demo(events: int, days: int, seed: int, as_json: bool) -> None:
    """Fill the projects shop-web, shop-api and shop-app with a story of releases, faults and what
    people decided on them.

    Events take the real pipeline, under ids dated over the past days. Needs ./sluice up. Told
    twice, the shop has twice as many events.
    """
    settings = current_settings()
    broker = Broker(settings.redis_url, timeout=settings.broker_timeout_seconds)
    load = Load(settings.redis_url, timeout=settings.broker_timeout_seconds)
    if not open_queues(settings, broker).queue(_ACCEPTS).pools:
        raise OpsError(f"no pool works on {_ACCEPTS}: start one with ./sluice up")
    end = now_ms()
    span = Span(end - days * _DAY_MS, end)
    began = time.monotonic()
    with open_database() as database, _progress(events) as tell:
        projects = _open_projects(settings, database)
        terms = open_terms(settings, database)
        deciding = Deciding(projects, Groups(database, terms), open_triaging(database, terms))
        sender = Sender(broker, load, projects, tell)
        chapters(script(events, span, seed), span, sender.send, deciding.decide)
        deciding.save_views()
        sent = sender.sent
    seconds = time.monotonic() - began
    if as_json:
        shown = {"events": sent.events, "dead": sent.dead, "seconds": round(seconds, 1)}
        print_json({**shown, "projects": list(projects)})
        return
    click.echo(
        f"{sent.events} events in {seconds:.0f} s ({sent.events / seconds:.0f}/s), of which "
        f"{sent.dead} are dead letters; see {', '.join(projects)}"
    )


def _open_projects(settings: Settings, database: Database) -> dict[str, int]:
    """The shop's projects, made if they are not there, with the web shop's path rules."""
    known, keys = Projects(database), open_keys(settings, database)
    found: dict[str, int] = {}
    for name in (WEB, API, APP):
        project = known.by_name(name)
        if project is None:
            project, _ = keys.create_project(name, actor())
        else:
            open_redaction(settings, database).known(project.id)
        found[name] = project.id
    rules = ProjectPathRules(database)
    if not rules.read(found[WEB]).version:
        rules.change(found[WEB], WEB, path_rules_of(PATH_RULES), actor(), 0)
    return found


@contextlib.contextmanager
def _progress(events: int) -> Iterator[Callable[[Sent], None]]:
    """Shows what was sent, and what of it is through; nothing where nobody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    shown = Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not sys.stderr.isatty()
    )
    with shown:
        sent = shown.add_task("sent", total=events)
        through = shown.add_task("through", total=events)

        def tell(now: Sent) -> None:
            shown.update(sent, completed=now.events)
            shown.update(through, completed=max(0, now.events - now.waiting))

        yield tell
