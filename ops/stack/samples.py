"""Three sample crashes of project demo: sent over HTTP as an SDK would, and awaited."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import urllib3

from ops.errors import OpsError

_PATIENCE_SECONDS = 60.0
_STAGES = ("files", "sql", "search")


class _Bug(NamedTuple):
    class_name: str
    message: str
    method: str
    file: str
    line: int


def sample_crashes(now: datetime) -> list[dict[str, Any]]:
    """Two occurrences of one bug, and one of another."""
    coupon = _Bug("KeyError", "'coupon'", "apply_coupon", "shop/cart.py", 87)
    charge = _Bug("TimeoutError", "payment took more than 10 s", "charge", "shop/payment.py", 41)
    users = ("ada@example.org", "grace@example.org", "alan@example.org")
    bugs = (coupon, coupon, charge)
    return [_crash(now, bug, user) for bug, user in zip(bugs, users, strict=True)]


def _crash(now: datetime, bug: _Bug, user: str) -> dict[str, Any]:
    frames = [
        (bug.method, bug.file, bug.line),
        ("checkout", "shop/views.py", 23),
        ("main", "shop/app.py", 9),
    ]
    return {
        "occurredOn": now.isoformat(),
        "details": {
            "version": "1.4.0",
            "machineName": "sample",
            "client": {"name": "sluice-sample", "version": "1", "clientUrl": ""},
            "error": {
                "className": bug.class_name,
                "message": bug.message,
                "stackTrace": [
                    {"methodName": method, "fileName": file, "lineNumber": line}
                    for method, file, line in frames
                ],
            },
            "user": {"identifier": user, "isAnonymous": False},
            "tags": ["sample"],
            "userCustomData": {"basket": 3},
        },
    }


def send_and_await(web: str, key: str, token: str, say: Callable[[str], None]) -> None:
    """Send the samples and return when each is readable; raises :class:`OpsError` otherwise."""
    begun = time.monotonic()
    http = urllib3.PoolManager(timeout=10, retries=False)
    try:
        ids = [_send(http, web, key, crash) for crash in sample_crashes(datetime.now(UTC))]
        for event_id in ids:
            _await(http, web, token, event_id, begun + _PATIENCE_SECONDS)
    except urllib3.exceptions.HTTPError as error:
        raise OpsError(f"the web tier does not answer the sample events: {error}") from error
    say(f"sample events: {len(ids)} sent and readable in {time.monotonic() - begun:.1f} s")


def _send(http: urllib3.PoolManager, web: str, key: str, crash: dict[str, Any]) -> str:
    answer = http.request("POST", f"{web}/entries", json=crash, headers={"X-ApiKey": key})
    if answer.status != HTTPStatus.ACCEPTED:
        raise OpsError(f"a sample event was refused: {answer.status} {answer.data[:200]!r}")
    return answer.headers["Sluice-Event-Id"]


def _await(http: urllib3.PoolManager, web: str, token: str, event_id: str, until: float) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    receipt: dict[str, Any] = {}
    while not all(isinstance(receipt.get(stage), str) for stage in _STAGES):
        answer = http.request("GET", f"{web}/api/v1/receipts/{event_id}", headers=headers)
        receipt = answer.json() if answer.status == HTTPStatus.OK else {}
        dead = [stage for stage in _STAGES if isinstance(receipt.get(stage), dict)]
        if dead or time.monotonic() > until:
            missing = dead or [stage for stage in _STAGES if not receipt.get(stage)]
            raise OpsError(
                f"a sample event did not reach the stage {missing[0]}: "
                f"see the log of worker-{missing[0]} ({answer.status} {answer.data[:200]!r})"
            )
        time.sleep(0.1)
    answer = http.request("GET", f"{web}/api/v1/events/{event_id}", headers=headers)
    if answer.status != HTTPStatus.OK:
        raise OpsError(f"a sample event cannot be read: {answer.status} {answer.data[:200]!r}")
