"""Screenshots of the pages, light and dark, of a shop that the demo has filled."""

from __future__ import annotations

import base64
import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import urllib3

from ops.demo.story import API, APP, BAD_DEPLOY, PATH_RULES, SERVERS, SLOW_PATH, WEB
from ops.errors import OpsError
from ops.paths import CHECKOUT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTH, HEIGHT = 1400, 900
_QUALITY = 70
_TRIES = 5
_PAGES_OF_SESSIONS = 10
SCHEMES = ("light", "dark")

Find = Callable[["Reader"], str]
Hide = Callable[["Reader"], list[str]]
Row = TypeVar("Row")

#: Pages with a look of their own that no picture is of, and why.
NOT_SHOWN = {
    "replay": "the story replays nothing",
    "find": "leads elsewhere where it finds something",
    "ask_letters": "asks once more before letters are replayed or discarded",
    "join": "its address is a secret that is used up",
}
#: What stands for a text that is not to be seen, such as a key.
HIDDEN = "\u2022" * 12
_HIDE = """([texts, hidden]) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    for (const text of texts)
      walker.currentNode.data = walker.currentNode.data.replaceAll(text, hidden);
  for (const input of document.querySelectorAll("input, textarea"))
    for (const text of texts) input.value = input.value.replaceAll(text, hidden);
}"""


class Reader:
    """Reads views of pages, as their JSON twins tell them."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager(headers={"Authorization": f"Bearer {token}"})

    def view(self, path: str) -> Any:
        """The view of a page; raises :class:`OpsError` for one that is not there."""
        address, _, query = path.partition("?")
        try:
            answer = self._http.request("GET", f"{self._url}{address}.json?{query}")
        except urllib3.exceptions.HTTPError as exc:
            raise OpsError(f"{self._url} does not answer: {exc}") from exc
        if answer.status != 200:
            raise OpsError(
                f"{path} is {answer.status}: {answer.data[:200].decode('utf-8', 'replace')}"
            )
        return json.loads(answer.data)

    def first(self, path: str, table: str) -> str:
        """Where the first row of a page's table leads."""
        rows = self.view(path)[table]
        if not rows:
            raise OpsError(f"{path} has no {table}: fill it with ./sluice demo")
        return str(rows[0]["href"])


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a page, which is found when it is taken; texts that ``hides`` gives are not to
    be seen on it. ``signed_in`` is false for what is to be seen as a stranger.
    """

    name: str
    find: Find
    hides: Hide = lambda _: []
    signed_in: bool = True


def _at(path: str) -> Find:
    return lambda _: path


def _first(path: str, table: str) -> Find:
    return lambda reader: reader.first(path, table)


def _some(rows: list[Row], project: str, what: str) -> list[Row]:
    """The rows; raises :class:`OpsError` without any."""
    if not rows:
        raise OpsError(f"{project} has no {what}: fill it with ./sluice demo")
    return rows


def _cluster(reader: Reader) -> str:
    return reader.first("/ops/dead", "clusters")


def _letter(reader: Reader) -> str:
    return reader.first(_cluster(reader), "letters")


def _group(reader: Reader) -> str:
    return reader.first(f"/p/{WEB}/groups?sort=count", "groups")


def _of_group(part: str) -> Find:
    return lambda reader: f"{_group(reader)}/{part}"


def _occurrences(reader: Reader) -> list[str]:
    """The ids of a group's latest occurrences."""
    rows = reader.view(f"{_group(reader)}/occurrences")["occurrences"]
    return [str(row["id"]) for row in _some(rows, WEB, "occurrences")]


def _difference(reader: Reader) -> str:
    ids = _occurrences(reader)
    return f"{_group(reader)}/diff?a={ids[-1]}&b={ids[0]}"


