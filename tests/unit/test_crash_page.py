"""What a crash page shows: frames, stack as text, chain, breadcrumbs, highlights."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import raygun_samples

from app.dashboard.crash import crumbs, frames
from app.dashboard.crash.code import coloured
from app.dashboard.crash.crumbs import CrumbsView
from app.dashboard.crash.frames import Rooms, StackView
from app.dashboard.crash.highlights import clock_of, highlights
from app.dashboard.crash.occurrence import Asked, occurrence_view
from app.dashboard.crash.stack_text import stack_text as text_within
from app.dashboard.folding import fold
from app.dashboard.room import Room, weight

MUCH = 1_000_000
HOSTILE = "<b>\u202e\"&'</b>"


def stack_view(
    error: dict[str, Any], platform: str = "", anchor: str = "f", most: int = 60, room: int = MUCH
) -> StackView:
    return frames.stack_view(error, platform, anchor, Rooms(most, Room(MUCH), Room(room)))


def crumbs_view(picture: dict[str, Any], level: str = "", most: int = 50) -> CrumbsView:
    return crumbs.crumbs_view(picture, level, most, Room(MUCH))


def stack_text(picture: dict[str, Any]) -> str:
    return text_within(picture, MUCH)


def frame(method: str, in_app: bool = True, **more: Any) -> dict[str, Any]:
    return {"method": method, "in_app": in_app, "file": f"{method}.py", "line": 7, **more}


def error(*frames: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"class_name": "KeyError", "message": "no", "frames": list(frames), **more}


def test_the_innermost_frame_of_the_application_is_the_one_to_read() -> None:
    stack = stack_view(error(frame("lib", False), frame("mine"), frame("main")), "python", "f")
    assert [(run.in_app, run.count) for run in stack.runs] == [(False, 1), (True, 2)]
    raised = [one.where for run in stack.runs for one in run.frames if one.raised]
    assert raised == ["mine"]


def test_without_a_frame_of_the_application_the_innermost_is_read() -> None:
    stack = stack_view(error(frame("a", False), frame("b", False)), "python", "f")
    assert [one.raised for run in stack.runs for one in run.frames] == [True, False]


def test_equal_frames_are_one_and_long_stacks_are_cut() -> None:
    deep = [frame("again")] * 300 + [frame(f"f{n}") for n in range(100)]
    stack = stack_view(error(*deep, frames_omitted=5), "python", "f", most=60)
    (run,) = stack.runs
    assert (run.frames[0].times, len(run.frames), run.count) == (300, 60, 359)
    assert stack.hidden == 41 + 5


def test_source_is_shown_with_its_lines_and_the_frame_s_own_is_marked() -> None:
    one = frame("total", source="  return x", before=["def total():"], after=["", "done()"])
    (run,) = stack_view(error(one), "python", "f").runs
    lines = run.frames[0].lines
    assert [(line.number, line.hit) for line in lines] == [
        (6, False),
        (7, True),
        (8, False),
        (9, False),
    ]
    assert "".join(piece.text for piece in lines[0].pieces) == "def total():"
    assert [piece.kind for piece in lines[0].pieces if piece.text == "def"] == ["k"]


@pytest.mark.parametrize("platform", ["python", "javascript", "dotnet", "nobody knows", ""])
@pytest.mark.parametrize("text", ["", "x = 'a'", "<script>", "\u202e", "a\tb", "  ", "'" * 5000])
def test_colours_change_no_character(platform: str, text: str) -> None:
    assert "".join(piece.text for piece in coloured(platform, text)) == text


@pytest.mark.parametrize(
    ("name", "own", "first"),
    [
        ("raygun4py/06", True, "Traceback (most recent call last):"),
        ("raygun4js/07", True, "    at "),
        ("raygun-node/05", True, "    at "),
        ("raygun4java/03", True, "\tat "),
        ("raygun4go/06", True, ""),
    ],
)
def test_real_stacks_are_written_as_their_language_does(name: str, own: bool, first: str) -> None:
    picture = raygun_samples.crash_picture(raygun_samples.bodies(name)[0])
    lines = stack_text(picture).splitlines()
    assert lines[0].startswith(picture["error"]["class_name"] or picture["error"]["message"])
    assert lines[1].startswith(first)
    stack = stack_view(picture["error"], picture["platform"], "f")
    assert any(run.in_app for run in stack.runs) == own


def test_causes_follow_in_their_order() -> None:
    cause = error(frame("inner"), class_name="OSError", message="disk")
    text = stack_text({"platform": "java", "error": error(frame("outer"), inner=[cause])})
    assert text == (
        "KeyError: no\n\tat outer(outer.py:7)\nCaused by: OSError: disk\n\tat inner(inner.py:7)"
    )


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("javascript", "    at Cart.total (cart.js:7:3)"),
        ("java", "\tat Cart.total(cart.js:7)"),
        ("dotnet", "   at Cart.total in cart.js:line 7"),
        ("go", "Cart.total(...)"),
        ("ruby", "\tfrom cart.js:7:in 'Cart.total'"),
        ("php", "#- cart.js(7): Cart->total()"),
        ("apple", "    cart.js  Cart.total"),
        ("", "    at Cart.total (cart.js:7:3)"),
    ],
)
def test_a_frame_in_the_way_of_its_language(platform: str, line: str) -> None:
    one = {"class_name": "Cart", "method": "total", "file": "cart.js", "line": 7, "column": 3}
    assert stack_text({"platform": platform, "error": error(one)}).splitlines()[1] == line


CRASH = {
    "occurred_at": "2026-11-20T12:00:00Z",
    "breadcrumbs": [
        {"timestamp": "2026-11-20T11:59:00Z", "level": "debug", "message": "a"},
        {"timestamp": "2026-11-20T11:59:58.5Z", "level": "warning", "data": {"status": 500}},
        {"timestamp": "whenever", "level": "odd", "message": "c"},
        {"timestamp": "2026-11-20T12:00:01Z", "level": "info", "message": "d"},
        "not an object",
    ],
}


def test_breadcrumbs_count_back_from_the_crash() -> None:
    found = crumbs_view(CRASH).crumbs
    assert [one.before for one in found] == [60, 1.5, None, -1]
    assert found[1].data is not None
    assert found[1].data.children[0].value == 500


def test_breadcrumbs_are_of_a_level_and_the_last_ones() -> None:
    found = crumbs_view(CRASH, "warning")
    assert [one.level for one in found.crumbs] == ["warning", "odd"]
    assert (found.below, found.hidden) == (2, 0)
    last = crumbs_view(CRASH, most=1)
    assert ([one.message for one in last.crumbs], last.hidden) == (["d"], 3)
    assert not crumbs_view({}).sent


@pytest.mark.parametrize(
    ("occurred", "received", "part"),
    [
        ("2026-11-20T12:00:00Z", "2026-11-20T12:00:30Z", ""),
        ("2026-11-20T12:05:00Z", "2026-11-20T12:00:00Z", "5 min ahead"),
        ("2026-11-20T10:00:00Z", "2026-11-20T12:00:00Z", "2 h after it occurred"),
        (None, "2026-11-20T12:00:00Z", "no time"),
        ("0001-01-01T00:00:00Z", "2026-11-20T12:00:00Z", "after it occurred"),
    ],
)
def test_a_clock_that_is_off_is_told(occurred: str | None, received: str, part: str) -> None:
    said = clock_of({"occurred_at": occurred, "received_at": received})
    assert part in said
    assert bool(said) == bool(part)


def test_highlights_say_what_was_not_sent() -> None:
    found = {one.label: one for one in highlights({"version": '1 "b"', "tags": ["x"]})}
    assert found["Release"].filter == 'version:"1 \\"b\\""'
    assert (found["User"].value, found["User"].blank) == ("", "not sent")
    assert "Browser" not in found
    assert found["Tags"].value == "x"


@pytest.mark.parametrize(
    "picture",
    [
        {},
        {"error": None, "request": [], "user": "x", "tags": {}, "environment": 3, "client": []},
        {"error": {"frames": "x", "inner": 3}, "breadcrumbs": {"a": 1}, "occurred_at": 7},
        {"error": {"frames": [{"line": True, "before": "x"}], "inner": [3]}},
    ],
)
def test_nothing_is_taken_for_granted(picture: dict[str, Any]) -> None:
    stack_text(picture)
    highlights(picture)
    clock_of(picture)
    crumbs_view(picture)
    stack_view(picture.get("error") or {}, "python", "f")


def test_source_is_for_what_is_read_first_where_there_is_not_room_for_all() -> None:
    stack = error(*(frame(f"f{n}", n > 2, source="x = 1  # and so on") for n in range(8)))
    found = [one for run in stack_view(stack, room=200).runs for one in run.frames]
    assert [bool(one.lines) for one in found] == [
        False,
        False,
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    assert [one.more for one in found] == [not one.lines for one in found]


def test_text_of_a_stack_ends_where_its_room_does() -> None:
    picture = {"error": error(*(frame(f"f{n}") for n in range(100)))}
    text = text_within(picture, 1000)
    assert len(text) < 1100
    assert text.splitlines()[-1].endswith("more lines")
    assert "again" in (deep := stack_text({"error": error(*[frame("again")] * 300)}))
    assert deep.splitlines()[2] == "    … 299 more times"


def hostile_picture() -> dict[str, Any]:
    """A picture in which everything is as much as readers of events let through."""
    deep = [
        frame(f"{HOSTILE * 30}{n}", bool(n % 2), source=HOSTILE * 20, before=[HOSTILE * 20] * 5)
        for n in range(400)
    ]
    cause: dict[str, Any] = error(*deep, message=HOSTILE * 1000, data={HOSTILE: HOSTILE * 100})
    wide = {f"{HOSTILE * 10}{n}": HOSTILE * 400 for n in range(500)}
    crumb = {"message": HOSTILE * 200, "category": HOSTILE * 20, "data": wide}
    return {
        "id": "x",
        "error": {**cause, "inner": [{**cause, "inner": [cause]}] * 3},
        "breadcrumbs": [crumb] * 400,
        **dict.fromkeys(("request", "user", "environment", "custom"), wide),
        "tags": [HOSTILE * 20] * 100,
    }


def texts_of(value: Any) -> int:
    """The bytes of HTML of all texts in a view."""
    if isinstance(value, str):
        return weight(value)
    if isinstance(value, dict):
        return sum(map(texts_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(texts_of, value))
    return 0


def test_no_event_makes_a_page_heavy() -> None:
    view = occurrence_view(hostile_picture(), Asked())
    told = asdict(view)
    assert texts_of({name: told[name] for name in ("errors", "stack_text")}) < 35_000
    assert texts_of(told["crumbs"]) < 12_000
    assert texts_of(told["sections"]) < 13_000
    assert view.errors[0].hidden
    assert view.crumbs.hidden
    assert texts_of(asdict(occurrence_view(hostile_picture(), Asked(all=True)))) < 3_000_000


def test_a_scrubbed_value_names_its_rule() -> None:
    node = fold(
        {"pass_word": "[redacted-by-sluice]", "b": ["[redacted-by-sluice]"]}, rule_of=str.upper
    )
    assert [(one.kind, one.value) for one in node.children] == [
        ("scrubbed", "PASS_WORD"),
        ("list", None),
    ]
    assert node.children[1].children[0].kind == "scrubbed"
    found = highlights({"user": {"email": "[redacted-by-sluice]"}})
    assert [one.blank for one in found if one.label == "User"] == ["scrubbed by a redaction rule"]
