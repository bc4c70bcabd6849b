"""A shop that reports with Sentry's SDK, of version 1 or 2. Arguments: DSN, mark.

Prints the id that the SDK gave its crash, and that of the trace in which it was.
"""

import sys

import sentry_sdk

dsn, mark = sys.argv[1:]
NEWER = int(sentry_sdk.VERSION.partition(".")[0]) >= 2
more = {"enable_logs": True} if NEWER else {}
sentry_sdk.init(
    dsn,
    release=f"shop-{mark}@7.1.0",
    environment="production",
    server_name="till-3",
    traces_sample_rate=1.0,
    **more,
)


class OrderRefused(Exception):
    """What goes wrong in this shop."""


def charge(number):
    raise OrderRefused(f"basket {number} refused {mark}")


sentry_sdk.set_user({"id": "ann", "email": "ann@shop.test"})
sentry_sdk.set_tag("team", "shop")
scope = sentry_sdk.get_isolation_scope() if NEWER else sentry_sdk.Hub.current
scope.start_session()
with sentry_sdk.start_transaction(op="http.server", name="POST /orders") as transaction:
    with sentry_sdk.start_span(op="db.query", description="INSERT orders"):
        pass
    sentry_sdk.add_breadcrumb(category="cart", message="3 lines")
    if NEWER:
        sentry_sdk.logger.warning("cart of {mark} has {n} lines", mark=mark, n=3)
    with sentry_sdk.new_scope() if NEWER else sentry_sdk.push_scope() as inner:
        inner.set_extra("order", 17)
        inner.add_attachment(bytes=b"line one\nline two\n", filename="order.log")
        try:
            charge(17)
        except OrderRefused:
            print(sentry_sdk.capture_exception())
    print(transaction.trace_id)
scope.end_session()
sentry_sdk.flush(10)
