"""Envelopes and corpus crashes for the tests of packs."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

from events.envelope import Envelope
from events.ids import new_id
from tests.corpus import CORPUS

NOON = 1_795_003_200_000
PACK_ID = uuid.UUID("01a1ee56-5e00-7458-b0bb-96c8945ed372")
KEY = f"packs/3f/crash/2026-11-18/{PACK_ID}.pack"


def envelope(number: int, body: bytes, project_id: int = 7) -> Envelope:
    identity = new_id(NOON + number, random.Random(number).randbytes)
    return Envelope(identity, project_id, "crash", "raygun.entry", body)


def crash(number: int) -> Envelope:
    kind = ("ValueError", "TypeError", "KeyError")[number % 3]
    noise = random.Random(number).randbytes(300).hex()
    return envelope(number, f'{{"className":"{kind}","n":{number},"x":"{noise}"}}'.encode())


def corpus_crashes(count: int) -> Iterator[Envelope]:
    """Reports of the recorded SDKs, each again and again as of other users at other times."""
    dice = random.Random(20_261_118)
    reports = [json.loads(body) for body in _recorded()]
    for number in range(count):
        yield envelope(number, _another(reports[number % len(reports)], dice), dice.randrange(1, 6))


def _recorded() -> Iterator[bytes]:
    files = sorted(CORPUS.glob("raygun*/*.json"))
    assert files, f"the corpus of recorded requests is not at {CORPUS}"
    for file in files:
        request = json.loads(file.read_text())
        # Very long ones are mostly one letter repeated, which would flatter the ratio.
        if request["kind"] == "entry" and request["body_size"] <= 20_000:
            yield base64.b64decode(request["body_base64"])


def _another(report: dict[str, Any], dice: random.Random) -> bytes:
    """The report as of another user, machine and time; raygun4js writes capital letters."""
    when, what = ("occurredOn", "details") if "details" in report else ("OccurredOn", "Details")
    varied = {
        "machineName": f"web-{dice.randrange(200)}",
        "user": {
            "identifier": f"u-{dice.getrandbits(32):08x}",
            "email": f"p{dice.randrange(10**6)}@example.test",
        },
        "requestId": str(uuid.UUID(int=dice.getrandbits(128))),
    }
    stamp = (
        f"2026-11-18T{dice.randrange(24):02}:{dice.randrange(60):02}:{dice.random() * 60:09.6f}Z"
    )
    return json.dumps({**report, when: stamp, what: {**report[what], **varied}}).encode()
