"""What goes wrong in the shop: each fault with its stack, how often, and in which releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.demo.story import API, APP, BAD_DEPLOY, REGRESSED, WEB


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a stack: file, function, line, and what stands there."""

    file: str
    function: str
    line: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. ``stack`` is innermost first; ``message`` may name ``{sku}``,
    ``{order}``, ``{ms}`` and ``{n}``. ``only`` are the releases it is in, with how much more often
    it happens there; in all of them if empty. What has a ``traced`` step OpenTelemetry tells of, in
    the trace of the request that it ended in that step.
    """

    app: str
    class_name: str
    message: str
    stack: tuple[Line, ...]
    weight: float
    path: str
    only: Mapping[str, float] = field(default_factory=dict)
    traced: str = ""

    def rate(self, release: str) -> float:
        """How often it happens while a release runs, relative to others."""
        return self.weight * (self.only.get(release, 0.0) if self.only else 1.0)


_APP_JS = "https://shop.example.com/static/app.js"
_CART_JS = "https://shop.example.com/static/cart.js"
_PAY_JS = "https://shop.example.com/static/checkout.js"
_REACT = Line("https://shop.example.com/static/vendor.js", "dispatchEvent", 9121)
_CLICK = Line(_APP_JS, "HTMLButtonElement.onClick", 512)

_WEB = (
    Fault(WEB, "TypeError", "Cannot read properties of undefined (reading 'amount')",
          (Line(_PAY_JS, "formatTotal", 88), Line(_PAY_JS, "PaymentForm.render", 141), _REACT),
          40, "/checkout/payment", {BAD_DEPLOY: 9.0, "3.5.1": 0.3}),
    Fault(WEB, "TypeError", "Cannot read properties of null (reading 'getBoundingClientRect')",
          (Line(_APP_JS, "Carousel.measure", 301), Line(_APP_JS, "Carousel.mounted", 288), _REACT),
          14, "/"),
    Fault(WEB, "ReferenceError", "gtag is not defined",
          (Line(_APP_JS, "track", 44), _CLICK), 11, "/category/mugs"),
    Fault(WEB, "TypeError", "Failed to fetch",
          (Line(_APP_JS, "api.get", 71), Line(_CART_JS, "loadCart", 23)), 18, "/cart"),
    Fault(WEB, "ChunkLoadError", "Loading chunk {n} failed.",
          (Line(_APP_JS, "requireEnsure", 12), Line(_APP_JS, "Router.push", 210)), 9,
          "/checkout", {"3.4.1": 1, "3.5.0": 3, "3.5.1": 2, "3.6.0": 2}),
    Fault(WEB, "RangeError", "Maximum call stack size exceeded",
          (Line(_CART_JS, "mergeLines", 131), Line(_CART_JS, "mergeLines", 131),
           Line(_CART_JS, "mergeLines", 131), Line(_CART_JS, "applyCoupon", 164)), 3, "/cart"),
    Fault(WEB, "NotAllowedError", "play() failed because the user didn't interact first",
          (Line(_APP_JS, "Video.autoplay", 402),), 6, "/product/1042"),
    Fault(WEB, "SyntaxError", "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
          (Line(_APP_JS, "parse", 75), Line(_CART_JS, "loadShipping", 57)), 5, "/checkout"),
    Fault(WEB, "QuotaExceededError", "The quota has been exceeded.",
          (Line(_CART_JS, "remember", 12), Line(_CART_JS, "addLine", 31), _CLICK), 4,
          "/product/1108"),
    Fault(WEB, "TypeError", "t.toFixed is not a function",
          (Line(_PAY_JS, "showRate", 61), Line(_PAY_JS, "Shipping.choose", 97), _REACT), 6,
          "/checkout", {"3.6.0": 1.6}),
    Fault(WEB, "Error", "Payment provider answered 502 after {ms} ms",
          (Line(_PAY_JS, "quote", 33), Line(_PAY_JS, "PaymentForm.submit", 176), _CLICK), 7,
          "/checkout/payment", {"3.5.1": 1, "3.6.0": 3.5}),
    Fault(WEB, "UnhandledRejection", "AbortError: The user aborted a request.",
          (Line(_APP_JS, "api.search", 92),), 8, "/search"),
)  # fmt: skip

_VIEW = Line("/srv/shop/venv/lib/python3.12/site-packages/flask/app.py", "dispatch_request", 902,
             "return self.view_functions[rule.endpoint](**view_args)")  # fmt: skip
_SQL = Line("/srv/shop/venv/lib/python3.12/site-packages/sqlalchemy/engine/base.py", "_execute",
            1967, "cursor.execute(statement, parameters)")  # fmt: skip


def _shop(file: str, function: str, line: int, code: str) -> Line:
    return Line(f"/srv/shop/shop/{file}.py", function, line, code)


_API = (
    Fault(API, "KeyError", "'discount_code'",
          (_shop("pricing", "discount", 64, 'code = payload["discount_code"]'),
           _shop("cart", "total", 118, "return subtotal - discount(payload)"), _VIEW),
          22, "/api/cart/total", {"2.7.3": 1.0, REGRESSED: 1.8}),
    Fault(API, "ProductMissing", "no product '{sku}' in catalogue",
          (_shop("catalog", "find", 16, 'raise ProductMissing(f"no product {sku!r}")'),
           _shop("views", "product", 41, "item = catalog.find(sku)"), _VIEW), 16,
          "/api/products", traced="catalog.find"),
    Fault(API, "OperationalError", "could not connect to server: Connection timed out",
          (_SQL, _shop("orders", "save", 77, "session.commit()"), _VIEW), 8, "/api/orders",
          traced="INSERT orders"),
    Fault(API, "TimeoutError", "payment provider did not answer within {ms} ms",
          (_shop("payment", "quote", 52, "answer = client.post(url, timeout=limit)"),
           _shop("views", "quote", 133, "return jsonify(payment.quote(order))"), _VIEW), 12,
          "/api/payment/quote", {"2.7.3": 0.4, "2.8.0": 0.4, "2.9.0": 0.6, "2.9.1": 2.2},
          traced="POST /v1/quotes"),
    Fault(API, "IntegrityError", "duplicate key value violates \"orders_pkey\": ({order})",
          (_SQL, _shop("orders", "place", 102, "session.add(order)"), _VIEW), 5, "/api/orders"),
    Fault(API, "ValidationError", "quantity: must be at least 1, got -{n}",
          (_shop("schemas", "load", 29, "return schema.load(body)"),
           _shop("views", "add_line", 88, "line = schemas.load(request.json)"), _VIEW), 9,
          "/api/cart/lines"),
    Fault(API, "JSONDecodeError", "Expecting value: line 1 column 1 (char 0)",
          (Line("/usr/lib/python3.12/json/decoder.py", "raw_decode", 355, "raise JSONDecodeError"),
           _shop("webhooks", "receive", 19, "event = json.loads(body)"), _VIEW), 6,
          "/api/webhooks/payment"),
    Fault(API, "PermissionError", "user may not see order {order}",
          (_shop("orders", "require_owner", 31, "raise PermissionError"),
           _shop("views", "order", 160, "orders.require_owner(order, user)"), _VIEW), 4,
          "/api/orders"),
    Fault(API, "ZeroDivisionError", "division by zero",
          (_shop("reports", "conversion", 44, "return orders / visits"), _VIEW), 2,
          "/api/reports", {"2.8.0": 1, "2.9.0": 1, "2.9.1": 1}),
    Fault(API, "MemoryError", "",
          (_shop("export", "rows", 71, "return list(query)"), _VIEW), 1, "/api/export"),
    Fault(API, "UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff in position {n}",
          (_shop("imports", "read", 26, "text = upload.read().decode()"), _VIEW), 3,
          "/api/imports", {"2.9.0": 1, "2.9.1": 1}),
)  # fmt: skip


def _kt(name: str, function: str, line: int) -> Line:
    return Line(f"{name.rpartition('.')[2]}.kt", f"com.example.shop.{name}.{function}", line)


_LOOPER = Line("Looper.java", "android.os.Looper.loop", 313)
_APP = (
    Fault(APP, "java.lang.NullPointerException", "Attempt to read from field 'price' on null",
          (_kt("cart.CartAdapter", "bind", 58), _kt("cart.CartAdapter", "onBindViewHolder", 41),
           _LOOPER), 12, "/cart"),
    Fault(APP, "java.net.SocketTimeoutException", "timeout after {ms} ms",
          (Line("Http2Stream.kt", "okhttp3.internal.http2.Http2Stream.takeHeaders", 149),
           _kt("net.ShopClient", "get", 77)), 14, "/catalog"),
    Fault(APP, "java.lang.OutOfMemoryError", "Failed to allocate a {n} byte allocation",
          (Line("BitmapFactory.java", "android.graphics.BitmapFactory.decodeStream", 700),
           _kt("image.Loader", "decode", 33)), 5, "/product"),
    Fault(APP, "java.lang.IllegalStateException", "Fragment not attached to a context",
          (_kt("checkout.PaymentFragment", "showTotal", 121), _LOOPER), 10, "/checkout",
          {"1.19.0": 1.7}),
    Fault(APP, "kotlin.UninitializedPropertyAccessException", "lateinit property user is not set",
          (_kt("account.AccountModel", "greeting", 19), _LOOPER), 4, "/account",
          {"1.18.0": 1.0}),
    Fault(APP, "android.database.sqlite.SQLiteFullException", "database or disk is full",
          (_kt("offline.Store", "save", 64),), 2, "/offline"),
    Fault(APP, "java.lang.IndexOutOfBoundsException", "Index: {n}, Size: 0",
          (_kt("search.ResultList", "get", 27), _kt("search.SearchScreen", "open", 90), _LOOPER),
          6, "/search"),
)  # fmt: skip

FAULTS: tuple[Fault, ...] = (*_WEB, *_API, *_APP)
