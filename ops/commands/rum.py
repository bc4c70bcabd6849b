"""rum show, page, rules: real users' pages and vitals, and which paths are one page."""

from __future__ import annotations

from dataclasses import asdict

import click

from events.path_rules import BadPathRules, PathRules, path_rules_of, suggest
from ops.commands.actor import actor
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_events import asked, span_options
from ops.errors import OpsError
from storage.errors import RulesChanged
from storage.rum import PageRow, Vital

_LOOKED_AT = 2_000


@click.group()
def rum() -> None:
    """Real-user monitoring: vitals, pages, path rules."""


@rum.command()
@click.argument("project")
@span_options
@json_option
@told
def show(project: str, days: float, query: str | None, as_json: bool) -> None:
    """Web vitals of a project and its pages, those with most views first."""
    with asked(project, days, query) as found:
        view = found.rum.overview(found.project.id, found.scope)
    if as_json:
        shown = asdict(view.overview) | {"pages": [asdict(row) for row in view.pages]}
        print_json({**shown, "movers": [asdict(one) for one in view.movers]})
        return
    print_table(("vital", "p75", "good", "needs", "poor"), map(_vital, view.overview.vitals))
    print_table(
        ("page", "views", "users", "load", "LCP", "INP", "CLS", "errors"), map(_page, view.pages)
    )
    for mover in view.movers:
        click.echo(f"slower: {mover.page}: {mover.measure} {mover.before:.0f} → {mover.now:.0f}")


@rum.command()
@click.argument("project")
@click.argument("path")
@span_options
@json_option
@told
def page(project: str, path: str, days: float, query: str | None, as_json: bool) -> None:
    """One page, by its PATH or its rule: vitals, phases of loading, slowest requests."""
    with asked(project, days, query) as found:
        view = found.rum.one(found.project.id, found.scope, path)
    if as_json:
        print_json(asdict(view))
        return
    detail = view.detail
    click.echo(f"{detail.views} views by {detail.users} users in {detail.sessions} sessions")
    print_table(("vital", "p75", "good", "needs", "poor"), map(_vital, detail.vitals))
    print_table(("phase", "median ms"), ((name, f"{ms:.0f}") for name, ms in detail.phases.items()))
    print_table(
        ("loads", "kind", "times", "p75 ms", "failed"),
        ((row.name, row.kind, row.count, _ms(row.p75_ms), row.failed) for row in detail.resources),
    )


@rum.group()
def rules() -> None:
    """Path rules: which paths are one page, such as /user/*."""


@rules.command("show")
@click.argument("project")
@json_option
@told
def show_rules(project: str, as_json: bool) -> None:
    """The path rules of a project, in the order they are tried."""
    with asked(project, 1) as found:
        stored = found.rum.rules.read(found.project.id)
    if as_json:
        print_json({"project": project, "version": stored.version, "rules": stored.rules.told()})
    else:
        print_table(("rule",), ((rule,) for rule in stored.rules.rules))


@rules.command()
@click.argument("project")
@click.argument("draft", nargs=-1, metavar="[RULE]...")
@json_option
@told
def preview(project: str, draft: tuple[str, ...], as_json: bool) -> None:
    """What RULEs would do to the paths of the last 7 days, and rules that would help.

    Without RULEs those in force. Changes nothing.
    """
    with asked(project, 7) as found:
        stored = found.rum.rules.read(found.project.id).rules
        tried = _rules(draft) if draft else stored
        views = found.rum.paths(found.scope, _LOOKED_AT)
    pages: dict[str, list[str]] = {}
    for path in views:
        pages.setdefault(tried.page_of(path), []).append(path)
    unruled = {path: n for path, n in views.items() if tried.page_of(path) == path}
    effects = [(rule, pages.get(rule, [])) for rule in tried.rules]
    suggestions = [asdict(one) for one in suggest(unruled)]
    if as_json:
        counts = {"rows_before": len(views), "rows_after": len(pages)}
        told_effects = [
            {"rule": rule, "paths": len(paths), "examples": paths[:5]} for rule, paths in effects
        ]
        print_json({**counts, "effects": told_effects, "suggestions": suggestions})
        return
    click.echo(f"{len(views)} paths become {len(pages)} pages")
    print_table(
        ("rule", "paths", "such as"),
        ((rule, len(paths), " ".join(paths[:5])) for rule, paths in effects),
    )
    print_table(
        ("suggested", "paths", "views"),
        ((one["rule"], one["paths"], one["views"]) for one in suggestions),
    )


@rules.command("set")
@click.argument("project")
@click.argument("wanted", nargs=-1, metavar="[RULE]...")
@told
def set_rules(project: str, wanted: tuple[str, ...]) -> None:
    """Have these RULEs, in this order, and no others. They apply to what is stored already too."""
    with asked(project, 1) as found:
        book = found.rum.rules
        before = book.read(found.project.id).version
        try:
            stored = book.change(
                found.project.id, found.project.name, _rules(wanted), actor(), before
            )
        except RulesChanged as exc:
            raise OpsError(f"somebody changed the rules just now: {exc}; run this again") from exc
    click.echo(f"version {stored.version}: {len(stored.rules.rules)} rules")


def _rules(texts: tuple[str, ...]) -> PathRules:
    try:
        return path_rules_of(list(texts))
    except BadPathRules as exc:
        raise OpsError(str(exc)) from exc


def _vital(vital: Vital) -> tuple[object, ...]:
    shown = "none" if vital.p75 is None else f"{vital.p75:.3g}"
    return (vital.name.upper(), shown, vital.good, vital.needs, vital.poor)


def _page(row: PageRow) -> tuple[object, ...]:
    vitals = (row.p75.get(name) for name in ("load", "lcp", "inp", "cls"))
    shown = ("" if value is None else f"{value:.3g}" for value in vitals)
    errors = "unknown" if row.errors is None else row.errors
    return (row.page, row.views, row.users, *shown, errors)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
