"""What the demo's servers and its app tell of themselves: read as the workers read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from statistics import mean
from types import MappingProxyType

import pytest

from events.crash import normalise as normalise_crash
from events.envelope import Envelope
from events.ids import new_id
from events.metric import normalise as normalise_metric
from events.metric import read_metric
from events.otlp.exceptions import SpanException
from events.record import Malformed, Record
from events.rum import normalise as normalise_rum
from events.trace import normalise as normalise_trace
from events.trace import read_trace
from ops.demo.faults import FAULTS
from ops.demo.levels import MOST_POINTS, Host, leaked
from ops.demo.people import Crowd
from ops.demo.requests import EXPORT_MS, OPERATIONS, Served, export, operation_at
from ops.demo.script import LEVEL_SHARE, SESSION_SHARE, TRACE_SHARE, Told, script
from ops.demo.story import API, APP, REGRESSED, SERVERS, Span

EVENTS = 2_000
HOUR_MS = 3_600_000
END_MS = 1_795_960_000_000
SPAN = Span(END_MS - 48 * HOUR_MS, END_MS)
NORMALISE: Mapping[str, Callable[[Envelope], Record]] = MappingProxyType(
    {
        "crash": normalise_crash,
        "rum": normalise_rum,
        "trace": normalise_trace,
        "metric": normalise_metric,
    }
)


def sent(told: Told) -> Envelope:
    return Envelope(new_id(told.at_ms), 1, told.type, told.protocol, told.body)


@pytest.fixture(scope="module")
def story() -> list[Told]:
    return list(script(EVENTS, SPAN, seed=3))


def test_each_kind_has_its_share(story: list[Told]) -> None:
    counts = Counter((one.app, one.type) for one in story)
    assert counts[API, "trace"] == EVENTS * TRACE_SHARE
    assert counts[API, "metric"] == EVENTS * LEVEL_SHARE
    assert counts[APP, "metric"] == EVENTS * SESSION_SHARE
    assert len(story) == EVENTS


def test_workers_take_all_but_the_dead(story: list[Told]) -> None:
    for one in story:
        if one.dead:
            with pytest.raises(Malformed):
                NORMALISE[one.type](sent(one))
        else:
            assert NORMALISE[one.type](sent(one)).id


def test_what_is_spoilt_is_taken_in_no_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.demo.script.DEAD_SHARE", 1.0)
    story = list(script(600, SPAN, seed=3))
    assert {one.type for one in story} == set(NORMALISE)
    for one in story:
        with pytest.raises(Malformed):
            NORMALISE[one.type](sent(one))


def test_a_crash_is_in_the_trace_of_its_request(story: list[Told]) -> None:
    traces = [read_trace(sent(one)) for one in story if one.type == "trace" and not one.dead]
    roots = {(s.trace_id, s.span_id): s for item in traces for s in item.spans if s.segment}
    crashes = [
        SpanException(one.body).crash()
        for one in story
        if one.protocol == "otlp.exception.proto" and not one.dead
    ]
    found = [roots.get((one.trace_id, one.span_id)) for one in crashes]
    ended = [(crash, root) for crash, root in zip(crashes, found, strict=True) if root]
    assert len(ended) > 0.5 * len(crashes) > 10
    names = {fault.class_name for fault in FAULTS if fault.traced}
    for crash, root in ended:
        assert root.status == "error"
        assert crash.error is not None
        assert crash.error.class_name in names
        assert len(crash.error.frames) >= 3
        assert crash.user.key


def test_every_traced_fault_ends_a_step_that_there_is() -> None:
    for fault in FAULTS:
        if fault.traced:
            steps = operation_at(fault.path).steps
            assert fault.traced in {step.name for step in steps}


def test_steps_lie_within_their_request_and_requests_within_the_export() -> None:
    rng = Random(1)
    served = [Served(one, Crowd(rng, 10).one()) for one in OPERATIONS * 20]
    item = read_trace(sent(_traced(export(rng, END_MS, "2.8.0", served))))
    requests = {span.trace_id: span for span in item.spans if span.segment}
    assert len(requests) == len(served)
    for span in item.spans:
        root = requests[span.trace_id]
        assert root.start_ns <= span.start_ns <= span.end_ns <= root.end_ns
    assert min(span.end_ns for span in requests.values()) >= (END_MS - EXPORT_MS) * 1_000_000
    assert max(span.end_ns for span in requests.values()) <= END_MS * 1_000_000


def test_since_the_bad_release_payment_is_slow_and_fails() -> None:
    usual, bad = (_quotes(release) for release in ("2.9.0", REGRESSED))
    assert mean(took for took, _ in bad) > 1.5 * mean(took for took, _ in usual)
    assert sum(failed for _, failed in bad) > 3 * sum(failed for _, failed in usual)


def test_a_server_tells_of_the_time_since_it_last_did() -> None:
    host = Host(SERVERS[0], SPAN.start_ms)
    first, second = (
        read_metric(sent(_measured(host.export(Random(1), SPAN, SPAN.start_ms + ms), at=ms)))
        for ms in (4 * HOUR_MS, 4 * HOUR_MS + 10 * 60_000)
    )
    for item, points in ((first, MOST_POINTS), (second, 10)):
        per_metric = Counter(point.name for point in item.points)
        assert set(per_metric.values()) == {points}
        assert "http.server.request.duration" in per_metric
    start, after = SPAN.start_ms * 1_000_000, min(one.at_ns or 0 for one in second.points)
    assert start < min(one.at_ns or 0 for one in first.points)
    assert max(one.at_ns or 0 for one in first.points) < after
    assert first.origin.host == SERVERS[0]


def test_memory_is_kept_from_one_release_to_the_next() -> None:
    shares = (0.5, 0.63, 0.75, 0.85, 0.9)
    kept = [leaked(SPAN, SPAN.start_ms + int(share * 48 * HOUR_MS)) for share in shares]
    assert kept[0] == kept[-1] == 0
    assert 0 < kept[1] < kept[2] < kept[3] < 1


def test_sessions_of_the_app_crash_more_in_its_newer_release() -> None:
    ended: dict[str | None, Counter[str]] = {"1.18.0": Counter(), "1.19.0": Counter()}
    for one in script(20_000, SPAN, seed=3):
        if one.protocol == "sentry.sessions" and not one.dead:
            item = read_metric(sent(one))
            for counts in item.session_counts:
                ended[item.origin.version]["crashed"] += counts.crashed
                ended[item.origin.version]["all"] += 1
                assert counts.exited + counts.errored + counts.crashed == 1
    shares = [ended[release]["crashed"] / ended[release]["all"] for release in ended]
    assert 0 < 2 * shares[0] < shares[1] < 0.05


def _quotes(release: str) -> list[tuple[float, bool]]:
    """How long requests for a quote took, in milliseconds, and whether they failed."""
    rng = Random(5)
    who, operation = Crowd(rng, 10).one(), operation_at("/api/payment/quote")
    body = export(rng, END_MS, release, [Served(operation, who)] * 600)
    spans = read_trace(sent(_traced(body))).spans
    return [
        ((one.end_ns - one.start_ns) / 1e6, one.status == "error") for one in spans if one.segment
    ]


def _traced(body: bytes) -> Told:
    return Told(END_MS, 0, API, "trace", "otlp.traces.proto", body)


def _measured(body: bytes, at: int) -> Told:
    return Told(SPAN.start_ms + at, 0, API, "metric", "otlp.metrics.proto", body)
