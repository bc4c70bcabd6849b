"""Seeded crashes as Raygun SDKs send them, about 3.4 KB each: varied bugs, frames and users."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

_CLASSES = ("ValueError", "KeyError", "TimeoutError", "PaymentDeclined", "InventoryError")
_MODULES = ("checkout", "basket", "catalogue", "search", "account", "shipping", "payment")
_VERBS = ("load", "store", "find", "render", "charge", "reserve", "merge", "verify")
_START = datetime(2026, 1, 1, tzinfo=UTC)


class CrashSource:
    """An endless stream of crash bodies; the same seed gives the same stream."""

    def __init__(self, seed: int, bugs: int = 200, users: int = 5000) -> None:
        self._random = random.Random(seed)
        self._users = users
        self._bugs = [self._bug(number) for number in range(bugs)]

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self.crash()

    def body(self) -> bytes:
        """What :meth:`crash` gives, as every source calls it."""
        return self.crash()

    def crash(self) -> bytes:
        """One body for ``POST /entries``."""
        return json.dumps(self._report()).encode()

    def large_crash(self, size: int = 50_000) -> bytes:
        """One body of about ``size`` bytes: what fills it is data that the application attached."""
        report = self._report()
        rows = size // 120
        report["details"]["userCustomData"] = {
            f"row-{number}": f"{self._random.getrandbits(320):x} {number} of the shop"
            for number in range(rows)
        }
        return json.dumps(report).encode()

    def rum_batch(self, events: int) -> bytes:
        """One body for ``POST /events``: page views of a session, each with its timing."""
        pick = self._random
        views = []
        for _ in range(events):
            page = f"https://shop.test/{pick.choice(_MODULES)}/{pick.randrange(500)}"
            timing = {"timing": {"type": "p", "duration": pick.randrange(1, 9000) / 2}, "url": page}
            views.append(
                {
                    "sessionId": f"{pick.getrandbits(64):x}",
                    "timestamp": (_START + timedelta(seconds=pick.randrange(10**7))).isoformat(),
                    "type": "web_request_timing",
                    "user": {"identifier": f"user-{pick.randrange(self._users)}"},
                    "version": f"4.{pick.randrange(6)}.0",
                    "device": "Mozilla/5.0 (X11; Linux x86_64)",
                    "data": json.dumps([timing]),
                }
            )
        return json.dumps({"eventData": views}).encode()

    def _report(self) -> dict[str, Any]:
        pick = self._random
        name, message, frames = pick.choice(self._bugs)
        user = pick.randrange(self._users)
        detail = pick.randrange(10**6)
        return {
            "occurredOn": (_START + timedelta(seconds=pick.randrange(10**7))).isoformat(),
            "details": {
                "machineName": f"web-{pick.randrange(20)}",
                "version": f"4.{pick.randrange(6)}.{pick.randrange(10)}",
                "client": {
                    "name": "raygun-node",
                    "version": "2.2.8",
                    "clientUrl": "https://e.test",
                },
                "error": {
                    "className": name,
                    "message": f"{message} (order {detail})",
                    "stackTrace": frames,
                },
                "environment": {
                    "osVersion": "linux 6.1.0",
                    "architecture": "x64",
                    "totalPhysicalMemory": 16384,
                    "availablePhysicalMemory": pick.randrange(16384),
                    "cpu": "AMD EPYC 7763",
                    "utcOffset": 0,
                    "processorCount": 2,
                },
                "user": {"identifier": f"user-{user}", "email": f"user-{user}@shop.test"},
                "tags": ["shop", f"region-{user % 5}"],
                "request": {
                    "hostName": "shop.test",
                    "url": f"/orders/{detail}/pay",
                    "httpMethod": "POST",
                    "ipAddress": f"10.0.{user % 256}.{detail % 256}",
                    "queryString": {"page": str(detail % 50)},
                    "headers": {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept": "*/*"},
                },
                "userCustomData": {"basket": [pick.randrange(1000) for _ in range(12)]},
                "breadcrumbs": [
                    {
                        "timestamp": 1_790_000_000_000 + detail + step,
                        "level": "info",
                        "type": "manual",
                        "category": "shop",
                        "message": f"step {step} of order {detail}",
                    }
                    for step in range(6)
                ],
            },
        }

    def _bug(self, number: int) -> tuple[str, str, list[dict[str, object]]]:
        pick = self._random
        frames = [
            {
                "lineNumber": pick.randrange(1, 900),
                "columnNumber": pick.randrange(1, 80),
                "className": f"{pick.choice(_MODULES)}",
                "fileName": f"/srv/shop/src/{pick.choice(_MODULES)}/{pick.choice(_VERBS)}.js",
                "methodName": f"{pick.choice(_VERBS)}Bug{_letters(number)}",
            }
            for _ in range(pick.randrange(8, 14))
        ]
        return pick.choice(_CLASSES), f"{pick.choice(_VERBS)} failed in the shop", frames


def _letters(number: int) -> str:
    """Digits would be taken for a line number or an id when crashes are grouped."""
    return "".join(chr(ord("A") + int(digit)) for digit in str(number))
