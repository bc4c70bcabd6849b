"""What templates call: formatting in the reader's way, and what needs the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, session
from markupsafe import Markup

from app.dashboard import amounts, charts, links, moments
from app.dashboard.assets import Assets
from app.dashboard.csrf import FIELD, form_token
from app.dashboard.folding import fold, unfold
from app.dashboard.keys import KEYS
from app.dashboard.notices import said
from app.dashboard.room import fitting
from app.dashboard.text import as_text, brief, visible
from app.dashboard.twins import escaped, fenced


def _zone() -> Any:
    return moments.zone_of(g.looking.preferences.zone) or UTC


def absolute(value: datetime | str | None) -> str:
    """A time in the reader's zone, by name."""
    moment = moments.instant(value)
    return "" if moment is None else moments.absolute(moment, _zone())


def relative(value: datetime | str | None) -> str:
    """How long ago a time was."""
    moment = moments.instant(value)
    return "" if moment is None else moments.relative(moment, datetime.now(UTC))


def machine(value: datetime | str | None) -> str:
    """A time for the attribute ``datetime``."""
    moment = moments.instant(value)
    return "" if moment is None else moments.machine(moment)


def csrf_field() -> Markup:
    """The field that every form which posts must have."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, form_token(session))


def zip_same(values: Iterable[str]) -> list[tuple[str, str]]:
    """Values as choices that are called as they are."""
    return [(value, value) for value in values]


def query_without(query: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Arguments of a URL but for some, for a form that sets those anew."""
    return {k: v for k, v in query.items() if k not in names and v not in (None, "", [])}


def register_filters(app: Flask, assets: Assets) -> None:
    """Give templates their filters and functions."""
    environment = app.jinja_env
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(
        absolute=absolute,
        bare=escaped,
        brief=brief,
        fitting=fitting,
        count=amounts.count,
        duration=amounts.duration,
        fenced=fenced,
        fold=fold,
        machine=machine,
        measured=amounts.measured,
        relative=relative,
        size=amounts.size,
        took=amounts.milliseconds,
        unfolded=lambda node: as_text(unfold(node)),
        visible=visible,
        zip_same=zip_same,
    )
    environment.globals.update(
        KEYS=KEYS,
        asset=assets.path,
        charts=charts,
        csrf_field=csrf_field,
        links=links,
        query_without=query_without,
        said=said,
        share=amounts.share,
    )
