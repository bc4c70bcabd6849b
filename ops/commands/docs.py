"""docs settings, queues, search: write the reference pages that are made from code."""

from __future__ import annotations

import click

from ops.commands.output import told
from ops.paths import CHECKOUT
from ops.reference import queues_page, search_page, settings_page


@click.group()
def docs() -> None:
    """Write reference pages from the code."""


@docs.command()
@told
def settings() -> None:
    """docs/settings.md, from config/settings.py."""
    _write("settings.md", settings_page())


@docs.command()
@told
def queues() -> None:
    """docs/queues.md, from config/policy.py."""
    _write("queues.md", queues_page())


@docs.command()
@told
def search() -> None:
    """The keys in docs/search.md, from storage/query and the mappings."""
    _write("search.md", search_page((CHECKOUT / "docs" / "search.md").read_text(encoding="utf-8")))


def _write(name: str, text: str) -> None:
    path = CHECKOUT / "docs" / name
    path.write_text(text, encoding="utf-8")
    click.echo(str(path))
