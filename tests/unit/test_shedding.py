"""What is refused when, and how each SDK must be told so that it keeps its events."""

from __future__ import annotations

import pytest

from app.ingest.raygun.refusal import status_of
from app.ingest.shedding import LoadLimits, Shedder, refused_types, share_of
from app.metrics import refused_metric
from broker.load import QueueLoad
from config.policy import EVENT_TYPES, QUEUES

LIMITS = LoadLimits(events=1000, age_seconds=100)


def load(queue: str, events: int = 0, age: float = 0) -> QueueLoad:
    return QueueLoad(QUEUES[queue], events, age)


def refused(*loads: QueueLoad, limits: LoadLimits = LIMITS) -> set[str]:
    return set(refused_types(loads, limits))


def test_each_type_is_shed_at_a_share_of_what_crashes_are() -> None:
    assert {kind.name: share_of(kind) for kind in EVENT_TYPES} == {
        "crash": 1.0,
        "metric": 0.75,
        "rum": 0.5,
        "trace": 0.25,
    }


@pytest.mark.parametrize("stage", ["files", "sql", "search"])
def test_depth_of_any_queue_counts(stage: str) -> None:
    assert refused(load(f"trace.{stage}", events=250)) == set()
    assert refused(load(f"trace.{stage}", events=99_999)) == {"trace"}
    assert refused(load(f"rum.{stage}", events=500)) == {"trace"}
    assert refused(load(f"rum.{stage}", events=501)) == {"rum", "trace"}
    assert refused(load(f"rum.{stage}", events=99_999)) == {"rum", "trace"}


@pytest.mark.parametrize("stage", ["files", "sql", "search"])
def test_so_does_the_age_of_its_oldest_event(stage: str) -> None:
    assert refused(load(f"trace.{stage}", age=25)) == set()
    assert refused(load(f"rum.{stage}", age=50)) == {"trace"}
    assert refused(load(f"rum.{stage}", age=51)) == {"rum", "trace"}


def test_what_matters_less_is_refused_first_whichever_queue_is_deep() -> None:
    assert refused(load("crash.files", events=501)) == {"rum", "trace"}
    assert refused(load("crash.files", events=751)) == {"rum", "trace", "metric"}
    assert refused(load("crash.files", events=1001)) == {"rum", "trace", "metric", "crash"}
    assert refused(load("crash.sql", age=101)) == {"rum", "trace", "metric", "crash"}


def test_the_reason_names_the_queue() -> None:
    found = refused_types([load("crash.sql"), load("crash.files", events=2000)], LIMITS)
    assert found["crash"] == "crash.files holds 2000 events"


def test_zero_is_no_limit() -> None:
    deep = load("rum.files", events=10**9, age=10**9)
    assert refused(deep, limits=LoadLimits(0, 0)) == set()
    assert refused(deep, limits=LoadLimits(0, 100)) == {"rum", "trace"}
    assert refused(deep, limits=LoadLimits(100, 0)) == {"rum", "trace"}


def test_without_limits_the_broker_is_never_asked() -> None:
    shedder = Shedder(lambda: pytest.fail("asked"), LoadLimits(0, 0))
    shedder.step()
    assert shedder.why("rum") is None


JSON = "application/json"


@pytest.mark.parametrize(
    ("status", "agent", "body"),
    [
        (503, "Mozilla/5.0 (Windows NT 10.0)", b'{"Client":{"Name":"raygun-js"}}'),
        (503, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", b'{"type":"session_end"}'),
        (503, "raygun4py", b'{"client": {"name": "raygun4py"}}'),
        (503, "", b'{"client":{"name":"raygun-node"}}'),
        (503, "Java/17.0.15", b'{"client":{"name":"Raygun4Java"}}'),
        (503, "", b'{"Client":{"Name":"Raygun4Net"}}'),
        (503, "Dalvik/2.1.0", b'{"Client":{"Name":"Mindscape.Raygun4Net.Xamarin.Android"}}'),
        (503, "Shop/1 CFNetwork/1.0", b'{"Client":{"Name":"Raygun4Maui"}}'),
        (503, "", b"{}"),
        (429, "okhttp/4.12.0", b'{"client":{"name":"Raygun4Android"}}'),
        (429, "", b'{"client": {"version": "1", "name" : "raygun4apple"}}'),
        (429, "", b'{"Client":{"Name":"raygun4reactnative.ios"}}'),
        (429, "", b'{"client":{"name":"Raygun4Flutter"}}'),
        (429, "okhttp/4.12.0", b'{"type":"mobile_event_timing"}'),
        (429, "Dalvik/2.1.0 (Linux; U; Android 15)", b"{}"),
        (429, "Shop/1 CFNetwork/1568 Darwin/24.0.0", b"{}"),
        (429, "Dart/3.5 (dart:io)", b"{}"),
    ],
)
def test_each_sdk_hears_the_status_on_which_it_keeps_its_events(
    status: int, agent: str, body: bytes
) -> None:
    assert status_of({"user-agent": agent} if agent else {}, body) == status


def test_a_hostile_body_costs_no_time() -> None:
    body = b'"name":"' * 130_000
    assert status_of({}, body) == 503
    assert status_of({}, b'"name"' + b" " * 1_000_000) == 503


def test_refusals_are_told_by_type_and_code() -> None:
    totals = {"accepted": 5, "refused:rum:overloaded": 7, "refused:crash:overloaded": 1}
    found = {tuple(s.labels.values()): s.value for s in refused_metric(totals).samples}
    assert found == {("rum", "overloaded"): 7, ("crash", "overloaded"): 1}
