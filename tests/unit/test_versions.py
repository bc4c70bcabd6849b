"""Which version is later: as people write versions, and by first sight where they say nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.versions import MAX_ORDERING_CHARS, VersionOrder, ordering

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "versions",
    [
        # Semantic Versioning 2.0.0, section 11
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11"
        " 1.0.0-rc.1 1.0.0 2.0.0 2.1.0 2.1.1",
        "1 1.0.1 1.2 1.2.0.1 1.9 1.10 1.10.3 2 10",
        "1.0.dev4 1.0rc1 1.0rc2 1.0 1.0.post1 1.0.1",
        "2026.1.9 2026.01.10 2026.11.2 2027.1",
        "2026-01-09 2026-01-10 2026-11-02",
        "4511 4512 20261123 20261124",
        "4.2.0-SNAPSHOT 4.2.0.RELEASE 4.2.1",
        "shop@1.2.3 shop@1.2.4 shop@1.10.0",
        "v1.9 V1.10 v2.0-beta v2.0",
    ],
)
def test_versions_order_as_people_mean_them(versions):
    names = versions.split()
    assert sorted(names, key=ordering) == names
    assert len({ordering(name) for name in names}) == len(names)


def test_builds_of_a_version_order_by_their_number():
    names = ["1.4.2", "1.4.2 (9)", "1.4.2 (87)", "1.4.3 (1)"]
    assert sorted(names, key=ordering) == names
    assert ordering("1.4.2+9") < ordering("1.4.2+87")


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.2", "1.2.0"), ("v1.2.3", "1.2.3"), ("shop@1.2.3", "1.2.3"), ("1.2.3.RELEASE", "1.2.3")],
)
def test_the_same_version_written_otherwise(one, other):
    order = VersionOrder()
    assert order.is_same(one, other)
    assert not order.is_later(one, other)
    assert not order.is_later(other, one)


@pytest.mark.parametrize(
    "version",
    ["3f2a91c", "9c1185a5c5e9fc54612808977ee8f548b2258d31", "nightly", "", "…", "@", "-1"],
)
def test_what_is_no_number_has_no_order_of_its_own(version):
    assert ordering(version) is None


def test_commits_order_by_when_they_were_first_seen():
    order = VersionOrder({"3f2a91c": START, "aa00bb1": START + DAY, "1.0": START})
    assert order.is_later("aa00bb1", "3f2a91c")
    assert not order.is_later("3f2a91c", "aa00bb1")
    assert order.is_later("aa00bb1", "1.0")
    assert not order.is_later("3f2a91c", "3f2a91c")


def test_what_nobody_saw_is_later_than_nothing():
    order = VersionOrder({"3f2a91c": START})
    assert not order.is_later("ffff001", "3f2a91c")
    assert not order.is_later("3f2a91c", "ffff001")


@pytest.mark.parametrize(
    ("seen", "latest"),
    [
        ({}, None),
        ({"1.10": START, "1.9": START + DAY}, "1.10"),
        ({"aa00bb1": START, "3f2a91c": START + DAY}, "3f2a91c"),
    ],
)
def test_the_latest_version(seen, latest):
    assert VersionOrder(seen).latest() == latest


@given(st.text(max_size=600))
def test_any_text_has_an_order_that_is_bounded_or_none(text):
    found = ordering(text)
    assert found is None or len(found) <= MAX_ORDERING_CHARS


@given(st.lists(st.from_regex(r"\A\d{1,4}(\.\d{1,4}){0,3}(-[a-z0-9.]{1,6})?\Z"), max_size=8))
def test_is_later_is_an_order(names):
    order = VersionOrder()
    for one in names:
        for other in names:
            later, earlier = order.is_later(one, other), order.is_later(other, one)
            assert later + earlier + order.is_same(one, other) == 1
