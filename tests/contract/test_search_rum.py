"""Real-user monitoring on a real Elasticsearch: pages, one page, sessions, users."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from rum_samples import (
    CHROME,
    NOON,
    PHONE,
    crash,
    event,
    loaded,
    record,
    start,
    view,
    vital,
)

from config.settings import Settings
from events.envelope import Envelope
from events.path_rules import PathRules
from storage.floors import Floors
from storage.query.parse import parse_query
from storage.rum import worst_movers
from storage.search.rum.page import RumPage
from storage.search.rum.pages import RumPages, page_query
from storage.search.rum.sessions import Sessions
from storage.search.rum.users import Users
from storage.search.scope import Scope
from storage.search.store import SearchStore

DAY = timedelta(days=1)
SCOPE = Scope(1, NOON - timedelta(hours=6), NOON + timedelta(hours=6))


@pytest.fixture
def store(settings: Settings, request: pytest.FixtureRequest) -> Iterator[SearchStore]:
    prefix = f"{settings.search_prefix}-{abs(hash(request.node.name))}"
    store = SearchStore(replace(settings, search_prefix=prefix))
    yield store
    for kind in ("crash", "rum"):
        for month in store.months(kind):
            store.drop_month(kind, month)
    store.close()


def index(store: SearchStore, envelopes: Sequence[Envelope]) -> None:
    """Index events, and wait until every one of them is seen."""
    for kind in ("rum", "crash"):
        if records := [record(one) for one in envelopes if one.type == kind]:
            assert store.index(kind, records) == []
    deadline = time.monotonic() + 20
    while _seen(store) < len(envelopes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _seen(store: SearchStore) -> int:
    everything = replace(SCOPE, project_id=None, start=NOON - 60 * DAY, end=NOON + 60 * DAY)
    search = store.over(["rum", "crash"], everything).extra(track_total_hits=True)
    return int(store.ask(search)["hits"]["total"]["value"])


def test_an_empty_store_shows_nothing(store: SearchStore) -> None:
    overview = RumPages(store).overview(SCOPE, PathRules())
    assert (overview.views, overview.pages, overview.load_p75) == (0, [], None)
    assert [(vital.name, vital.samples, vital.p75) for vital in overview.vitals] == [
        (name, 0, None) for name in ("lcp", "inp", "cls", "fcp", "ttfb")
    ]
    assert RumPages(store).errors(SCOPE, PathRules(), []) == {}
    detail = RumPage(store).read(SCOPE, PathRules(), "/")
    assert (detail.views, detail.resources, detail.recent) == (0, [], [])
    assert Sessions(store).list(SCOPE, None, 10).items == []
    assert Sessions(store).find("s1", SCOPE) is None
    assert Users(store).read(SCOPE, "ann") is None


def test_vitals_by_their_percentile_and_their_shares(store: SearchStore) -> None:
    values = (100, 2500, 2501, 4000, 4001)
    index(store, [event(vital("LCP", value, "/")) for value in values])
    index_cls = [event(vital("CLS", value, "/")) for value in (0.1, 0.25, 0.3)]
    assert store.index("rum", [record(one) for one in index_cls]) == []

    def cls_samples() -> int:
        return RumPages(store).overview(SCOPE, PathRules()).vitals[2].samples

    deadline = time.monotonic() + 20
    while cls_samples() < 3:
        assert time.monotonic() < deadline
    lcp, _, cls, *_ = RumPages(store).overview(SCOPE, PathRules()).vitals
    assert (lcp.good, lcp.needs, lcp.poor, lcp.samples) == (2, 2, 1, 5)
    assert lcp.p75 == pytest.approx(4000)
    assert lcp.rating == "needs"
    assert (cls.good, cls.needs, cls.poor) == (1, 1, 1)


def test_the_table_of_pages(store: SearchStore) -> None:
    index(
        store,
        [
            *(event(view("/", 1000, user=f"u{n}")) for n in range(4)),
            *(event(view("/cart", 3000, request=f"r{n}")) for n in range(2)),
            event(vital("INP", 300, "/cart")),
            event(view("/old", 900), NOON - 9 * timedelta(hours=1)),
            event(view("/", 500), project_id=2),
            *(crash("/cart", user=f"u{n % 2}") for n in range(3)),
            crash("/elsewhere"),
        ],
    )
    overview = RumPages(store).overview(SCOPE, PathRules())
    assert (overview.views, overview.sessions, overview.users) == (6, 1, 5)
    assert overview.load_p75 == pytest.approx(2500)
    rows = [(row.page, row.views, row.users) for row in overview.pages]
    assert rows == [("/", 4, 4), ("/cart", 2, 1)]
    assert overview.pages[1].p75 == {"load": 3000, "inp": 300}
    assert overview.other_views == 0
    assert sum(moment.views for moment in overview.trend) == 6
    errors = RumPages(store).errors(SCOPE, PathRules(), [row.page for row in overview.pages])
    assert {page: (one.errors, one.users) for page, one in errors.items()} == {"/cart": (3, 2)}
    assert sum(errors["/cart"].groups.values()) == 3


def test_path_rules_make_one_page_of_many_for_what_is_stored_already(store: SearchStore) -> None:
    index(
        store,
        [
            *(event(view(f"/user/{n}", 1000 + n)) for n in range(6)),
            event(view("/user/me/edit", 9000)),
            event(view("/users", 500)),
            *(crash(f"/user/{n}") for n in range(2)),
        ],
    )
    pages = RumPages(store)
    rules = PathRules(("/user/me/*", "/user/**"))
    rows = {row.page: (row.views, row.rule) for row in pages.overview(SCOPE, rules).pages}
    assert rows == {"/user/**": (6, True), "/user/me/*": (1, True), "/users": (1, False)}
    assert pages.errors(SCOPE, rules, list(rows))["/user/**"].errors == 2
    paths = pages.paths(SCOPE, page_query(rules, "/user/**"), 10)
    assert paths == {f"/user/{n}": 1 for n in range(6)}
    detail = RumPage(store).read(SCOPE, rules, "/user/**")
    assert (detail.views, len(detail.paths)) == (6, 6)
    # The very characters that mean something to a regular expression.
    strange = PathRules(("/a.b+c(*)[x]{1}~&@#<>\"'|\\^$?*",))
    assert RumPages(store).overview(SCOPE, strange).views == 8


def test_worst_movers_are_pages_that_got_slower(store: SearchStore) -> None:
    before = SCOPE.start - timedelta(hours=1)
    index(
        store,
        [
            *(event(vital("LCP", 1000, "/slow"), before) for _ in range(20)),
            *(event(vital("LCP", 3000, "/slow")) for _ in range(20)),
            *(event(vital("LCP", 3000, "/fast"), before) for _ in range(20)),
            *(event(vital("LCP", 1000, "/fast")) for _ in range(20)),
            *(event(view(path, 800)) for path in ("/slow", "/fast")),
        ],
    )
    movers = worst_movers(RumPages(store).overview(SCOPE, PathRules()).pages)
    assert [(one.page, one.measure, round(one.change, 1)) for one in movers] == [
        ("/slow", "lcp", 2.0)
    ]


def test_one_page(store: SearchStore) -> None:
    index(
        store,
        [
            event(
                view(
                    "/cart",
                    1200,
                    loaded("/app.js?v=1", 40, size=1000, path="/cart"),
                    loaded("/app.js?v=2", 60, size=2000, path="/cart"),
                    loaded("/api/total", 300, "x", statusCode=500, path="/cart"),
                    tags=["country:nz"],
                )
            ),
            event(view("/cart", 400, device=PHONE, session="s2", user="bob")),
            event(vital("LCP", 2000, "/cart")),
            event(view("/", 99)),
        ],
    )
    detail = RumPage(store).read(SCOPE, PathRules(), "/cart")
    assert (detail.views, detail.users, detail.sessions) == (2, 2, 2)
    assert detail.vitals[0].p75 == 2000
    assert detail.phases == {
        "dns": 10,
        "connect": 30,
        "server": 100,
        "download": 20,
        "parse": 238,
        "render": 390,
        "load": 10,
    }
    assert {bar.start_ms for bar in detail.histogram if bar.views} == {300, 1000}
    shares = {
        name: [(one.value, one.views) for one in detail.shares[name]] for name in detail.shares
    }
    assert sorted(shares["browser"]) == [("Chrome", 1), ("Safari", 1)]
    assert sorted(shares["os"]) == [("Windows 10", 1), ("iOS 18", 1)]
    assert sorted(shares["device"]) == [("desktop", 1), ("phone", 1)]
    assert shares["country"] == [("NZ", 1)]
    resources = [(row.kind, row.name, row.count, row.failed) for row in detail.resources]
    assert resources == [
        ("xhr", "https://shop.example.test/api/total", 1, 1),
        ("asset", "https://shop.example.test/app.js", 2, 0),
    ]
    assert (detail.resources[1].median_ms, detail.resources[1].bytes) == (50, 1500)
    assert [one.session_id for one in detail.recent] == ["s2", "s1"] or {
        one.session_id for one in detail.recent
    } == {"s1", "s2"}


def test_a_query_and_the_floors_narrow_what_is_measured(store: SearchStore) -> None:
    index(
        store,
        [
            event(view("/", 100)),
            event(view("/", 900, device=PHONE)),
            event(view("/", 500), NOON - timedelta(hours=2)),
        ],
    )
    pages = RumPages(store)
    phones = replace(SCOPE, query=parse_query('browser:"safari"'))
    assert pages.overview(phones, PathRules()).load_p75 == 900
    kept = Floors(projects={(1, "rum"): int((NOON - timedelta(hours=1)).timestamp() * 1000)})
    assert pages.overview(replace(SCOPE, floors=kept), PathRules()).views == 2


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_sessions_by_their_start_with_what_happened_in_them(store: SearchStore) -> None:
    index(
        store,
        [
            event(start(session="a", user="ann"), NOON),
            event(view("/", 100, session="a", user="ann"), NOON + minutes(1)),
            event(view("/cart", 100, session="a", user="ann", request="r2"), NOON + minutes(2)),
            crash("/cart", "ann", NOON + minutes(3)),
            event(start(session="b", user="bob"), NOON + minutes(5)),
            crash("/cart", "bob", NOON - minutes(10)),
            crash("/cart", "cy", NOON + minutes(6), userCustomData={"session_id": "b"}),
            event(start(session="B2", user="dee"), NOON + minutes(7)),
        ],
    )
    sessions = Sessions(store)
    page = sessions.list(SCOPE, None, 2)
    assert [row.session_id for row in page.items] == ["B2", "b"]
    rest = sessions.list(SCOPE, page.next_cursor, 2)
    assert ([row.session_id for row in rest.items], rest.next_cursor) == (["a"], None)
    rows = sessions.counted(SCOPE, [*page.items, *rest.items])
    told = {row.session_id: (row.views, row.pages, row.entry, row.crashes) for row in rows}
    assert told == {"a": (2, 2, "/", 1), "b": (0, 0, None, 1), "B2": (0, 0, None, 0)}
    assert rows[2].last_at == NOON + minutes(2)
    assert (rows[2].browser, rows[2].os, rows[2].device) == ("Chrome 142", "Windows 10", "desktop")
    ann = replace(SCOPE, query=parse_query("user:ann"))
    assert [row.session_id for row in sessions.list(ann, None, 9).items] == ["a"]
    with pytest.raises(ValueError, match="cursor"):
        sessions.list(SCOPE, "no such", 2)


def test_a_session_with_its_crashes(store: SearchStore) -> None:
    index(
        store,
        [
            event(start(session="a"), NOON),
            event(view("/", 100, session="a"), NOON + minutes(1)),
            event(vital("LCP", 900, "/", session="a"), NOON + minutes(1.5)),
            event(view("/x", 100, session="other"), NOON + minutes(1)),
            crash("/", "ann", NOON + minutes(2)),
            crash("/", "ann", NOON + minutes(40)),
            crash("/", "ann", NOON + minutes(2), tags=["session:other"]),
            crash("/", "zoe", NOON + timedelta(hours=3), tags=["session:A"]),
        ],
    )
    sessions = Sessions(store)
    found = sessions.find("a", SCOPE)
    assert found is not None
    assert [step.kind for step in found.steps] == ["session_start", "page", "vital"]
    assert (found.attributes.user_key, found.has_start, found.more) == ("ann", True, False)
    assert found.clock_skew is None
    assert found.steps[2].vitals == {"lcp": 900}
    crashes = sessions.crashes(found, SCOPE)
    assert [one.received_at for one in crashes] == [
        NOON + minutes(2),
        NOON + timedelta(hours=3),
    ]
    assert sessions.find("a", replace(SCOPE, project_id=2)) is None
    anywhere = sessions.find("A", replace(SCOPE, project_id=None))
    assert anywhere is not None
    assert anywhere.projects == (1,)


def test_a_user(store: SearchStore) -> None:
    index(
        store,
        [
            event(start(session="a", user="Ann@Example.test"), NOON),
            event(view("/", 100, session="a", user="Ann@Example.test"), NOON + minutes(1)),
            crash("/", "ann@example.test", NOON + minutes(2)),
            crash("/", "ann@example.test", NOON + minutes(3), machineName="till-3"),
            crash("/other", "bob", NOON),
        ],
    )
    users = Users(store)
    found = users.read(SCOPE, "ANN@example.test")
    assert found is not None
    assert (found.crashes, found.rum_events, found.group_count, found.session_count) == (2, 2, 1, 1)
    assert (found.first_at, found.last_at) == (NOON, NOON + minutes(3))
    assert [(group.count, group.last_at) for group in found.groups] == [(2, NOON + minutes(3))]
    assert [(one.session_id, one.views) for one in found.sessions] == [("a", 1)]
    assert [(one.value, one.views) for one in found.devices["browser"]] == [("Chrome", 2)]
    assert [one.value for one in found.devices["machine"]] == ["till-3"]
    assert len(list(users.events(SCOPE, "ann@example.test"))) == 4
    assert users.read(SCOPE, "nobody") is None
    assert users.read(replace(SCOPE, project_id=2), "ann@example.test") is None


def test_agents_are_counted_as_they_are_spelled(store: SearchStore) -> None:
    assert "Chrome" in CHROME
    index(store, [event(view("/", 100))])
    found = RumPages(store).overview(
        replace(SCOPE, query=parse_query("browser:CHROME")), PathRules()
    )
    assert found.views == 1
