"""Same bug, same group; different bugs, different groups."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raygun_samples import (
    bodies,
    crash_record,
    events_of,
    fingerprint,
    frame,
    recorded,
    report,
)

from events.fingerprint import group_key, reasons
from events.raygun.entry import RaygunEntry
from events.recursion import fold
from events.stable import stable_file, stable_name
from events.template import template


def groups_of(*names: str) -> set[str]:
    return {fingerprint(body) for name in names for body in bodies(name)}


@pytest.mark.parametrize(
    "names",
    [
        ("raygun4py/17", "raygun4py/18", "raygun4py/19"),
        ("raygun4py/20", "raygun4py/21", "raygun4py/22"),
        ("raygun-node/14", "raygun-node/15", "raygun-node/16"),
        ("raygun-node/03-batch-large-items",),
        ("raygun4go/07", "raygun4go/08", "raygun4go/09"),
        ("raygun4java/06", "raygun4java/07", "raygun4java/08"),
        tuple(f"raygun4js/{n}-same-error" for n in (25, 26, 27, 28, 29)),
        # three versions of one SDK
        ("raygun4js/07", "raygun4js/39-v2280-handled-error", "raygun4js/57-v313-handled-error"),
        ("raygun4js/36-unicode-text", "raygun4js/55-v2280-unicode-text"),
        ("raygun4js/30", "raygun4js/31", "raygun4js/51", "raygun4js/75"),
    ],
)
def test_the_same_bug_is_one_group(names: tuple[str, ...]) -> None:
    assert len(groups_of(*names)) == 1


#: Scenarios of one family that are the same bug: what was thrown, and where, is the same.
SAME_BUGS = (
    {"raygun4go/http-request", "raygun4go/repeated-error"},
    {"raygun4java/handled-error", "raygun4java/repeated-error"},
    {
        "raygun4js/handled-error",
        "raygun4js/same-error-five-times",
        "raygun4js/v2280-handled-error",
        "raygun4js/v313-handled-error",
    },
    {"raygun4js/unicode-text", "raygun4js/v2280-unicode-text"},
    {
        "raygun4js/save-if-offline-resend",
        "raygun4js/v2280-save-if-offline-resend",
        "raygun4js/v313-save-if-offline-resend",
    },
)


def test_different_bugs_are_different_groups() -> None:
    scenarios = defaultdict(set)
    for sample in recorded("entry", "bulk"):
        for body in events_of(sample):
            scenarios[fingerprint(body)].add(f"{sample.family}/{sample.scenario}")
    mixed = [names for names in scenarios.values() if len(names) > 1]
    assert [names for names in mixed if not any(names <= bug for bug in SAME_BUGS)] == []
    assert len(scenarios) > 60


def test_lines_columns_and_addresses_do_not_count() -> None:
    for sample in recorded("entry"):
        (body,) = events_of(sample)
        moved = re.sub(rb'("(?:line|column)Number":\s*)\d+', rb"\g<1>4711", body, flags=re.I)
        moved = re.sub(rb"0x[0-9a-f]{5,}", b"0xdeadbeef", moved)
        moved = re.sub(rb"line \d+, column \d+", b"line 7, column 8", moved)
        assert fingerprint(moved) == fingerprint(body), sample.name


def test_a_grouping_key_alone_decides() -> None:
    one = report(groupingKey="checkout", error={"className": "A", "stackTrace": [frame("f")]})
    two = report(groupingKey="checkout", error={"className": "B", "message": "other"})
    three = report(groupingKey="payment", error={"className": "B", "message": "other"})
    assert fingerprint(one) == fingerprint(two) != fingerprint(three)
    huge = report(groupingKey="k" * 100_000 + "\0\ud83d")
    assert len(fingerprint(huge)) == 32
    blank = report(groupingKey=" ", error={"className": "A", "stackTrace": [frame("f")]})
    assert fingerprint(blank) != fingerprint(one)
    assert len(groups_of("raygun4py/13-grouping-key", "raygun4py/07-custom-data")) == 2


def crash(*methods: str, client: str = "raygun-node", **error: Any) -> bytes:
    stack = [frame(method) for method in methods]
    return report(client, error={"className": "Boom", "message": "m", "stackTrace": stack, **error})


def test_class_functions_and_cause_count() -> None:
    groups = {
        fingerprint(body)
        for body in (
            crash("pay", "run"),
            crash("ship", "run"),
            crash("pay", "retry"),
            crash("pay", "run", className="Bang"),
            crash("pay", "run", innerError={"className": "Timeout"}),
            crash("pay", "run", innerError={"className": "Refused"}),
        )
    }
    assert len(groups) == 6


def test_the_message_counts_where_class_and_functions_say_little() -> None:
    assert fingerprint(crash("f", message="one")) == fingerprint(crash("f", message="two"))
    plain = {"className": "Error"}
    assert fingerprint(crash("f", message="one", **plain)) != fingerprint(
        crash("f", message="two", **plain)
    )
    assert fingerprint(crash("?", message="one")) != fingerprint(crash("?", message="two"))
    assert fingerprint(crash(message="order 17 lost")) == fingerprint(crash(message="order 9 lost"))


def browser_crash(method: str, build: str, **error: Any) -> bytes:
    stack = [frame(method, file=f"https://shop.test/app.{build}.js", line=1, columnNumber=4711)]
    return report("raygun-js", error={"className": "TypeError", "stackTrace": stack, **error})


@pytest.mark.parametrize(
    ("one", "two"),
    [("t", "r"), ("n.value", "Object.e.value"), ("new t", "new n"), ("async e", "async i")],
)
def test_minified_functions_of_two_builds_are_one_group(one: str, two: str) -> None:
    old = browser_crash(one, "abc12345", message="t.total is not a function")
    new = browser_crash(two, "def67890", message="e.total is not a function")
    assert fingerprint(old) == fingerprint(new)


def test_minified_functions_leave_it_to_the_message() -> None:
    total = browser_crash("t", "abc12345", message="e.total is not a function")
    price = browser_crash("t", "abc12345", message="e.price is not a function")
    assert fingerprint(total) != fingerprint(price)


def test_obfuscated_calls_of_two_builds_are_one_group() -> None:
    def obfuscated(class_name: str, method: str, message: str) -> str:
        stack = [frame(method, file="SourceFile", className=class_name)]
        error = {"className": "java.lang.NullPointerException", "stackTrace": stack}
        return fingerprint(report("Raygun4Android", error={**error, "message": message}))

    assert obfuscated("a.b.c", "a", "on null") == obfuscated("a.c.f", "b", "on null")
    assert obfuscated("a.b.c", "a", "on null") != obfuscated("a.b.c", "a", "on closed file")
    assert obfuscated("shop.Cart", "of", "m") != obfuscated("shop.Till", "of", "m")


def test_the_message_counts_where_only_libraries_were_called() -> None:
    library = frame("query", file="/srv/app/node_modules/pg/client.js")

    def failed(message: str) -> str:
        error = {"className": "DatabaseError", "message": message, "stackTrace": [library]}
        return fingerprint(report("raygun-node", error=error))

    assert failed("relation 17 is locked") == failed("relation 9 is locked")
    assert failed("relation 17 is locked") != failed("connection terminated")


def test_library_frames_do_not_count_where_the_application_s_are() -> None:
    library = frame("handle", file="/srv/app/node_modules/express/router.js")
    error = {"className": "Boom", "stackTrace": [library, frame("pay"), library]}
    assert fingerprint(report("raygun-node", error=error)) == fingerprint(crash("pay"))
    only = {"className": "Boom", "stackTrace": [library]}
    assert fingerprint(report("raygun-node", error=only)) != fingerprint(crash())


def test_the_depth_of_recursion_does_not_count() -> None:
    def walk(*cycle: str, turns: int) -> str:
        return fingerprint(crash("leaf", *(cycle * turns), "main"))

    assert walk("visit", turns=2) == walk("visit", turns=1500)
    assert walk("even", "odd", turns=2) == walk("even", "odd", turns=700)
    assert fingerprint(crash(*["a", "b"] * 40, "main")) == fingerprint(
        crash("b", *["a", "b"] * 99, "main")
    )
    assert walk("visit", turns=9) != walk("wander", turns=9)


def test_folding() -> None:
    assert fold(["a", "b", "c"]) == ["a", "b", "c"]
    assert fold(["a", "a", "a", "b"]) == ["a", "b"]
    assert fold(["x", "b", "a", "b", "a", "b", "y"]) == ["x", "a", "b", "y"]
    assert fold([]) == []


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc")))
def test_folding_keeps_the_calls(calls: list[str]) -> None:
    assert set(fold(calls)) == set(calls)
    assert len(fold(calls)) <= len(calls)


@pytest.mark.parametrize(
    ("platform", "one", "two"),
    [
        ("java", "lambda$main$7", "lambda$main$12"),
        ("java", "shop.Cart$1", "shop.Cart$2"),
        ("java", "shop.Cart$$Lambda$14/0x0000000840064c40", "shop.Cart$$Lambda/0x7f31"),
        ("java", "sun.reflect.GeneratedMethodAccessor12", "sun.reflect.GeneratedMethodAccessor9"),
        ("java", "Cart$$EnhancerBySpringCGLIB$$ab12cd", "Cart$$EnhancerBySpringCGLIB$$99ff"),
        ("dotnet", "<Pay>b__0_1", "<Pay>b__3"),
        ("dotnet", "Cart.<>c__DisplayClass3_0", "Cart.<>c__DisplayClass12_1"),
        ("go", "main.func1()", "main.func2.1(0xc000010000, 0x2)"),
        ("go", "(*Server).Handle(0x1?)", "(*Server).Handle({0x6d8b00?, 0x765fc0?})"),
        ("javascript", "?", "[anonymous]"),
        ("javascript", "Object.find", "find"),
        ("node", "Function.executeUserEntryPoint [as runMain]", "executeUserEntryPoint"),
        ("python", "<function f at 0x7f31>", "<function f at 0x9a>"),
    ],
)
def test_names_that_differ_from_build_to_build(platform: str, one: str, two: str) -> None:
    assert stable_name(one, platform) == stable_name(two, platform)


def test_numbers_in_real_names_stay() -> None:
    for platform in ("java", "dotnet", "node", "python", "go"):
        assert stable_name("step1", platform) != stable_name("step2", platform)
        assert stable_file("src/v2/step1.x", platform) != stable_file("src/v2/step2.x", platform)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("https://a.test/static/app.3f9c2b1e.js?v=1", "http://b.test:3000/static/app.js#x"),
        ("/assets/index-BxK3a9Zt.js", "/assets/index-Q7w2LmNp.js"),
        ("/js/main.a1b2c3d4.chunk.js", "/js/main.0099ffee.chunk.js"),
    ],
)
def test_files_of_two_builds(one: str, two: str) -> None:
    assert stable_file(one, "javascript") == stable_file(two, "javascript")


def test_folders_of_releases() -> None:
    assert stable_file("/srv/shop-4.2.0/main.py", "python") == stable_file(
        "/opt/shop-4.10.1/main.py", "python"
    )
    assert stable_file("/r/20261123101500/a.rb", "ruby") == stable_file("/r/20270101/a.rb", "ruby")
    assert stable_file("C:\\x\\Shop\\Cart.cs", "dotnet") == "Shop/Cart.cs"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("no product 'TEE-00' in catalogue", 'no product "MUG 7" in catalogue'),
        ("order 10042 of 3.50 lost", "order 7 of 12 lost"),
        ("checkout for Ana Lima failed", "checkout for Bo failed"),
        ("GET https://a.test/x?y=1 failed", "GET http://b.test/ failed"),
        ("mail to ana@example.test bounced", "mail to bo@b.test bounced"),
        ("cannot open /tmp/a1/b", "cannot open /var/log/x"),
        ("row 5b0a6f0e-1c1f-4f7c-9a52-0c7a4f2f8f01 gone", "row 7 gone"),
        ("object at 0x7f31ce91 died\nwith details", "object at 0x1 died"),
        ("t.total is not a function", "e.total is not a function"),
        ("n is not iterable", "i is not iterable"),
    ],
)
def test_messages_that_differ_in_values(one: str, two: str) -> None:
    assert template(one) == template(two)


def test_messages_that_differ_in_words() -> None:
    assert template("cannot open file") != template("cannot close file")
    assert template("can't pay, don't ship") != template("can't pay, won't ship")


def test_title_and_group_id() -> None:
    record = crash_record(crash("pay", message="\n first line \n second"))
    assert record.group is not None
    assert record.group.title == "Boom: first line"
    assert record.group.culprit == "pay (shop/cart.js)"
    assert record.group.group_id(1) != record.group.group_id(2)
    assert isinstance(record.group.group_id(1), UUID)
    (java,) = bodies("raygun4java/09-stack-overflow")
    overflow = crash_record(java).group
    assert overflow is not None
    assert overflow.title == "java.lang.StackOverflowError"
    (go,) = bodies("raygun4go/05-panic")
    panic = crash_record(go).group
    assert panic is not None
    assert panic.title == "assignment to entry in nil map"


def test_reasons_tell_all_that_the_fingerprint_is_made_of() -> None:
    """Whatever differs between two fingerprints differs between their reasons."""
    seen: dict[str, tuple[object, ...]] = {}
    for sample in recorded("entry", "bulk"):
        for body in events_of(sample):
            found = RaygunEntry(body).crash()
            told = tuple(reasons(found))
            fingerprint = group_key(found).fingerprint
            assert seen.setdefault(fingerprint, told) == told
    assert len(set(seen.values())) == len(seen)
