"""The real SDKs, unmodified, pointed at a running Sluice: what they send is read back right."""

import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from uuid import uuid4

import pytest

PROGRAMS = Path(__file__).parent / "sdk"
READABLE_SECONDS = 60


def run(argv):
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": os.environ["SLUICE_TEST_NODE_MODULES"],
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def python_shop(key, web, mark):
    return [sys.executable, str(PROGRAMS / "shop.py"), key, web.netloc, mark]


def node_shop(key, web, mark):
    return ["node", str(PROGRAMS / "shop_node.js"), key, web.hostname, str(web.port), mark]


def browser_shop(key, web, mark):
    return ["node", str(PROGRAMS / "shop_browser.js"), key, web.geturl(), mark]


def find(reader, message):
    """The one event whose message this is, once it can be searched for."""
    deadline = time.monotonic() + READABLE_SECONDS
    while True:
        found = reader.get("/api/v1/search", params={"project": "demo", "q": f'"{message}"'})
        items = found.raise_for_status().json()["items"]
        if items:
            assert len(items) == 1
            return reader.get(f"/api/v1/events/{items[0]['id']}").raise_for_status().json()
        assert time.monotonic() < deadline, f"{message!r} cannot be read back"
        time.sleep(0.1)


CASES = [
    pytest.param(
        python_shop,
        ("OrderRefused", "order 17 refused", "charge", "ann", "raygun4py", 17),
        id="raygun4py",
    ),
    pytest.param(
        node_shop,
        ("StockMissing", "order 18 has no stock", "reserve", "bob", "raygun-node", 18),
        id="raygun-node",
    ),
    pytest.param(
        browser_shop,
        ("ProductMissing", "parcel 19 vanished", "find", "cid", "raygun-js", 19),
        id="raygun4js",
    ),
]


@pytest.mark.parametrize(("program", "expected"), CASES)
def test_a_crash_is_accepted_and_read_back(sluice, program, expected):
    class_name, said, function, user, client, order = expected
    mark = uuid4().hex[:8]
    message = f"{said} {mark}"
    web = urllib.parse.urlsplit(sluice.status["web"])

    assert run(program(sluice.status["project"]["key"], web, mark)) == "202"

    with sluice.reader() as reader:
        event = find(reader, message)
    assert event["error"]["class_name"] == class_name
    assert event["error"]["message"] == message
    functions = [str(frame["method"]) for frame in event["error"]["frames"]]
    top = next(name for name in functions if name not in {"ProductMissing", "new ProductMissing"})
    assert function in top
    assert event["user"]["identifier"] == user
    assert event["client"]["name"] == client
    assert event["version"] == "4.2.0"
    assert event["custom"] == {"order": order}
    assert event["tags"][-1] == "shop"


def test_a_key_that_is_wrong_is_told_so(sluice):
    web = urllib.parse.urlsplit(sluice.status["web"])
    assert run(python_shop("wrong-key", web, "unmarked")) == "403"
