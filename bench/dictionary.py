"""Whether a trained zstd dictionary would pay: packs of crashes like the corpus's, both ways.

``.venv/bin/python -m bench.dictionary [--events 4000] [--corpus FOLDER]`` prints a table and
writes ``bench/results/dictionary-<date>.json``. Dictionaries are trained on other crashes than
those they are measured on: of the same SDKs and bugs, or of other ones.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zstandard

from events.envelope import Envelope
from events.ids import new_id
from storage.files.compression import LEVEL
from storage.files.order import cut, in_pack_order
from tests.corpus import CORPUS

FRAME_BYTES = 128 * 1024
DICTIONARY_BYTES = 112_640  # zstd's own default
SMALL_FRAME_BYTES = 16 * 1024
RESULTS = Path(__file__).parent / "results"
MOST_BODY_BYTES = 20_000
NOON = 1_795_003_200_000

Report = dict[str, Any]


def recorded(corpus: Path) -> list[Report]:
    """The crashes of the corpus. Very long ones are mostly one letter, which would flatter."""
    files = sorted(corpus.glob("raygun*/*.json"))
    if not files:
        raise SystemExit(f"no corpus of recorded requests at {corpus}")
    requests = [json.loads(file.read_text()) for file in files]
    return [
        json.loads(base64.b64decode(request["body_base64"]))
        for request in requests
        if request["kind"] == "entry" and request["body_size"] <= MOST_BODY_BYTES
    ]


def crashes(reports: Sequence[Report], count: int, seed: int, *, bugs: bool) -> Iterator[Envelope]:
    """Reports again and again, of other users, machines and times; with ``bugs`` of other bugs."""
    dice = random.Random(seed)
    for _ in range(count):
        body = json.dumps(_another(dice.choice(reports), dice, bugs=bugs)).encode()
        identity = new_id(NOON + dice.randrange(10**6), dice.randbytes)
        yield Envelope(identity, 7, "crash", "raygun.entry", body)


def _another(report: Report, dice: random.Random, *, bugs: bool) -> Report:
    when, what = ("occurredOn", "details") if "details" in report else ("OccurredOn", "Details")
    details = {
        **report[what],
        "machineName": f"web-{dice.randrange(200)}",
        "user": {
            "identifier": f"u-{dice.getrandbits(32):08x}",
            "email": f"p{dice.randrange(10**6)}@example.test",
        },
        "requestId": str(uuid.UUID(int=dice.getrandbits(128))),
    }
    if bugs:
        details = {key: _other_names(part, dice) for key, part in details.items()}
    return {**report, when: f"2026-11-18T12:{dice.randrange(60):02}:00Z", what: details}


def _other_names(part: Any, dice: random.Random) -> Any:
    """The part with a few of its strings as of another program."""
    if isinstance(part, dict):
        return {key: _other_names(item, dice) for key, item in part.items()}
    if isinstance(part, list):
        return [_other_names(item, dice) for item in part]
    if isinstance(part, str) and dice.random() < 0.5:
        return f"{part[: len(part) // 2]}{dice.getrandbits(40):x}"
    return part


def train(samples: Sequence[bytes]) -> zstandard.ZstdCompressionDict:
    """A dictionary as the library trains it."""
    return zstandard.train_dictionary(DICTIONARY_BYTES, list(samples), level=LEVEL, threads=2)


def frames(envelopes: Sequence[Envelope], frame_bytes: int) -> list[bytes]:
    """The raw bytes of each frame of a pack."""
    runs = cut(in_pack_order(envelopes), frame_bytes)
    return [b"".join(envelope.body for envelope in run) for run in runs]


def measured(
    parts: Sequence[bytes], dictionary: zstandard.ZstdCompressionDict | None
) -> dict[str, float]:
    """Times smaller, and processor seconds a GB to compress and a microsecond a part to read."""
    compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=dictionary)
    decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
    stored, writing = _timed(lambda: [compressor.compress(part) for part in parts])
    back, reading = _timed(lambda: [decompressor.decompress(part) for part in stored])
    if back != list(parts):
        raise AssertionError("what was read back is not what was written")
    raw = sum(map(len, parts))
    return {
        "times_smaller": round(raw / sum(map(len, stored)), 2),
        "write_mb_per_s": round(raw / writing / 1e6, 1),
        "read_us_each": round(reading / len(parts) * 1e6, 1),
    }


def _timed(work: Callable[[], list[bytes]]) -> tuple[list[bytes], float]:
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def compare(reports: Sequence[Report], count: int) -> dict[str, Any]:
    """Every combination: known bugs and new ones; frames, small frames, single events."""
    results: dict[str, Any] = {}
    for name, bugs in (("same bugs", False), ("other bugs", True)):
        training = [one.body for one in crashes(reports, count, seed=1, bugs=bugs)]
        envelopes = list(crashes(reports, count, seed=2, bugs=bugs))
        start = time.process_time()
        dictionary = train(training)
        results[f"{name}: training, processor seconds"] = round(time.process_time() - start, 1)
        for shape, size in (("128 KB", FRAME_BYTES), ("16 KB", SMALL_FRAME_BYTES), ("event", 1)):
            parts = frames(envelopes, size)
            for told, used in (("plain", None), ("dictionary", dictionary)):
                results[f"{name}: {shape}, {told}"] = measured(parts, used)
    return results


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=4_000)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    asked = parser.parse_args()
    results = compare(recorded(asked.corpus), asked.events)
    for name, found in results.items():
        print(f"{name:45} {found}")
    RESULTS.mkdir(exist_ok=True)
    day = datetime.now(UTC).date().isoformat()
    document = {"events": asked.events, "dictionary_bytes": DICTIONARY_BYTES, "results": results}
    (RESULTS / f"dictionary-{day}.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
