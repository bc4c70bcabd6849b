"""What each Sentry SDK means by its events, on recorded ones and on built ones."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from sentry_samples import (
    Entry,
    alone,
    contents_of,
    entries,
    envelope_of,
    event,
    picture,
    record,
    recorded,
)

from events import crash
from events.identities import identities
from events.record import Malformed
from events.redact.redactor import Redactor
from events.redact.rules import Rules

RECORDED = list(entries("crash"))

#: Read off the recorded payloads by eye: class, message, the causes' classes, and the innermost
#: frame's file, line, class, function and whether it is the application's.
EXPECTED = [
    (
        "python-2/06-chained-cause",
        ("RuntimeError", "order 10042 could not be placed"),
        ["CheckoutFailed", "GatewayTimeout"],
        ("report_sentry2.py", 41, None, "chained_cause", True),
    ),
    (
        "python-2/36-thread-crash",
        ("ProductMissing", "no product 'T-1' in catalogue"),
        ["KeyError"],
        ("shop/catalog.py", 16, None, "find", True),
    ),
    (
        "python-2/04-celery-task-1",
        (
            "TypeError",
            "celery_task.<locals>.send_receipt() got an unexpected keyword argument 'lang'",
        ),
        [],
        None,
    ),
    ("python-2/21-messages-all-levels-1", (None, "stock check: debug"), [], None),
    ("python-1/09-logging-records-2", (None, "plain error %s"), [], None),
    (
        "python-1/14-unhandled",
        ("ZeroDivisionError", "division by zero"),
        [],
        ("shop/cart.py", 22, None, "average_line", True),
    ),
    (
        "node/03-cause-chain",
        ("Error", "order 10042 could not be placed"),
        ["CheckoutFailed", "TypeError"],
        ("/srv/shop/web/report_sentry.js", 12, None, "cause-chain", True),
    ),
    (
        "browser/24-window-onerror",
        ("Error", "checkout of 2 line(s) failed"),
        ["TypeError"],
        ("http://shop.example.test:3000/static/app.js", 5, None, "Object.checkout", True),
    ),
    (
        "java/03-cause-chain",
        ("java.lang.IllegalStateException", "order 10042 could not be placed"),
        ["shop.CheckoutFailed", "java.lang.IllegalArgumentException"],
        ("ReportSentry.java", 20, "shop.ReportSentry", "main", True),
    ),
    (
        "java/02-breadcrumbs-tags-user",
        (None, "cart abandoned"),
        [],
        ("Thread.java", 1619, "java.lang.Thread", "getStackTrace", False),
    ),
    (
        "go/06-panic-recovered-1",
        ("runtime.plainError", "assignment to entry in nil map"),
        [],
        ("/srv/shop/go/sentry/main.go", 72, "main", "func1", True),
    ),
    (
        "rust/05-panic",
        ("panic", "index out of bounds: the len is 0 but the index is 3"),
        [],
        ("lib.rs", 24, None, "sentry_backtrace::current_stacktrace", False),
    ),
    (
        "raven-node/01-handled-error",
        ("CheckoutFailed", "checkout of 2 line(s) for Ana Lima failed"),
        [],
        ("/srv/shop/web/shop.js", 23, None, "Cart.checkout", True),
    ),
    (
        "raven-python/02-handled-error",
        ("CheckoutFailed", "checkout of 1 line(s) for Ana failed"),
        ["PaymentError"],
        ("shop/cart.py", 29, None, "checkout", True),
    ),
]


def recorded_event(name: str) -> Entry:
    return next(entry for found, entry in RECORDED if found == name)


def chain(error: dict[str, Any]) -> list[str]:
    classes = []
    while error["inner"]:
        (error,) = error["inner"]
        classes.append(error["class_name"])
    return classes


@pytest.mark.parametrize(("name", "error", "causes", "top"), EXPECTED, ids=[e[0] for e in EXPECTED])
def test_recorded_errors(
    name: str, error: tuple[str, str], causes: list[str], top: tuple[Any, ...] | None
) -> None:
    shown = crash.picture(envelope_of(recorded_event(name)))["error"]
    assert (shown["class_name"], shown["message"]) == error
    assert chain(shown) == causes
    frames = shown["frames"]
    found = frames and tuple(
        frames[0][part] for part in ("file", "line", "class_name", "method", "in_app")
    )
    assert (found or None) == top


@pytest.mark.parametrize(("name", "entry"), RECORDED, ids=[name for name, _ in RECORDED])
def test_every_recorded_event_has_a_record_and_a_picture(name: str, entry: Entry) -> None:
    envelope = envelope_of(entry)
    made = crash.normalise(envelope)
    assert made.sdk_id == entry.sdk_id
    assert made.occurred_at is not None
    assert made.group is not None
    orjson.dumps(made.document())
    shown = crash.picture(envelope)
    json.dumps(shown, allow_nan=False)
    sent = json.loads(entry.payload)
    assert shown["sdk_id"] == sent["event_id"]
    assert shown["version"] == sent["release"]
    assert shown["level"] == {40: "error"}.get(sent.get("level"), sent.get("level"))
    assert shown["error"] is not None
    frames = _sent_frames(sent)
    if frames:
        (outer, *_), inner = frames, frames[-1]
        assert shown["error"]["frames"][0]["line"] == inner.get("lineno")
        assert shown["error"]["frames"][-1]["method"] == outer.get("function")


def _sent_frames(sent: dict[str, Any]) -> list[dict[str, Any]]:
    values = sent.get("exception") or []
    values = values["values"] if isinstance(values, dict) else values
    stack = values[-1].get("stacktrace") if values else None
    frames = (stack or {}).get("frames") or []
    return [] if len(frames) > 2000 else frames


def test_repeated_errors_of_other_values_are_one_group_and_others_are_not() -> None:
    groups = {
        name: crash.normalise(envelope_of(entry)).group.fingerprint  # type: ignore[union-attr]
        for name, entry in RECORDED
    }
    repeated = {
        groups[name] for name in groups if name.startswith("python-2/3") and "repeated" in name
    }
    assert len(repeated) == 1
    assert len({groups[name] for name, *_ in EXPECTED}) == len(EXPECTED)


def test_what_surrounded_a_recorded_crash() -> None:
    shown = crash.picture(envelope_of(recorded_event("python-2/03-breadcrumbs-tags-user")))
    assert shown["client"] == {"name": "sentry.python.django", "version": "2.75.0"}
    assert shown["user"]["identifier"] == "1234"
    assert shown["user"]["email"] == "ana@example.test"
    assert shown["tags"] == ["page_locale:de-at", "customer_type:enterprise", "retry:true"]
    assert shown["machine"] == "web-1"
    assert shown["custom"]["contexts"] == {"order": {"id": 10042, "lines": [1, 2]}}
    assert shown["custom"]["extra"]["sys.argv"] == ["report_sentry2.py", "breadcrumbs-tags-user"]
    assert shown["environment"]["environment"] == "production"
    assert shown["environment"]["runtime"]["name"] == "CPython"
    assert (shown["level"], shown["transaction"]) == ("fatal", "/checkout")
    assert len(shown["breadcrumbs"]) == 100
    first = shown["breadcrumbs"][0]
    assert (first["category"], first["message"], first["data"]) == ("auth", "step 20", {"n": 20})
    assert first["timestamp"] == "2026-11-23T06:06:26.033861Z"
    frame = shown["error"]["frames"][0]
    assert frame["source"].startswith("raise CheckoutFailed(")
    assert frame["before"][-1] == "        except payments.PaymentError as e:"
    assert frame["after"][1] == "    def checkout_sloppy(self, card):"
    assert frame["locals"]["amount"] == "1605.8"


def test_a_request_that_was_served() -> None:
    shown = crash.picture(envelope_of(recorded_event("python-2/15-flask-request-4")))
    request = shown["request"]
    assert (request["url"], request["method"]) == ("http://localhost/checkout", "POST")
    assert (request["host"], request["ip"]) == ("localhost", "127.0.0.1")
    assert request["form"] == {"coupon": "SPRING", "lines": [1, 2]}
    assert request["headers"]["Host"] == "localhost"


def test_all_threads_with_their_stacks() -> None:
    shown = crash.picture(envelope_of(recorded_event("java/10-unhandled-thread")))
    threads = {thread["name"]: thread for thread in shown["threads"]}
    assert len(threads) > 3
    assert [one["name"] for one in shown["threads"] if one["crashed"]] != []
    assert threads["Reference Handler"]["frames"][0]["method"] == "waitForReferencePendingList"


def test_the_trace_that_a_crash_is_of() -> None:
    report = crash._open(envelope_of(recorded_event("python-2/04-celery-task-1"))).crash()
    assert report.trace_id == "5d126609046640d9961bb4aad2d1e810"
    assert report.span_id == "9a31a529731bb22f"


ERROR = {"exception": {"values": [{"type": "E", "value": "v"}]}, "platform": "python"}


class TestFingerprints:
    def group(self, **fields: Any) -> str:
        made = record(**ERROR, **fields).group
        assert made is not None
        return made.fingerprint

    def test_the_applications_own_alone_decides(self) -> None:
        assert self.group(fingerprint=["a", "b"]) == self.group(fingerprint=["a", "b"])
        own = self.group(fingerprint=["a"])
        other = record(message="another", fingerprint=["a"]).group
        assert other is not None
        assert other.fingerprint == own
        assert len({own, self.group(), self.group(fingerprint=["b"])}) == 3

    @pytest.mark.parametrize(
        "nothing", [None, [], ["{{ default }}"], ["{{default}}"], [None], "x", 7]
    )
    def test_nothing_or_the_default_is_as_if_none_were_given(self, nothing: Any) -> None:
        assert self.group(fingerprint=nothing) == self.group()

    def test_parts_beside_the_default_tell_apart_what_would_be_one(self) -> None:
        first = self.group(fingerprint=["{{ default }}", "checkout"])
        second = self.group(fingerprint=["{{ default }}", "search"])
        assert len({first, second, self.group()}) == 3
        other = record(
            exception={"values": [{"type": "F", "value": "v"}]},
            fingerprint=["{{ default }}", "checkout"],
        )
        assert other.group is not None
        assert other.group.fingerprint != first

    def test_names_in_braces_stand_for_values_of_the_event(self) -> None:
        assert self.group(fingerprint=["{{ type }}", "x"]) == self.group(fingerprint=["E", "x"])
        assert self.group(fingerprint=["{{error.value}}"]) == self.group(fingerprint=["v"])
        tagged = {"tags": {"shop": "eu"}, "level": "error", "transaction": "/cart"}
        for name, value in (("tags.shop", "eu"), ("level", "error"), ("transaction", "/cart")):
            filled = self.group(fingerprint=[f"{{{{ {name} }}}}"], **tagged)
            assert filled == self.group(fingerprint=[value], **tagged)
        assert self.group(fingerprint=["{{ nothing }}"]) != self.group(fingerprint=[""])


class TestErrors:
    def test_a_group_of_exceptions_is_a_tree(self) -> None:
        values = [
            {"type": "C", "mechanism": {"exception_id": 3, "parent_id": 1}},
            {"type": "B", "mechanism": {"exception_id": 2, "parent_id": 0}},
            {"type": "A", "mechanism": {"exception_id": 1, "parent_id": 0}},
            {"type": "Group", "mechanism": {"exception_id": 0, "is_exception_group": True}},
        ]
        error = picture(exception={"values": values})["error"]
        assert error["class_name"] == "Group"
        assert [inner["class_name"] for inner in error["inner"]] == ["A", "B"]
        assert [inner["class_name"] for inner in error["inner"][0]["inner"]] == ["C"]

    @pytest.mark.parametrize(
        "numbers",
        [
            [(0, 1), (1, 0)],
            [(0, None), (0, None)],
            [(5, 9), (6, 5)],
            [(0, None), (1, None)],
            [("0", None), (1, 0)],
            [(0, 0), (1, 2), (2, 1)],
        ],
    )
    def test_numbers_that_make_no_tree_leave_it_to_the_order(self, numbers: list[Any]) -> None:
        values = [
            {"type": f"T{n}", "mechanism": {"exception_id": own, "parent_id": parent}}
            for n, (own, parent) in enumerate(numbers)
        ]
        error = picture(exception=values)["error"]
        assert error["class_name"] == f"T{len(numbers) - 1}"
        assert chain(error) == [f"T{n}" for n in reversed(range(len(numbers) - 1))]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"message": "plain"}, "plain"),
            ({"message": {"formatted": "f", "message": "m %s"}}, "f"),
            ({"message": {"message": "m %s"}}, "m %s"),
            ({"logentry": {"formatted": "l"}, "message": "m"}, "l"),
            ({"logentry": {"message": "l %s", "params": [1]}}, "l %s"),
            ({"logentry": {}, "message": "m"}, "m"),
            ({"message": 7}, "7"),
        ],
    )
    def test_messages(self, fields: dict[str, Any], message: str) -> None:
        assert picture(**fields)["error"]["message"] == message

    def test_nothing_at_all_is_an_unknown_error(self) -> None:
        assert picture()["error"] is None
        assert record().group.title == "Unknown error"  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("value", "message"),
        [("", ""), (7, "7"), ({"a": [1]}, '{"a": [1]}'), (None, None), (True, None)],
    )
    def test_values_that_are_no_text(self, value: Any, message: str | None) -> None:
        assert picture(exception={"type": "T", "value": value})["error"]["message"] == message

    def test_the_stack_beside_an_error_is_that_of_its_thread(self) -> None:
        stack = {"frames": [{"function": "outer"}, {"function": "inner"}]}
        threads = {
            "values": [
                {"id": 1, "current": True, "stacktrace": {"frames": [{"function": "wrong"}]}},
                {"id": 2, "stacktrace": stack},
            ]
        }
        shown = picture(exception=[{"type": "T", "thread_id": 2}], threads=threads)
        assert [frame["method"] for frame in shown["error"]["frames"]] == ["inner", "outer"]
        crashed = picture(
            message="m", threads={"values": [{"id": 2, "crashed": True, "stacktrace": stack}]}
        )
        assert crashed["error"]["frames"][0]["method"] == "inner"

    def test_chains_and_stacks_without_end_are_cut(self) -> None:
        frames = [{"function": f"f{n}"} for n in range(5000)]
        values = [{"type": f"T{n}"} for n in range(5000)]
        shown = picture(
            exception={"values": [*values, {"type": "Top", "stacktrace": {"frames": frames}}]}
        )
        error = shown["error"]
        assert error["class_name"] == "Top"
        assert error["frames"][0]["method"] == "f4999"
        assert (len(error["frames"]), error["frames_omitted"]) == (2000, 3000)
        assert 30 < len(chain(error)) <= 200


class TestFrames:
    def frame(self, platform: str, /, **fields: Any) -> dict[str, Any]:
        stack = {"frames": [fields]}
        shown = picture(platform=platform, exception=[{"type": "T", "stacktrace": stack}])
        (frame,) = shown["error"]["frames"]
        return dict(frame)

    @pytest.mark.parametrize(
        ("platform", "fields", "ours"),
        [
            ("python", {"filename": "/usr/lib/python3.11/threading.py"}, False),
            ("python", {"filename": "shop/cart.py"}, True),
            ("python", {"filename": "shop/cart.py", "in_app": False}, False),
            ("python", {"filename": "/x/site-packages/y.py", "in_app": True}, True),
            ("javascript", {"filename": "https://cdn.jsdelivr.net/x.js", "in_app": True}, False),
            ("javascript", {"filename": "https://shop.test/x.js", "in_app": True}, True),
            ("java", {"module": "java.util.Objects", "function": "f"}, False),
            ("csharp", {"module": "System.Linq.Enumerable", "function": "First"}, False),
            ("csharp", {"module": "Shop.Cart", "function": "Pay"}, True),
        ],
    )
    def test_whose_code_it_is(self, platform: str, fields: dict[str, Any], ours: bool) -> None:
        assert self.frame(platform, **fields)["in_app"] is ours

    def test_native_frames_are_named_by_what_there_is(self) -> None:
        frame = self.frame("native", package="/usr/lib/libc.so.6", instruction_addr="0x7f00")
        assert (frame["file"], frame["method"]) == ("libc.so.6", "0x7f00")

    def test_a_frame_may_be_of_another_platform(self) -> None:
        frame = self.frame("javascript", **{"platform": "java", "module": "shop.Cart"})
        assert frame["class_name"] == "shop.Cart"

    @pytest.mark.parametrize("lines", [None, "x", [1, None], {"a": 1}])
    def test_lines_around_that_are_none(self, lines: Any) -> None:
        frame = self.frame("python", filename="f", pre_context=lines, post_context=lines)
        assert (frame["before"], frame["after"]) == (None, None)


class TestContext:
    @pytest.mark.parametrize(
        ("sent", "tags"),
        [
            ({"a": "b", "n": 1, "t": True, "none": None, "o": {}}, ["a:b", "n:1", "t:true"]),
            ([["a", "b"], ["n", 1], ["x"], 7, [None, "y"]], ["a:b", "n:1"]),
            ("x", []),
            (None, []),
        ],
    )
    def test_tags(self, sent: Any, tags: list[str]) -> None:
        assert picture(tags=sent)["tags"] == tags

    def test_a_name_to_log_in_by_stands_for_an_id(self) -> None:
        assert record(user={"username": "ana"}).user_key == "ana"
        assert record(user={"id": 7, "username": "ana"}).user_key == "7"
        assert record(user={"ip_address": "203.0.113.9"}).user_key is None
        assert record(user="ana").user_key is None

    def test_keys_in_the_addresses_of_breadcrumbs_are_not_shown(self) -> None:
        url = "https://h/api/1/envelope/?sentry_version=7&sentry_key=abc&x=1"
        (crumb,) = picture(breadcrumbs=[{"message": url, "data": {"url": url}}])["breadcrumbs"]
        assert "abc" not in json.dumps(crumb)
        assert "x=1" in crumb["message"]

    @pytest.mark.parametrize(
        "fields",
        [
            {"user": 7, "tags": 7, "request": 7, "breadcrumbs": 7, "contexts": 7, "threads": 7},
            {"exception": 7, "sdk": 7, "modules": 7, "extra": 7, "fingerprint": 7, "logentry": 7},
            {"exception": {"values": 7}, "breadcrumbs": {"values": [7]}, "contexts": {"trace": 7}},
            {"exception": [{"stacktrace": 7, "mechanism": 7, "type": 7, "module": 7}]},
            {"exception": [{"stacktrace": {"frames": [7, {"filename": 7, "vars": 7}]}}]},
            {"timestamp": "x", "level": 7, "release": {}, "platform": [], "server_name": [1]},
            {
                "timestamp": 1e300,
                "platform": "python",
                "request": {"url": "http://[", "headers": 7},
            },
            {"contexts": {"trace": {"trace_id": "zz", "span_id": 7}}, "user": {"id": {}}},
            {
                "message": "\ud800 \u0000",
                "tags": {"\ud800": "\u0000"},
                "extra": {"\u0000": "\ud800"},
            },
        ],
    )
    def test_values_of_the_wrong_kind_are_borne(self, fields: dict[str, Any]) -> None:
        made = record(**fields)
        orjson.dumps(made.document())
        orjson.dumps(picture(**fields))
        assert all("\0" not in value for value in made.row if isinstance(value, str))

    def test_what_is_no_event_is_malformed(self) -> None:
        for body in (b"", b"[]", b"7", b"{"):
            entry = Entry("crash", "sentry.event", body)
            with pytest.raises(Malformed):
                crash.normalise(envelope_of(entry))


class TestWhoseItIs:
    def test_every_name_of_the_user(self) -> None:
        found = identities(
            event(user={"id": 7, "email": "a@b.c", "username": "ana", "name": "Ana"})
        )
        assert found.users == {"7", "a@b.c", "ana"}

    def test_also_while_its_files_are_with_it(self) -> None:
        sample = next(s for s in recorded() if s.name == "python-2/02-attachments-event+attachment")
        (entry,) = contents_of(sample).entries
        assert identities(envelope_of(entry)) == identities(envelope_of(alone(entry)))


def test_redaction_leaves_what_is_read_of_recorded_events_as_it_was() -> None:
    redactor = Redactor(Rules())
    changed = 0
    for _, entry in RECORDED:
        envelope = envelope_of(entry)
        redacted = redactor.redact(envelope)
        changed += redacted.redacted > 0
        before, after = crash.normalise(envelope), crash.normalise(redacted)
        assert (before.group, before.user_key, before.row) == (
            after.group,
            after.user_key,
            after.row,
        )
    assert changed > 0


def test_redaction_blanks_secrets_wherever_sentry_puts_them() -> None:
    secret = "hunter2-correct-horse"
    fields = {
        "request": {
            "headers": [["Cookie", f"sid={secret}"], ["X-Api-Key", secret]],
            "cookies": {"sid": secret},
            "data": {"password": secret, "card_number": "4111 1111 1111 1111"},
            "query_string": f"api_key={secret}",
        },
        "exception": [{"type": "T", "stacktrace": {"frames": [{"vars": {"password": secret}}]}}],
        "extra": {"nested": [{"access_token": secret}], "text": f"Bearer {secret}"},
        "contexts": {"db": {"dsn": f"postgres://shop:{secret}@db/shop"}},
    }
    redacted = Redactor(Rules()).redact(event(**fields))
    assert secret.encode() not in redacted.body
    assert b"4111" not in redacted.body
    assert redacted.redacted == 10
