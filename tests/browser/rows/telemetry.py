"""Pages of traces, performance, hosts and metrics."""

from __future__ import annotations

from urllib.parse import quote

from tests.browser.rows.row import CRASH_BYTES, Row
from tests.browser.site import Site
from tests.browser.telemetry import HOSTILE_OPERATION


def trace(site: Site, after: str = "") -> str:
    return f"/p/shop/traces/{site.telemetry.trace}{after}"


LIST = {"sql": 14}
TRACE = {"sql": 16, "files": 4}
WORK = {"sql": 22}
# Spans that are no transactions are looked for by search, all of them and those that failed.
EXAMPLES = {"sql": 24, "search": 2}

ROWS = (
    Row("trace", trace, TRACE),
    Row("trace at a span", lambda site: trace(site, f"?span={site.telemetry.span}"), TRACE),
    Row("long trace", lambda site: f"/p/shop/traces/{site.telemetry.many}", TRACE),
    Row("end of a trace", lambda site: f"/p/shop/traces/{site.telemetry.many}?at=1150", TRACE),
    Row("hostile trace", lambda site: f"/p/shop/traces/{site.telemetry.hostile}", TRACE),
    Row("no trace", lambda site: f"/p/shop/traces/{'1' * 32}", LIST, status=404),
    Row("crash in a trace", lambda site: f"/o/{site.telemetry.crash}", {"sql": 22, "files": 1},
        CRASH_BYTES),
    Row("traces", lambda site: "/p/shop/traces", LIST),
    Row("slow traces", lambda site: "/p/shop/traces?order=slowest&failed=true&hours=168", LIST),
    Row("no traces", lambda site: "/p/blog/traces", LIST),
    Row("performance", lambda site: "/p/shop/apm", WORK),
    Row("performance of a kind", lambda site: "/p/shop/apm?kind=queries&sort=p95&hours=6", WORK),
    Row("no performance", lambda site: "/p/blog/apm", WORK),
    Row("operation", lambda site: "/p/shop/apm/GET%20/shop/a?hours=6", EXAMPLES),
    Row("query", lambda site: "/p/shop/apm/SELECT%20a?category=db", EXAMPLES),
    Row("hostile operation", lambda site: f"/p/shop/apm/{HOSTILE_OPERATION}", EXAMPLES),
    Row("health", lambda site: "/p/shop/health", WORK),
    Row("no health", lambda site: "/p/blog/health", WORK),
    Row("host", lambda site: "/p/shop/host?name=web-1", WORK),
    Row("metrics", lambda site: "/p/shop/metrics", LIST),
    Row("no metrics", lambda site: "/p/blog/metrics", LIST),
    Row("metric", lambda site: "/p/shop/metric?name=queue.length", WORK),
    Row("metric by host", lambda site: "/p/shop/metric?name=queue.length&by=host", WORK),
    Row("release without a crash", lambda site: f"/p/shop/release?version={quote('9.9-calm')}",
        {"sql": 20, "search": 1}),
)  # fmt: skip
