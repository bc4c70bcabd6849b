"""What the demo's servers and its app tell of themselves: read as the workers read it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from random import Random
from statistics import mean
from types import MappingProxyType

import orjson
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
from ops.demo.story import API, APP, BAD_DEPLOY, REGRESSED, SERVERS, WEB, Span
from storage.sql.health import IDLE_MINUTES

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


@pytest.fixture(scope="module")
def long_story() -> list[Told]:
    """Long enough for shares of what is rare."""
    return list(script(40_000, Span(END_MS - 14 * 24 * HOUR_MS, END_MS), seed=3))


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


def test_a_crash_is_in_the_trace_of_its_request(long_story: list[Told]) -> None:
    traces = [read_trace(sent(one)) for one in long_story if one.type == "trace" and not one.dead]
    roots = {(s.trace_id, s.span_id): s for item in traces for s in item.spans if s.segment}
    crashes = [
        SpanException(one.body).crash()
        for one in long_story
        if one.protocol == "otlp.exception.proto" and not one.dead
    ]
    found = [roots.get((one.trace_id, one.span_id)) for one in crashes]
    ended = [(crash, root) for crash, root in zip(crashes, found, strict=True) if root]
    assert len(crashes) > len(ended) > 0.4 * len(crashes) > 10
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


def test_few_visits_meet_a_crash_but_on_the_broken_release(long_story: list[Told]) -> None:
    """Judged as release health does: a session crashed when its user did while it lasted."""
    lasted: dict[str, tuple[str, str, int, int]] = {}
    crashed: dict[str, list[int]] = defaultdict(list)
    for one in long_story:
        if one.app == WEB and not one.dead:
            told = orjson.loads(one.body)
            if one.type == "crash":
                crashed[told["details"]["user"]["Identifier"]].append(one.at_ms)
                continue
            who, began = told["user"]["Identifier"], one.at_ms
            if told["sessionId"] in lasted:
                began = lasted[told["sessionId"]][2]
            lasted[told["sessionId"]] = told["version"], who, began, one.at_ms
    visits, struck = Counter[str](), Counter[str]()
    for version, who, began, ended in lasted.values():
        visits[version] += 1
        idle = ended + IDLE_MINUTES * 60_000
        struck[version] += any(began <= at < idle for at in crashed[who])
    assert 0.98 < 1 - struck.total() / visits.total() < 0.998
    broken = struck.pop(BAD_DEPLOY) / visits.pop(BAD_DEPLOY)
    assert 0.2 > broken > 3 * struck.total() / visits.total()


def test_few_requests_fail_but_more_since_the_payment_provider_does(
    long_story: list[Told],
) -> None:
    failed: dict[str | None, list[bool]] = defaultdict(list)
    for one in long_story:
        if one.type == "trace" and not one.dead:
            item = read_trace(sent(one))
            roots = [span.status == "error" for span in item.spans if span.segment]
            failed[item.origin.version] += roots
    bad = failed.pop(REGRESSED)
    usual = [one for roots in failed.values() for one in roots]
    assert 0.005 < mean(usual) < 0.015
    assert 1.5 * mean(usual) < mean(bad) < 0.05


def test_sessions_of_the_app_crash_more_in_its_newer_release(long_story: list[Told]) -> None:
    ended: dict[str | None, Counter[str]] = {"1.18.0": Counter(), "1.19.0": Counter()}
    for one in long_story:
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