def _crashed_session(reader: Reader) -> dict[str, Any]:
    """The latest session with a crash in it, looked for on a few pages, else any."""
    found: list[dict[str, Any]] = []
    path = f"/p/{WEB}/sessions?limit=100"
    for _ in range(_PAGES_OF_SESSIONS):
        view = reader.view(path)
        found += view["sessions"]
        path = view["paging"]["older"]
        if not path or any(row["crashes"] for row in found):
            break
    rows = _some(found, WEB, "sessions")
    return max(rows, key=lambda row: (row["crashes"] or 0, row["views"] or 0))


def _session(reader: Reader) -> str:
    return str(_crashed_session(reader)["href"])


def _user(reader: Reader) -> str:
    return str(_crashed_session(reader)["user_href"])


def _receipt(reader: Reader) -> str:
    return f"/receipt?id={_occurrences(reader)[0]}"


def _traced_crash(reader: Reader) -> str:
    """A crash that ended a request, whose trace is known."""
    group = reader.first(f"/p/{API}/groups?query=payment+provider+did+not+answer", "groups")
    rows = reader.view(f"{group}/occurrences")["occurrences"]
    return f"{group}/o/{_some(rows, API, 'crashes in a trace')[0]['id']}"


def _trace(reader: Reader) -> str:
    """A trace in which something crashed: of what fails, that takes longest."""
    found = f"/p/{API}/traces?failed=true&order=slowest&hours=168"
    return reader.first(found, "transactions").partition("?")[0]


def _keys(reader: Reader) -> list[str]:
    """The key that the web shop's pages may show."""
    key = reader.view(f"/setup/{WEB}")["key"]
    return [str(key)] if key else []


def _paths(_: Reader) -> list[str]:
    """Where this Sluice lies."""
    return [str(CHECKOUT), str(Path.home())]


_SETTINGS = f"/p/{WEB}/settings"

SHOTS: tuple[Shot, ...] = (
    Shot("home", _at("/")),
    Shot("groups", _at(f"/p/{WEB}/groups?sort=count")),
    Shot("group", _group),
    Shot("activity", _of_group("activity")),
    Shot("occurrences", _of_group("occurrences")),
    Shot("difference", _difference),
    Shot("occurrence", lambda reader: f"/o/{_occurrences(reader)[0]}"),
    Shot("releases", _at(f"/p/{APP}/releases")),
    Shot("release", _at(f"/p/{WEB}/release?version={BAD_DEPLOY}")),
    Shot("decisions", _at(f"/p/{WEB}/decisions")),
    Shot("decision", _first(f"/p/{WEB}/decisions", "decisions")),
    Shot("discarded", _at(f"/p/{WEB}/discarded")),
    Shot("rum", _at(f"/p/{WEB}/rum")),
    Shot("rum_page", _at(f"/p/{WEB}/rum/page?page={SLOW_PATH}")),
    Shot("path_rules", _at(f"/p/{WEB}/rum/rules?rules={'%0A'.join([*PATH_RULES, '/order/*'])}")),
    Shot("sessions", _at(f"/p/{WEB}/sessions")),
    Shot("session", _session),
    Shot("user", _user),
    Shot("operations", _at("/ops")),
    Shot("workers", _at("/ops/workers")),
    Shot("queue", _at("/ops/queues/crash.files")),
    Shot("dead", _at("/ops/dead")),
    Shot("cluster", _cluster),
    Shot("letter", _letter),
    Shot("dry_run", lambda reader: f"{_letter(reader)}/dry-run"),
    Shot("replays", _at("/ops/replays")),
    Shot("ledger", _at("/ops/ledger")),
    Shot("audit", _at("/ops/audit")),
    Shot("receipt", _receipt),
    Shot("group_occurrence", _traced_crash),
    Shot("apm", _at(f"/p/{API}/apm?hours=24")),
    Shot("operation", _at(f"/p/{API}/apm/POST%20/api/payment/quote?hours=168")),
    Shot("traces", _at(f"/p/{API}/traces?hours=24")),
    Shot("trace", _trace),
    Shot("health", _at(f"/p/{API}/health?hours=6")),
    Shot("host", _at(f"/p/{API}/host?name={SERVERS[-1]}&hours=168")),
    Shot("metrics", _at(f"/p/{API}/metrics")),
    Shot("metric", _at(f"/p/{API}/metric?name=system.memory.usage&by=host&hours=168")),
    Shot("users", _at(f"/p/{WEB}/users")),
    Shot("edit_letter", lambda reader: f"{_letter(reader)}/edit"),
    Shot("parked", _at("/ops/parked")),
    Shot("ledger_minute", _first("/ops/ledger", "rows")),
    Shot("setup", _at(f"/setup/{WEB}"), _keys),
    Shot("settings", _at(_SETTINGS), _keys),
    Shot("members", _at(f"{_SETTINGS}/members")),
    Shot("project_tokens", _at(f"{_SETTINGS}/tokens")),
    Shot("project_retention", _at(f"{_SETTINGS}/retention")),
    Shot("project_redaction", _at(f"{_SETTINGS}/redaction")),
    Shot("installation", _at("/settings")),
    Shot("all_projects", _at("/settings/projects")),
    Shot("all_tokens", _at("/settings/tokens")),
    Shot("effective_settings", _at("/settings/effective"), _paths),
    Shot("account", _at("/account")),
    Shot("preferences", _at("/preferences")),
    Shot("login", _at("/login"), signed_in=False),
    Shot("help", _at("/help")),
)


