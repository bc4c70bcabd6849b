"""Crash reports as the SDKs of the shop's three applications send them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson

from ops.demo.faults import Fault, Line
from ops.demo.people import Person
from ops.demo.story import API, SERVERS, WEB

_SHOP = "https://shop.example.com"
_PHONES = ("Pixel 8", "Galaxy S24", "Xperia 5", "Moto G54")


def crash_body(
    rng: Random, fault: Fault, at_ms: int, release: str, who: Person, session: str | None
) -> bytes:
    """The report of a fault that somebody met at a moment, in a session of the web shop or not."""
    values = values_of(rng)
    message = fault.message.format(**values)
    write = {WEB: _browser, API: _server}.get(fault.app, _phone)
    details = write(rng, fault, message, who, values)
    details["version"] = release
    details["user"] = who.user()
    details["breadcrumbs"] = _breadcrumbs(rng, fault, at_ms, values)
    if session is not None:
        details["userCustomData"]["sessionId"] = session
    return orjson.dumps({"occurredOn": _iso(at_ms), "details": details})


def values_of(rng: Random) -> dict[str, Any]:
    """What messages of faults may name."""
    return {
        "sku": f"SKU-{rng.randint(1000, 1400)}",
        "order": rng.randint(100_000, 999_999),
        "ms": rng.randint(2_000, 9_999),
        "n": rng.randint(1, 400),
    }


def _browser(
    rng: Random, fault: Fault, message: str, who: Person, values: dict[str, Any]
) -> dict[str, Any]:
    query = {"ref": rng.choice(("mail", "search", "ad"))} if rng.random() < 0.3 else {}
    return {
        "client": {"name": "raygun-js", "version": "3.1.4"},
        "error": {
            "className": fault.class_name,
            "message": message,
            "stackTrace": [
                {
                    "lineNumber": line.line,
                    "columnNumber": 17,
                    "className": f"line {line.line}, column 17",
                    "fileName": line.file,
                    "methodName": line.function,
                }
                for line in fault.stack
            ],
        },
        "environment": {
            "browser-Width": who.browser.width,
            "browser-Height": who.browser.height,
            "utcOffset": 1,
        },
        "request": {
            "url": f"{_SHOP}{fault.path}",
            "queryString": query,
            "headers": {"User-Agent": who.browser.agent, "Referer": f"{_SHOP}/"},
        },
        "tags": ["checkout"] if fault.path.startswith("/checkout") else [],
        "userCustomData": {"cart": {"lines": rng.randint(1, 6), "sku": values["sku"]}},
    }


def _server(
    rng: Random, fault: Fault, message: str, who: Person, values: dict[str, Any]
) -> dict[str, Any]:
    return {
        "client": {"name": "raygun4py", "version": "8.0.0"},
        "machineName": rng.choice(SERVERS),
        "error": {
            "className": fault.class_name,
            "message": f"{fault.class_name}: {message}",
            "stackTrace": [
                {
                    "lineNumber": line.line,
                    "className": line.function,
                    "fileName": line.file,
                    "methodName": f"        {line.code}\n",
                    "localVariables": {"sku": values["sku"], "attempt": str(rng.randint(1, 3))},
                }
                for line in reversed(fault.stack)
            ],
        },
        "environment": {
            "runtimeVersion": "Python 3.12.7",
            "processorCount": 4,
            "architecture": "64bit",
            "oSVersion": "Linux 6.8.0",
        },
        "request": {
            "hostName": "api.shop.example.com",
            "url": f"https://api.shop.example.com{fault.path}",
            "httpMethod": rng.choice(("GET", "POST")),
            "headers": {
                "User-Agent": who.browser.agent,
                "X-Request-Id": f"{rng.getrandbits(64):x}",
            },
        },
        "tags": ["eu-west" if rng.random() < 0.7 else "us-east", "web"],
        "userCustomData": {"order_id": values["order"], "took_ms": values["ms"]},
    }


def _phone(
    rng: Random, fault: Fault, message: str, who: Person, values: dict[str, Any]
) -> dict[str, Any]:
    return {
        "client": {"name": "raygun4android", "version": "4.0.1"},
        "machineName": rng.choice(_PHONES),
        "error": {
            "className": fault.class_name,
            "message": message,
            "stackTrace": [_java(line) for line in fault.stack],
        },
        "environment": {
            "oSVersion": f"Android {rng.choice((12, 13, 14, 15))}",
            "deviceName": rng.choice(_PHONES),
            "totalPhysicalMemory": rng.choice((4096, 6144, 8192)),
            "architecture": "arm64-v8a",
        },
        "tags": ["release", who.country],
        "userCustomData": {"screen": fault.path, "sku": values["sku"]},
    }


def _java(line: Line) -> dict[str, Any]:
    owner, _, method = line.function.rpartition(".")
    return {
        "lineNumber": line.line,
        "className": owner,
        "fileName": line.file,
        "methodName": method,
    }


def _breadcrumbs(
    rng: Random, fault: Fault, at_ms: int, values: dict[str, Any]
) -> Sequence[dict[str, Any]]:
    steps = (
        ("navigation", "info", "opened /"),
        ("navigation", "info", f"opened /product/{values['sku'][4:]}"),
        ("request", "info", f"GET /api/products/{values['sku']} 200"),
        ("manual", "info", f"added {values['sku']} to the cart"),
        ("request", "warning", f"POST /api/payment/quote {values['ms']} ms"),
        ("navigation", "info", f"opened {fault.path}"),
    )
    some = steps[-rng.randint(2, len(steps)) :]
    return [
        {
            "timestamp": at_ms - 4_000 * (len(some) - index),
            "type": kind,
            "level": level,
            "message": message,
        }
        for index, (kind, level, message) in enumerate(some)
    ]


def _iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC) - timedelta(milliseconds=400)
    return moment.isoformat(timespec="milliseconds")
