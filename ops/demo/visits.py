"""Visits of the web shop as raygun4js reports them: session, views with what they load, vitals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import orjson

from ops.demo.people import Person
from ops.demo.story import SLOW_PATH, SLOW_RELEASE

_SHOP = "https://shop.example.com"
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_CATEGORIES = ("mugs", "posters", "lamps", "textiles")
#: Milliseconds until a page has its largest part, in a good browser nearby.
_LCP_MS = {"/": 1250.0, "/category": 1400.0, "/product": 1600.0, "/search": 1300.0, "/cart": 1100.0}
_OTHER_LCP_MS = 1200.0
_SLOW_FACTOR = 2.7
_HARD_LOAD, _GOES_ON, _LEAVES_IN_ORDER = 0.22, 0.84, 0.5

_ASSETS = (
    ("/static/app.js", 120.0, 81_234),
    ("/static/vendor.js", 160.0, 212_300),
    ("/static/app.css", 40.0, 9_121),
)
_REQUESTS = {
    "/category": ("/api/products", 180.0),
    "/product": ("/api/products/item", 120.0),
    "/search": ("/api/search", 260.0),
    "/cart": ("/api/cart", 90.0),
    "/checkout": ("/api/cart/total", 140.0),
    SLOW_PATH: ("/api/payment/quote", 420.0),
}


@dataclass(frozen=True, slots=True)
class Report:
    """An item that the SDK sent at a moment."""

    at_ms: int
    body: bytes


class Visit:
    """One session of somebody, from a moment on, on the release that runs then."""

    def __init__(self, rng: Random, who: Person, at_ms: int, release: str) -> None:
        self._rng = rng
        self.release = release
        self.who = who
        self.session_id = "".join(rng.choices(_ALPHABET, k=11)).ljust(32, "0")
        self.started_ms = self.ended_ms = at_ms
        self._request = ""

    def reports(self) -> Iterator[Report]:
        """What the SDK sends, in order of time."""
        yield self._report("session_start", None)
        path = self._rng.choices(("/", "/product", "/category", "/search"), (50, 28, 16, 6))[0]
        hard = True
        while True:
            yield from self._view(path, hard=hard)
            if self._rng.random() > _GOES_ON:
                break
            self._wait(4_000, 90_000)
            path = self._next(path)
            hard = self._rng.random() < _HARD_LOAD
        if self._rng.random() < _LEAVES_IN_ORDER:
            self._wait(1_000, 20_000)
            yield self._report("session_end", None)

    def _view(self, path: str, *, hard: bool) -> Iterator[Report]:
        self._request = "".join(self._rng.choices(_ALPHABET, k=8)).ljust(16, "0")
        url = _SHOP + self._address(path)
        lcp = _LCP_MS.get(path, _OTHER_LCP_MS) * self._slowness(path)
        if hard:
            yield self._report("web_request_timing", [_page(url, lcp), *self._loaded(path, url)])
            yield from self._vitals(url, lcp)
        else:
            took = {"t": "v", "du": round(lcp * 0.3, 2), "o": 900.0}
            timings = [{"url": url, "timing": took, "parentResource": _parent(url, "v")}]
            yield self._report("web_request_timing", timings)
            for request in self._requests(path, url):
                yield self._report("web_request_timing", [request])
        if path == "/product" and self._rng.random() < 0.25:
            yield self._report("web_request_timing", [self._timed("add-to-cart", url)])

    def _vitals(self, url: str, lcp: float) -> Iterator[Report]:
        rng = self._rng
        values = (
            ("TTFB", lcp * rng.uniform(0.12, 0.25)),
            ("FCP", lcp * rng.uniform(0.45, 0.7)),
            ("LCP", lcp),
            ("CLS", rng.lognormvariate(-3.2, 0.9)),
            ("INP", rng.lognormvariate(4.5, 0.6) * self.who.slower),
        )
        for name, value in values:
            self._wait(10, 400)
            timing = {"t": "w", "du": f"{value:.3f}"}
            yield self._report(
                "web_request_timing",
                [{"url": name, "timing": timing, "parentResource": _parent(url, "p")}],
            )

    def _slowness(self, path: str) -> float:
        slow = path == SLOW_PATH and self.release == SLOW_RELEASE
        return self.who.slower * self._rng.lognormvariate(0, 0.3) * (_SLOW_FACTOR if slow else 1)

    def _loaded(self, path: str, url: str) -> Iterator[dict[str, Any]]:
        for name, ms, size in _ASSETS:
            took = ms * self.who.slower * self._rng.lognormvariate(0, 0.4)
            timing = {"t": "c", "du": f"{took:.2f}", "a": "101.25"}
            yield {
                "url": _SHOP + name,
                "timing": timing,
                "size": size,
                "parentResource": _parent(url, "p"),
            }
        yield from self._requests(path, url)

    def _requests(self, path: str, url: str) -> Iterator[dict[str, Any]]:
        if path not in _REQUESTS:
            return
        name, ms = _REQUESTS[path]
        took = ms * self._slowness(path) * self._rng.lognormvariate(0, 0.3)
        failed = self._rng.random() < (0.08 if took > 2_000 else 0.01)
        yield {
            "url": f"https://api.shop.example.com{name}",
            "timing": {"t": "x", "du": f"{took:.2f}", "a": "220.00"},
            "size": self._rng.randint(400, 9_000),
            "statusCode": 502 if failed else 200,
            "parentResource": _parent(url, "p"),
        }

    def _timed(self, name: str, url: str) -> dict[str, Any]:
        took = self._rng.lognormvariate(5.2, 0.5)
        timing = {"t": "t", "du": f"{took:.2f}", "a": "1500.00"}
        return {"url": name, "timing": timing, "parentResource": _parent(url, "p")}

    def _next(self, path: str) -> str:
        ways = {
            "/": (("/category", "/search", "/product"), (60, 15, 25)),
            "/category": (("/product", "/category", "/"), (70, 20, 10)),
            "/search": (("/product", "/search"), (75, 25)),
            "/product": (("/cart", "/product", "/category"), (28, 40, 32)),
            "/cart": (("/checkout", "/product", "/"), (60, 25, 15)),
            "/checkout": ((SLOW_PATH, "/cart"), (80, 20)),
            SLOW_PATH: (("/order", "/checkout"), (75, 25)),
        }
        names, weights = ways.get(path, (("/",), (1,)))
        return self._rng.choices(names, weights)[0]

    def _address(self, path: str) -> str:
        if path == "/product":
            return f"/product/{1000 + int(self._rng.paretovariate(1.1) * 7) % 400}"
        if path == "/category":
            return f"/category/{self._rng.choice(_CATEGORIES)}"
        return f"/order/{self._rng.randint(100_000, 999_999)}" if path == "/order" else path

    def _wait(self, least_ms: int, most_ms: int) -> None:
        self.ended_ms += int(least_ms + (most_ms - least_ms) * self._rng.random() ** 2)

    def _report(self, kind: str, timings: list[dict[str, Any]] | None) -> Report:
        moment = datetime.fromtimestamp((self.ended_ms - 300) / 1000, UTC)
        who = self.who
        item: dict[str, Any] = {
            "sessionId": self.session_id,
            "timestamp": moment.isoformat(timespec="milliseconds"),
            "type": kind,
            "user": who.user(),
            "version": self.release,
            "device": who.browser.agent,
            "client": {"name": "raygun4js", "version": "3.1.4"},
            "tags": [f"country:{who.country}"],
            "viewport": {"width": who.browser.width, "height": who.browser.height},
        }
        if timings is not None:
            item["requestId"] = self._request
            item["data"] = orjson.dumps(timings).decode()
        return Report(self.ended_ms, orjson.dumps(item))


def _page(url: str, lcp: float) -> dict[str, Any]:
    """A page's load, from what its largest part took: the marks of navigation timing by letter."""
    load = lcp * 1.25
    shares = {"c": 0.02, "d": 0.02, "e": 0.06, "f": 0.2, "g": 0.24, "h": 0.25}
    shares |= {"i": 0.6, "j": 0.62, "k": 0.97, "l": 0.97, "m": 0.99}
    marks = {letter: round(load * share, 1) for letter, share in shares.items()}
    timing = {"t": "p", "du": round(load, 1), "a": 1.2, "b": 0.9, **marks}
    return {
        "url": url,
        "timing": timing | {"fcp": f"{lcp * 0.6:.2f}"},
        "size": 0,
        "parentResource": _parent(url, "p"),
    }


def _parent(url: str, letter: str) -> dict[str, str]:
    return {"url": url, "type": letter}
