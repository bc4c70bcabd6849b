"""One browser and one site for all of these tests; a context of its own for each page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright

from ops.node import install_node_packages
from ops.paths import CHECKOUT, cache_path
from tests.browser.looking import Look, look
from tests.browser.site import Site, open_site
from tests.conftest import place_of_its_own
from tests.integration.people import PASSWORD

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Looking = Callable[..., AbstractContextManager[Look]]


@pytest.fixture(scope="session")
def site(servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with (
        place_of_its_own(servers, tmp_path_factory.mktemp("site")) as settings,
        open_site(settings) as site,
    ):
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; one that is missing fails the run."""
    path = shutil.which("chromium")
    assert path, "these tests need Chromium: install it (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    modules = os.environ.get("SLUICE_TEST_BROWSER_MODULES")
    found = (
        Path(modules)
        if modules
        else install_node_packages(
            CHECKOUT / "tests" / "browser" / "node", cache_path(os.environ), print
        )
    )
    return (found / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def session(site: Site, chromium: Browser) -> StorageState:
    """The cookies of somebody who signed in through the page."""
    with chromium.new_context(base_url=site.url) as context:
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("E-mail").fill(site.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("form", name="Sign in", exact=True).get_by_role("button").click()
        page.get_by_role("heading", name="Projects").wait_for()
        return context.storage_state()


@pytest.fixture(scope="session")
def reader(site: Site, session: StorageState) -> Iterator[httpx.Client]:
    """Asks for pages as a browser does, signed in, and shows the bytes."""
    cookies = {one["name"]: one["value"] for one in session["cookies"]}
    headers = {"Accept": "text/html"}
    with httpx.Client(base_url=site.url, cookies=cookies, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def looking(site: Site, chromium: Browser, session: StorageState) -> Looking:
    """Opens a page in a context of its own: ``with looking(path, width=320) as look``."""
    return partial(look, chromium, site.url, session)
