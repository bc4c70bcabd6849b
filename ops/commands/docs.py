"""docs settings, queues, search, screenshots: write what documentation is made from."""

from __future__ import annotations

from pathlib import Path

import click

from ops.commands.context import current_environment, current_home
from ops.commands.output import say, told
from ops.demo.shots import take
from ops.errors import OpsError
from ops.paths import CHECKOUT
from ops.reference import queues_page, search_page, settings_page

IMAGES = CHECKOUT / "docs" / "images"


@click.group()
def docs() -> None:
    """Write reference pages from the code, and pictures of the pages."""


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


@docs.command()
@click.option("--url", help="Where the pages are; those of ./sluice up without it.")
@click.option("--token", help="An API token of all projects; the operator's without it.")
@click.option(
    "--into",
    default=IMAGES,
    show_default="docs/images",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for them.",
)
@told
def screenshots(url: str | None, token: str | None, into: Path) -> None:
    """Pictures of every page in both themes, from the shop of ./sluice demo."""
    home, environment = current_home(), current_environment()
    port = environment.get("SLUICE_WEB_PORT")
    url = url or (f"http://127.0.0.1:{port}" if port else None)
    token = token or home.load().secrets.get("token")
    if url is None or token is None:
        raise OpsError("no pages are known here: start with ./sluice up, or give --url and --token")
    made = take(url.rstrip("/"), token, into, say)
    size = sum(file.stat().st_size for file in made)
    click.echo(f"{len(made)} pictures, {size / 1e6:.1f} MB, in {into}")


def _write(name: str, text: str) -> None:
    path = CHECKOUT / "docs" / name
    path.write_text(text, encoding="utf-8")
    click.echo(str(path))
