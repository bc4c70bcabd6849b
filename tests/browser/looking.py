"""A page open in the browser, and all that it did to get there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Request, Response, StorageState

_PROBES = Path(__file__).with_name("probes.js").read_text(encoding="utf-8")
_SHIFTS = """
window.layoutShift = 0;
new PerformanceObserver((list) => {
  for (const {hadRecentInput, value} of list.getEntries())
    if (!hadRecentInput) window.layoutShift += value;
}).observe({type: "layout-shift", buffered: true});
"""


@dataclass
class Look:
    """``complaints`` are what the console said, what a script raised, and what could not load."""

    page: Page
    response: Response
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def probe(self, name: str, *arguments: Any) -> Any:
        """What a function of ``probes.js`` tells of the page."""
        return self.page.evaluate(f"(given) => ({_PROBES}).{name}(...given)", list(arguments))

    @property
    def layout_shift(self) -> float:
        """How far parts moved while the page came, by Chromium's own measure."""
        return float(self.page.evaluate("window.layoutShift"))


@contextmanager
def look(
    chromium: Browser,
    url: str,
    session: StorageState | None,
    path: str,
    *,
    width: int = 1400,
    height: int = 900,
    signed_in: bool = True,
    clock: bool = False,
    **options: Any,
) -> Iterator[Look]:
    """Open ``path`` with an empty cache; ``options`` are those of a context of Playwright. With
    ``clock`` the page's time goes on when the test says so.
    """
    with chromium.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        storage_state=session if signed_in else None,
        **options,
    ) as context:
        page = context.new_page()
        requests: list[Request] = []
        complaints: list[str] = []
        # Playwright marks its handlers, which a method of a list does not let it do.
        page.on("request", lambda request: requests.append(request))  # noqa: PLW0108
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        if options.get("java_script_enabled", True):
            page.add_init_script(_SHIFTS)
        if clock:
            page.clock.install()
        response = page.goto(path)
        assert response is not None
        yield Look(page, response, requests, complaints)
