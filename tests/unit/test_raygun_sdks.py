"""What each Raygun SDK means by its fields, on recorded reports and on built ones."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from raygun_samples import (
    assert_strict,
    bodies,
    crash_picture,
    crash_record,
    events_of,
    frame,
    recorded,
    report,
)

from events import crash

#: Read off the recorded payloads by eye: class, message, and the innermost frame's file, line,
#: column, class, function and whether it is the application's.
EXPECTED = [
    (
        "raygun4py/17-repeated-error-1",
        ("ProductMissing", "no product 'TEE-00' in catalogue"),
        ("/srv/shop/app/shop/catalog.py", 16, None, None, "find", True),
    ),
    (
        "raygun4py/03-base-exceptions-2",
        ("KeyboardInterrupt", ""),
        ("/srv/shop/app/report_raygun.py", 319, None, None, "base_exceptions", True),
    ),
    (
        "raygun4py/16-recursion",
        ("RecursionError", "maximum recursion depth exceeded"),
        ("/srv/shop/app/shop/catalog.py", 21, None, None, "<listcomp>", True),
    ),
    (
        "raygun-node/05-cause-chain",
        ("Error", "order 10042 could not be placed"),
        ("/srv/shop/web/report_raygun.js", 14, 15, None, "cause-chain", True),
    ),
    (
        "raygun-node/01-async-rejection",
        ("CheckoutFailed", "checkout of 2 line(s) for Ana Lima failed"),
        ("/srv/shop/web/shop.js", 23, None, "Cart", "Cart.checkout", True),
    ),
    (
        "raygun4js/07-handled-error",
        ("ProductMissing", "no product GONE-1 in catalogue"),
        ("http://shop.example.test:3000/static/app.js", 2, 37, None, "ProductMissing", True),
    ),
    (
        "raygun4js/03-cause-chain",
        ("Error", "order failed"),
        ("http://shop.example.test:3000/static/app.js", 1, 91, None, "?", True),
    ),
    (
        "raygun4go/01-create-error",
        (None, "order could not be placed"),
        ("main.go", 50, None, "main", "main()", True),
    ),
    (
        "raygun4go/05-panic-recovered-1",
        (None, "assignment to entry in nil map"),
        ("panic.go", 860, None, None, "panic({0x6ed4a0?, 0x9df380?})", False),
    ),
    (
        "raygun4java/02-cause-chain",
        ("java.lang.IllegalStateException", "order 10042 could not be placed"),
        ("ReportRaygun.java", 33, None, "shop.ReportRaygun", "main", True),
    ),
    (
        "raygun4java/09-stack-overflow",
        ("java.lang.StackOverflowError", "StackOverflowError"),
        ("Shop.java", 19, None, "shop.Catalog", "tree", True),
    ),
]


def top(picture: dict[str, Any]) -> tuple[Any, ...]:
    first = picture["error"]["frames"][0]
    names = ("file", "line", "column", "class_name", "method", "in_app")
    return tuple(first[name] for name in names)


@pytest.mark.parametrize(("name", "error", "innermost"), EXPECTED)
def test_class_message_and_top_frame(
    name: str, error: tuple[str | None, str], innermost: tuple[Any, ...]
) -> None:
    (body,) = bodies(name)
    picture = crash_picture(body)
    assert (picture["error"]["class_name"], picture["error"]["message"]) == error
    assert top(picture) == innermost
    assert crash_record(body).row[:2] == error


def test_every_recorded_report_has_a_record_and_a_picture() -> None:
    for sample in recorded("entry", "bulk"):
        for body in events_of(sample):
            record, picture = crash_record(body), crash_picture(body)
            assert_strict(record.document(), record.row, picture)
            assert record.occurred_at is not None
            assert record.group is not None
            assert picture["client"]["version"]
            assert picture["error"]["class_name"] or sample.family == "raygun4go"
            assert all(frame["file"] or not frame["in_app"] for frame in frames_of(picture))


def frames_of(picture: dict[str, Any]) -> list[dict[str, Any]]:
    return list(picture["error"]["frames"])


def test_python_s_source_lines_locals_and_libraries() -> None:
    (body,) = bodies("raygun4py/11-flask-request")
    frames = frames_of(crash_picture(body))
    assert [f["method"] for f in frames][:3] == ["find", "add", "dispatch_request"]
    assert [f["in_app"] for f in frames] == [True, True, False, False, False, False]
    assert frames[0]["source"].startswith("raise ProductMissing(")
    assert frames[0]["locals"] == {"sku": "GONE-1"}


def test_python_s_log_records() -> None:
    raw = {"className": "Logger (shop)", "methodName": "pay", "fileName": "a.py", "lineNumber": 3}
    picture = crash_picture(report(error={"className": "X", "stackTrace": [raw]}))
    assert top(picture) == ("a.py", 3, None, "Logger (shop)", "pay", True)


def test_causes_go_down_the_chain() -> None:
    (body,) = bodies("raygun4py/06-chained-cause")
    error = crash_picture(body)["error"]
    names = []
    while True:
        names.append((error["class_name"], error["message"], error["frames"][0]["method"]))
        if not error["inner"]:
            break
        (error,) = error["inner"]
    assert names == [
        ("RuntimeError", "order 10042 could not be placed", "chained_cause"),
        ("CheckoutFailed", "checkout of 2 line(s) for Ana Lima failed", "checkout"),
        ("GatewayTimeout", "gateway did not answer within 3.0 s", "charge"),
    ]


def test_go_frames_after_elided_ones_are_put_right() -> None:
    (body,) = bodies("raygun4go/02-deep-recursion")
    last = frames_of(crash_picture(body))[-1]
    assert (last["file"], last["line"], last["class_name"], last["method"]) == (
        "main.go",
        61,
        "main",
        "main()",
    )
    record = crash_record(body)
    assert record.group is not None
    assert record.group.culprit == "deep (main.go)"


def test_unicode_is_kept_and_what_cannot_be_stored_shows() -> None:
    (body,) = bodies("raygun-node/18-unicode-text")
    picture = crash_picture(body)
    assert "␀NUL" in picture["error"]["message"]
    assert picture["custom"]["nul␀key"] == "nul␀value"
    assert picture["custom"]["lone"] == "\ufffd"
    assert picture["custom"][""] == "empty key"
    assert picture["user"]["name"] == "Zoë Ωmega 👩🏽‍💻"
    assert picture["tags"] == ["ünïcode", "🏷️", "עברית"]


def test_numbers_that_json_cannot_hold_are_readable() -> None:
    (body,) = bodies("raygun4py/15-nan-infinity")
    custom = crash_picture(body)["custom"]
    assert (custom["nan"], custom["inf"], custom["ninf"]) == ("NaN", "Infinity", "-Infinity")
    assert custom["list"] == [1, "NaN", {"x": "-Infinity"}]
    assert custom["big_int"] == "18446744073709551617"
    assert len(custom["huge_int"]) == 401
    assert custom["tiny"] == 5e-324


def test_dotnet() -> None:
    inner = {"ClassName": "System.TimeoutException", "Message": "slow", "StackTrace": None}
    body = json.dumps(
        {
            "OccurredOn": "2026-11-23T06:00:00.1234567Z",
            "Details": {
                "MachineName": "WEB",
                "Version": "1.2.3.0",
                "Client": {"Name": "Raygun4Net.AspNetCore", "Version": "11.0"},
                "Error": {
                    "ClassName": "System.AggregateException",
                    "Message": "One or more errors occurred.",
                    "Data": {"order": 7},
                    "StackTrace": [
                        {
                            "LineNumber": None,
                            "ClassName": "System.Threading.Tasks.Task",
                            "MethodName": "Wait()",
                        },
                        {
                            "LineNumber": 12,
                            "ClassName": "Shop.Cart",
                            "FileName": "C:\\src\\Shop\\Cart.cs",
                            "MethodName": "Checkout(Order order)",
                        },
                    ],
                    "InnerError": inner,
                    "InnerErrors": [inner, {"ClassName": "System.IO.IOException"}],
                },
                "User": {"Identifier": "ana", "FullName": "Ana", "UUID": "u-1"},
                "Request": {"IPAddress": "::1", "HttpMethod": "GET", "Url": "/x"},
                "Response": {"StatusCode": 500},
            },
        }
    ).encode()
    picture = crash_picture(body)
    assert [f["in_app"] for f in frames_of(picture)] == [False, True]
    inner_names = [e["class_name"] for e in picture["error"]["inner"]]
    assert inner_names == ["System.TimeoutException", "System.IO.IOException"]
    assert picture["error"]["data"] == {"order": 7}
    assert picture["request"]["response"] == {"StatusCode": 500}
    assert picture["user"]["uuid"] == "u-1"
    assert crash_record(body).row[2] == "Shop.Cart.Checkout(Order order) (Shop/Cart.cs)"


def test_apple_reports_have_threads() -> None:
    body = report(
        "Raygun4Apple",
        error={"className": "SIGABRT", "message": "abort", "signalName": "SIGABRT"},
        threads=[
            {"threadNumber": 0, "crashed": False, "current": True, "stackFrames": []},
            {
                "threadNumber": 1,
                "crashed": True,
                "stackFrames": [
                    {"symbol": {"name": "abort"}, "programCounter": 4096 + 5},
                    {"symbol": {"name": "-[Cart pay]"}, "programCounter": "0x2010"},
                    {"symbol": None, "programCounter": 9999},
                ],
            },
        ],
        binaryImages=[
            {"name": "/usr/lib/libsystem_c.dylib", "baseAddress": 4096, "size": 4096},
            {"name": "/var/app/Shop.app/Shop", "baseAddress": "0x2000", "size": 1024},
        ],
        user={"identifier": "a", "isAnonymous": "True"},
    )
    picture = crash_picture(body)
    shown = [(f["file"], f["method"], f["in_app"]) for f in frames_of(picture)]
    assert shown == [
        ("libsystem_c.dylib", "abort", False),
        ("Shop", "-[Cart pay]", True),
        (None, "0x270f", True),
    ]
    assert picture["user"]["anonymous"] is True
    assert crash_record(body).row[2] == "-[Cart pay] (Shop)"


def test_ruby_sends_line_numbers_as_strings() -> None:
    body = report(
        "Raygun4Ruby Gem",
        error={
            "className": "NoMethodError",
            "message": "undefined",
            "stackTrace": [
                {"lineNumber": "7", "fileName": "/gems/rails/x.rb", "methodName": "run"},
                {"lineNumber": "9", "fileName": "/app/models/cart.rb", "methodName": "pay"},
            ],
        },
        breadcrumbs=[
            {"message": "m", "level": 2, "timestamp": 1795348800, "location": "Cart:pay:9"},
            {"message": "n", "timestamp": "2026-11-22 12:00:00 UTC"},
        ],
    )
    picture = crash_picture(body)
    assert [(f["line"], f["in_app"]) for f in frames_of(picture)] == [(7, False), (9, True)]
    first, second = picture["breadcrumbs"]
    assert (first["class_name"], first["method"], first["line"]) == ("Cart", "pay", 9)
    assert (first["level"], first["timestamp"]) == ("warning", "2026-11-22T12:00:00Z")
    assert second["timestamp"] == "2026-11-22T12:00:00Z"


def test_java_breadcrumbs() -> None:
    (body,) = bodies("raygun4java/01-breadcrumbs-and-user")
    crumbs = crash_picture(body)["breadcrumbs"]
    assert [c["level"] for c in crumbs] == ["info", "warning", "error"]
    assert crumbs[1] == {
        "timestamp": "2026-11-23T06:11:17.389000Z",
        "level": "warning",
        "type": "Manual",
        "category": "cart",
        "message": "coupon",
        "data": {"code": "SPRING"},
        "class_name": "shop.ReportRaygun",
        "method": "main",
        "line": 58,
    }


def test_the_browser_s_own_reports_do_not_show_their_key() -> None:
    (body,) = bodies("raygun4js/13-rum-and-crash-together-4")
    text = orjson.dumps(crash_picture(body)["breadcrumbs"])
    assert b"c2hvcC1qcw" not in text
    assert b"apikey=[removed]" in text


def test_requests() -> None:
    (django,) = bodies("raygun4py/08-django-request")
    request = crash_picture(django)["request"]
    assert (request["method"], request["host"], request["ip"]) == (
        "POST",
        "testserver",
        "198.51.100.7",
    )
    assert request["form"] == {"card": "tok_9", "gift": "ja"}
    (empty,) = bodies("raygun4go/01-create-error")
    assert crash_picture(empty)["request"] is None
    (browser,) = bodies("raygun4js/07-handled-error")
    assert crash_record(browser).document()["url"] == "http://shop.example.test:3000/cart#top"


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ({"identifier": "ana", "email": "a@x"}, "ana"),
        ({"Email": "a@x", "UUID": "u"}, "a@x"),
        ({"uuid": "u"}, "u"),
        ({"identifier": ""}, None),
        ({"identifier": 5521}, "5521"),
        ({"isAnonymous": True}, None),
        ({}, None),
        (None, None),
        ("bare", "bare"),
        (["x"], None),
    ],
)
def test_users(user: Any, key: str | None) -> None:
    body = report(user=user)
    assert crash_record(body).user_key == key
    assert (crash_picture(body)["user"] is None) == (key is None and user != {"isAnonymous": True})


@pytest.mark.parametrize("version", ["Not supplied", "Not defined", "", None, {}])
def test_placeholders_are_no_version(version: Any) -> None:
    assert crash_record(report(version=version)).row[3] is None


def test_an_empty_report_is_still_one() -> None:
    body = b'{"occurredOn": null, "details": {}}'
    record, picture = crash_record(body), crash_picture(body)
    assert record.row == (None,) * len(crash.COLUMNS)
    assert record.group is not None
    assert record.group.title == "Unknown error"
    assert {name for name, part in picture.items() if part} == set()


def test_values_of_the_wrong_kind_are_left_out() -> None:
    wrong: list[Any] = [None, 1, "x", [], {}, [None], [[]], {"": None}]
    for value in wrong:
        body = report(
            error={"className": value, "message": value, "stackTrace": [value, frame("f")]},
            tags=value,
            breadcrumbs=value,
            request=value,
            environment=value,
            userCustomData=value,
            machineName=value,
            groupingKey=value,
            threads=value,
        )
        orjson.dumps([crash_record(body).document(), crash_picture(body)])
        orjson.dumps(crash_picture(report(error=value, client=value)))


def test_a_hundred_thousand_frames_cost_little() -> None:
    stack = [{"lineNumber": n} for n in range(100_000)]
    for client, first in (("raygun4py", 99_999), ("raygun-node", 0)):
        error = crash_picture(report(client, error={"stackTrace": stack}))["error"]
        assert len(error["frames"]) == 2000
        assert error["frames_omitted"] == 98_000
        assert error["frames"][0]["line"] == first


def test_rows_and_documents_are_bounded() -> None:
    body = report(
        error={"className": "C" * 10_000, "message": "m" * 500_000, "stackTrace": []},
        machineName="h" * 10_000,
        version="v" * 10_000,
        tags=["t" * 10_000] * 1000,
        user={"identifier": "u" * 10_000},
        userCustomData={f"k{n}" * 100: "v" * 10_000 for n in range(30)},
    )
    record = crash_record(body)
    assert [len(value) for value in record.row if value] == [500, 2000, 200, 200]
    assert len(orjson.dumps(record.document())) < 120_000
    assert record.user_key is not None
    assert len(record.user_key) <= 1000
    assert len(crash_picture(body)["error"]["message"]) == 500_000


def test_php_puts_the_class_before_its_messages() -> None:
    def message(class_name: str, text: str, client: str = "Raygun4php") -> str:
        error = {"ClassName": class_name, "Message": text}
        shown: str = crash_picture(report(client, error=error))["error"]["message"]
        return shown

    assert message("Shop\\CartException", "Shop\\CartException: empty") == "empty"
    assert message("ErrorException", "Error: Undefined index: a") == "Undefined index: a"
    assert message("ErrorException", "ErrorException: of ours") == "ErrorException: of ours"
    assert message("A", "A: as it is", "raygun-node") == "A: as it is"
    assert message("A", "None: as it is", "raygun-node") == "None: as it is"


def test_react_native_s_places_are_no_classes() -> None:
    places = ("line 7, column 8", "line undefined, column undefined", "line null, column NaN")
    stack = [frame("onPress", lineNumber=None, className=place) for place in places]
    error = {"className": "TypeError", "stackTrace": stack}
    picture = crash_picture(report("raygun4reactnative.ios", error=error))
    shown = [(f["class_name"], f["line"], f["column"]) for f in picture["error"]["frames"]]
    assert shown == [(None, 7, 8), (None, None, None), (None, None, None)]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("nightly", ["nightly"]),
        ({"team": "shop", "tier": 2}, ["team:shop", "tier:2"]),
        (["a", 7, None, ["b"]], ["a", "7"]),
        ([], []),
        (None, None),
    ],
)
def test_tags_of_any_form(sent: Any, shown: list[str] | None) -> None:
    assert crash_picture(report(tags=sent))["tags"] == shown


def test_what_has_no_place_of_its_own_is_shown_all_the_same() -> None:
    error = {"className": "SIGABRT", "signalName": "SIGABRT", "globalVariables": {"DEBUG": "0"}}
    request = {"url": "/", "networkConnectivityState": "Connected - WIFI"}
    threads = [{"threadNumber": 0, "crashed": True, "stackFrames": []}]
    details = {"threads": threads, "correlationId": "c-1", "machineName": "web-1"}
    body = report(error=error, request=request, **details)
    assert crash_picture(body)["other"] == {
        "error": {"signalName": "SIGABRT", "globalVariables": {"DEBUG": "0"}},
        "request": {"networkConnectivityState": "Connected - WIFI"},
        "threads": threads,
        "correlationId": "c-1",
    }
    assert crash_picture(report(error={"className": "A", "message": "b"}))["other"] is None
