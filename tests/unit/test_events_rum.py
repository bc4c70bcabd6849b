from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from raygun_samples import bodies, events_of, recorded, rum_picture, rum_record

from events import rum
from events.envelope import Envelope
from events.ids import new_id
from events.record import Malformed
from events.resources import read_resource

PAGE = "http://shop.example.test:3000/cart"


def item(data: Any = None, **fields: Any) -> bytes:
    whole = {"type": "web_request_timing", "sessionId": "s1", **fields}
    if data is not None:
        whole["data"] = data if isinstance(data, str) else json.dumps(data)
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("name", "kind", "page", "duration", "vitals"),
    [
        ("raygun4js/19-rum-page-load-session_start", "session_start", None, None, {}),
        ("raygun4js/20-rum-page-load-timing-cpx", "page", PAGE, 411.1, {}),
        ("raygun4js/24-rum-xhr-observed-timing-x", "xhr", PAGE, 80.42, {}),
        (
            "raygun4js/17-rum-hidden-page-beacon-timing-v",
            "virtual_page",
            "http://shop.example.test:3000/leaving",
            20.774034999999913,
            {},
        ),
        ("raygun4js/47-v2280-rum-web-vitals-timing-w-4", "vital", PAGE, None, {"LCP": 388.125}),
        ("raygun4js/48-v2280-rum-web-vitals-timing-w-5", "vital", PAGE, None, {"CLS": 0.092}),
        ("raygun4js/62-v313-rum-session-life-session_end", "session_end", None, None, {}),
    ],
)
def test_recorded_browser_events(
    name: str, kind: str, page: str | None, duration: float | None, vitals: dict[str, float]
) -> None:
    (body,) = bodies(name)
    row = dict(zip([column.name for column in rum.COLUMNS], rum_record(body).row, strict=True))
    picture = rum_picture(body)["rum"]
    assert (row["kind"], row["page"], row["duration_ms"]) == (kind, page, duration)
    assert picture["vitals"] == vitals
    assert len(row["session_id"]) == 32


def test_every_recorded_event_has_a_record_and_a_picture() -> None:
    for sample in recorded("rum"):
        for body in events_of(sample):
            record, picture = rum_record(body), rum_picture(body)
            orjson.dumps([record.document(), picture])
            assert record.occurred_at is not None
            assert picture["rum"]["note"] is None
            assert record.group is None


def test_a_page_view_with_all_its_timings() -> None:
    (body,) = bodies("raygun4js/61-v313-rum-session-life-timing-cpx")
    picture = rum_picture(body)
    timings = picture["rum"]["timings"]
    assert [t["kind"] for t in timings] == ["page", *["asset"] * 4, "xhr", "xhr"]
    assert timings[0]["detail"]["fcp"] == 143.78
    assert timings[5] | {"detail": None} == {
        "kind": "xhr",
        "name": "http://shop.example.test:3000/api/cart",
        "value": 61.33,
        "start_ms": 230.5,
        "size": 512,
        "status": None,
        "parent": PAGE,
        "detail": None,
    }
    assert picture["user"]["name"] == "Ana Lima"
    assert rum_record(body).user_key == "ana"


@pytest.mark.parametrize("data", ["{", "", '"text"', "12", "\ud83d", "[" * 5000])
def test_inner_json_that_cannot_be_read_leaves_a_note(data: str) -> None:
    picture = rum_picture(item(data))["rum"]
    assert picture["timings"] == []
    assert picture["note"]
    assert picture["kind"] == "web_request_timing"


def test_custom_timings() -> None:
    data = [
        {"url": "checkout", "timing": {"t": "t", "du": "12.50", "a": "3.00"}},
        {"customTiming": {"custom1": 5}},
    ]
    picture = rum_picture(item(data))["rum"]
    assert [(t["kind"], t["name"], t["value"]) for t in picture["timings"]] == [
        ("custom", "checkout", 12.5),
        ("custom", None, None),
    ]
    assert picture["timings"][1]["detail"] == {"custom1": 5.0}


def test_mobile_events() -> None:
    view = [{"name": "CartActivity", "timing": {"type": "p", "duration": 153}}]
    network = [{"name": "GET https://api.test/x", "timing": {"type": "n", "duration": 20}}]
    assert rum_record(item(view, type="mobile_event_timing")).row[:4] == (
        "view",
        "s1",
        "CartActivity",
        153.0,
    )
    assert rum_record(item(network, type="mobile_event_timing")).row[0] == "network"
    assert rum_record(item("[{}]", type="session_start")).row[0] == "session_start"


def test_maui_writes_pascal_case() -> None:
    data = json.dumps([{"Name": "Main", "Timing": {"Type": "p", "Duration": 7}}])
    body = json.dumps(
        {
            "Type": "mobile_event_timing",
            "SessionId": "m",
            "Timestamp": "2026-11-23T06:00:00Z",
            "User": {"Identifier": "ana"},
            "Data": data,
        }
    ).encode()
    record = rum_record(body)
    assert record.row == ("view", "m", "Main", 7.0, None)
    assert record.user_key == "ana"


def test_what_is_no_rum_item() -> None:
    with pytest.raises(Malformed):
        rum_record(b"[]")
    with pytest.raises(Malformed):
        rum.normalise(Envelope(new_id(0), 1, "rum", "raygun.entry", b"{}"))


def test_the_document_of_a_recorded_page() -> None:
    (body,) = bodies("raygun4js/20-rum-page-load-timing-cpx")
    document = rum_record(body).document()
    assert (document["host"], document["path"]) == ("shop.example.test:3000", "/cart")
    agent = (document["browser"], document["os"], document["device"])
    assert agent == ("Chrome", "Windows 10", "desktop")
    assert document["phases"]["server"] == pytest.approx(66.9)
    loaded = [read_resource(line) for line in document["resources"]]
    assert {one.kind for one in loaded if one} == {"asset", "xhr"}