def take(
    url: str,
    token: str,
    folder: Path,
    tell: Callable[[str], None],
    shots: tuple[Shot, ...] = SHOTS,
    browsing: Callable[[], AbstractContextManager[Browser]] | None = None,
) -> list[Path]:
    """Take every picture into a folder as ``name-light.webp`` and ``name-dark.webp``.

    ``browsing`` opens the browser, Debian's Chromium unless given. Raises :class:`OpsError` for a
    page that is not there or not whole, or without a browser.
    """
    reader = Reader(url, token)
    token_header = {"Authorization": f"Bearer {token}"}
    found = [(shot, shot.find(reader), shot.hides(reader)) for shot in shots]
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with (browsing or _browser)() as browser:
        for scheme in SCHEMES:
            for shot, path, hides in found:
                tell(f"{shot.name}, {scheme}")
                file = folder / f"{shot.name}-{scheme}.webp"
                headers = token_header if shot.signed_in else {}
                file.write_bytes(_shot(browser, url + path, headers, scheme, hides))
                made.append(file)
    return made


def _shot(
    browser: Browser, address: str, headers: dict[str, str], scheme: str, hides: list[str]
) -> bytes:
    with browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme="dark" if scheme == "dark" else "light",
        extra_http_headers=headers,
    ) as context:
        page = context.new_page()
        _open_whole(page, address)
        hide(page, hides)
        asked = {"format": "webp", "quality": _QUALITY}
        picture = context.new_cdp_session(page).send("Page.captureScreenshot", asked)
        return base64.b64decode(picture["data"])


def hide(page: Page, texts: list[str]) -> None:
    """Put :data:`HIDDEN` in the place of texts, wherever they are to be seen on a page."""
    page.evaluate(_HIDE, [texts, HIDDEN])


def _open_whole(page: Page, address: str) -> None:
    """Open a page until none of its parts is missing, as one is that a busy store was late with."""
    gaps: list[str] = []
    for _ in range(_TRIES):
        answer = page.goto(address, wait_until="networkidle")
        if answer is None or not answer.ok:
            raise OpsError(f"{address} cannot be shown: {answer and answer.status}")
        gaps = page.locator(".notice.bad[role=alert]").all_inner_texts()
        if not gaps:
            return
    raise OpsError(f"{address} cannot be shown whole: {gaps[0]}")


@contextmanager
def _browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        raise OpsError("screenshots need Chromium: install it (Debian: apt-get install chromium)")
    try:
        playing = importlib.import_module("playwright.sync_api")
    except ImportError as exc:
        raise OpsError("screenshots need what tests need: run ./sluice test --help once") from exc
    with playing.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()
