"""Path rules: which paths they fit, what is refused, and what is suggested."""

from __future__ import annotations

import re
import time

import pytest

from events.path_rules import BadPathRules, PathRules, fits, lucene, path_rules_of, suggest


@pytest.mark.parametrize(
    ("rule", "path", "expected"),
    [
        ("/user/*", "/user/7", True),
        ("/user/*", "/user/", False),
        ("/user/*", "/user/7/edit", False),
        ("/user/*/edit", "/user/7/edit", True),
        ("/user/**", "/user/7/edit", True),
        ("/user/**", "/user/", False),
        ("/v*/list", "/v2/list", True),
        ("/a.b/*", "/aXb/1", False),
        ("/(x)+[y]/*", "/(x)+[y]/1", True),
        ("Order*Activity", "OrderListActivity", True),
        ("/é/*", "/é/1", True),
        ("/line/**", "/line/a\nb", True),
    ],
)
def test_which_paths_a_rule_fits(rule: str, path: str, expected: bool) -> None:
    assert fits(rule, path) is expected
    # What Lucene is told means the same; Python reads these operators as it does.
    assert (re.fullmatch(lucene(rule), path, re.DOTALL) is not None) is expected


def test_the_first_rule_that_fits_counts() -> None:
    rules = PathRules(("/user/me", "/user/*", "/**"))
    assert rules.page_of("/user/me") == "/user/me"
    assert rules.page_of("/user/7") == "/user/*"
    assert rules.page_of("/x/y") == "/**"
    assert PathRules().page_of("/x") == "/x"
    assert rules.before("/**") == ["/user/me", "/user/*"]
    assert PathRules(("/a/*", "/b/*")).before("/b/*") == []


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        [1],
        [""],
        ["/plain"],
        ["/***"],
        ["/a*b*c*d*e*f*g*"],
        ["/*"],
        ["/" + "x" * 300 + "*"],
        ["/a\n*"],
        ["/a/*", "/a/*"],
        [f"/{n}/*" for n in range(51)],
    ],
)
def test_what_is_refused(document: object) -> None:
    with pytest.raises(BadPathRules):
        path_rules_of(document)


def test_rules_come_back_from_what_they_tell() -> None:
    rules = path_rules_of(["/user/*", "/docs/**"])
    assert path_rules_of(rules.told()) == rules


def test_a_hostile_path_takes_linear_time() -> None:
    started = time.process_time()
    fits("/*a*a*a*a*a*b", "/" + "a" * 500)
    assert time.process_time() - started < 1


def test_suggestions_are_for_paths_that_differ_in_an_identifier() -> None:
    views = {
        **{f"/user/{n}": 1 for n in range(5)},
        **{f"/order/{n:08x}-0000-4000-8000-000000000000/pay": 2 for n in range(3)},
        **{f"/product/mug-{chr(97 + n % 26)}{'x' * (n // 26)}": 1 for n in range(30)},
        "/cart": 9,
        "/about": 3,
    }
    found = {one.rule: (one.paths, one.views) for one in suggest(views)}
    assert found == {"/product/*": (30, 30), "/user/*": (5, 5), "/order/*/pay": (3, 6)}
    assert suggest({"/": 1, "/a": 1, "": 1}) == []
    for one in suggest(views):
        path_rules_of([one.rule])
