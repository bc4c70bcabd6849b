"""What browsers report by themselves, and what minidumps say: as crashes, and hostile ones."""

from __future__ import annotations

import io
import json
import struct
from contextlib import closing
from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentry_samples import LIMITS, alone, envelope_of, parcel
from werkzeug.test import EnvironBuilder

from app.ingest.sentry.multipart import read_parts
from events import crash
from events.record import Malformed
from events.sentry.attachments import open_files
from events.sentry.headed import behead, own_bytes
from events.sentry.items import Entry, security_entries, sort_out
from events.sentry.minidump import read_minidump
from events.sentry.wire import open_parcel

CSP = {
    "csp-report": {
        "document-uri": "https://shop.test/cart",
        "violated-directive": "script-src-elem 'self'",
        "effective-directive": "script-src-elem",
        "blocked-uri": "https://evil.test/x.js",
        "source-file": "https://shop.test/app.js",
        "line-number": 7,
        "column-number": "9",
    }
}
DUMP = {"type": "attachment", "attachment_type": "event.minidump"}
HEADER = {"sentry_release": "shop@1", "sentry_environment": "prod", "user_agent": "Mozilla"}


def reports(body: Any, header: dict[str, Any] | None = None) -> list[Entry]:
    found = security_entries(json.dumps(body).encode(), header or {}, LIMITS)
    return [one for one in found if isinstance(one, Entry)]


def shown(entry: Entry) -> dict[str, Any]:
    envelope = envelope_of(alone(entry))
    orjson.dumps(crash.normalise(envelope).document())
    picture = crash.picture(envelope)
    json.dumps(picture, allow_nan=False)
    return picture


def title(entry: Entry) -> str:
    group = crash.normalise(envelope_of(alone(entry))).group
    assert group is not None
    return group.title


class TestReports:
    def test_a_policy_that_was_broken(self) -> None:
        (entry,) = reports(CSP, HEADER)
        picture = shown(entry)
        assert picture["error"]["class_name"] == "CSP: script-src-elem"
        assert picture["error"]["message"] == "Blocked script from 'evil.test'"
        frame = picture["error"]["frames"][0]
        assert (frame["file"], frame["line"], frame["column"]) == ("https://shop.test/app.js", 7, 9)
        assert picture["request"] == {"url": "https://shop.test/cart"}
        assert (picture["version"], picture["environment"]["environment"]) == ("shop@1", "prod")
        assert picture["custom"] == CSP["csp-report"]
        assert own_bytes(entry.protocol, entry.body) == json.dumps(CSP).encode()

    def test_reports_of_one_directive_and_origin_are_one_group(self) -> None:
        groups = set()
        for blocked in ("https://evil.test/x.js", "https://evil.test/y.js"):
            (entry,) = reports({"csp-report": {**CSP["csp-report"], "blocked-uri": blocked}})
            groups.add(crash.normalise(envelope_of(entry)).group)
        assert len(groups) == 1

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (
                {"expect-ct-report": {"hostname": "shop.test"}},
                "expect-ct: Expect-CT failed for 'shop.test'",
            ),
            (
                {"expect-staple-report": {"hostname": "shop.test"}},
                "expect-staple: Expect-Staple failed for 'shop.test'",
            ),
            (
                {"hostname": "shop.test", "known-pins": ["x"]},
                "hpkp: Public key pinning validation failed for 'shop.test'",
            ),
            (
                {
                    "type": "csp-violation",
                    "body": {"effectiveDirective": "img-src", "blockedURL": "data:image/png"},
                },
                "CSP: img-src: Blocked img from 'data'",
            ),
            (
                {"csp-report": {"blocked-uri": "inline"}},
                "CSP: unknown: Blocked unknown from 'inline'",
            ),
            (
                {"csp-report": {"blocked-uri": "https://["}},
                "CSP: unknown: Blocked unknown from 'unknown'",
            ),
            ({"csp-report": {}}, "CSP: unknown: Blocked unknown from 'self'"),
            (
                {
                    "type": "deprecation",
                    "url": "https://a.test",
                    "body": {"id": "websql", "message": "gone soon"},
                },
                "deprecation: websql: gone soon",
            ),
            (
                {"type": "network-error", "body": {"type": "dns.unreachable"}},
                "network-error: dns.unreachable: dns.unreachable",
            ),
            ({"type": "crash", "body": {"reason": "oom"}}, "crash: oom: oom"),
        ],
    )
    def test_every_kind(self, body: Any, expected: str) -> None:
        (entry,) = reports(body)
        assert title(entry) == expected

    def test_a_list_of_reports_costs_the_good_ones_nothing(self) -> None:
        good = {"type": "intervention", "body": {"id": "x"}}
        body = json.dumps([good, 7, {"type": "x"}, CSP]).encode()
        found = security_entries(body, {}, LIMITS)
        assert [isinstance(one, Entry) for one in found] == [True, False, False, True]
        assert found[0].payload == json.dumps(good).encode()  # type: ignore[union-attr]

    @pytest.mark.parametrize("body", [b"", b"7", b"{}", b'{"type":"x"}', b"[1", b"[" * 600])
    def test_what_is_no_report_is_refused(self, body: bytes) -> None:
        with pytest.raises(Malformed):
            security_entries(body, {}, LIMITS)

    def test_in_an_envelope_the_items_header_tells_the_release(self) -> None:
        item = {"type": "raw_security", "sentry_release": "shop@2", "other": "x"}
        body = parcel((item, json.dumps(CSP).encode()))
        (entry,) = sort_out(open_parcel(body), LIMITS).entries
        assert behead(entry.body)[0] == {"sentry_release": "shop@2"}
        assert shown(entry)["version"] == "shop@2"


def minidump(
    *,
    code: int = 0xC0000005,
    address: int = 0x40_1234,
    platform: int = 2,
    modules: tuple[tuple[int, int, str], ...] = ((0x40_0000, 0x10_0000, "C:\\shop\\shop.exe"),),
    streams: int = 3,
    version: int = 0xA793,
    many: int | None = None,
) -> bytes:
    """A minidump with a system, an exception and modules, of which it says it has ``many``."""
    system = struct.pack("<HHHBBIIIII", 9, 6, 0, 4, 1, 10, 0, 19045, platform, 0).ljust(56, b"\0")
    exception = struct.pack("<IIIIQQ", 77, 0, code, 0, 0, address).ljust(168, b"\0")
    start = 32 + 3 * 12
    places = {7: (system, start), 6: (exception, start + len(system))}
    at = start + len(system) + len(exception)
    names = at + 4 + 108 * len(modules)
    listed, strings = struct.pack("<I", len(modules) if many is None else many), b""
    for base, size, name in modules:
        listed += struct.pack("<QIIII", base, size, 0, 0, names + len(strings)).ljust(108, b"\0")
        text = name.encode("utf-16-le")
        strings += struct.pack("<I", len(text)) + text + b"\0\0"
    places[4] = (listed, at)
    head = struct.pack("<4sIIIIIQ", b"MDMP", version, streams, 32, 0, 1_700_000_000, 0)
    directory = b"".join(
        struct.pack("<III", kind, len(data), place) for kind, (data, place) in places.items()
    )
    return head + directory + system + exception + listed + strings


class TestMinidumps:
    def test_what_a_dump_says(self) -> None:
        assert read_minidump(minidump()) == {
            "at": "2023-11-14T22:13:20Z",
            "os": {"name": "Windows", "version": "10.0.19045"},
            "arch": "x86_64",
            "exception": "EXCEPTION_ACCESS_VIOLATION",
            "address": "0x401234",
            "thread": 77,
            "module": {"name": "shop.exe", "offset": "0x1234"},
            "modules": ["C:\\shop\\shop.exe"],
        }

    @pytest.mark.parametrize(
        ("platform", "code", "name"),
        [
            (0x8201, 11, "SIGSEGV"),
            (0x8203, 99, "signal 99"),
            (0x8101, 1, "EXC_BAD_ACCESS"),
            (2, 0xDEADBEEF, "exception 0xdeadbeef"),
            (0x7777, 11, "exception 0x0000000b"),
        ],
    )
    def test_names_of_exceptions_are_the_systems(self, platform: int, code: int, name: str) -> None:
        assert read_minidump(minidump(platform=platform, code=code))["exception"] == name

    @pytest.mark.parametrize(
        "data", [b"", b"MDMP", b"\0" * 100, minidump(version=1), minidump()[4:]]
    )
    def test_what_is_no_dump_is_refused(self, data: bytes) -> None:
        with pytest.raises(Malformed) as caught:
            read_minidump(data)
        assert caught.value.code == "bad_minidump"

    @pytest.mark.parametrize(
        ("data", "told", "notes"),
        [
            (minidump(streams=0xFFFFFFFF), "exception", 5),
            (minidump()[:80], None, 3),
            (minidump()[:33], None, 1),
            (minidump(streams=0), None, 0),
            (
                minidump().replace(struct.pack("<II", 6, 168), struct.pack("<II", 6, 1 << 31)),
                "os",
                1,
            ),
            (minidump(modules=()), "exception", 0),
            (minidump(address=0), "exception", 0),
            (minidump(many=7), "module", 1),
        ],
    )
    def test_headers_that_lie_cost_what_they_lie_about(
        self, data: bytes, told: str | None, notes: int
    ) -> None:
        facts = read_minidump(data)
        assert told is None or told in facts
        assert len(facts.get("notes", ())) == notes

    @given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 255))
    def test_any_bytes_are_borne(self, tail: bytes, at: int, value: int) -> None:
        damaged = bytearray(minidump() + tail)
        damaged[at] = value
        for data in (bytes(damaged), minidump()[:32] + tail):
            try:
                facts = read_minidump(data)
            except Malformed:
                continue
            orjson.dumps(facts)

    def test_a_dump_beside_an_event_explains_it(self) -> None:
        dump = minidump()
        body = parcel(
            ({"type": "event"}, b'{"event_id": "0123456789abcdef0123456789abcdef"}'),
            (
                {"type": "attachment", "attachment_type": "event.minidump", "length": len(dump)},
                dump,
            ),
        )
        (entry,) = sort_out(open_parcel(body), LIMITS).entries
        picture = shown(entry)
        assert picture["error"]["class_name"] == "EXCEPTION_ACCESS_VIOLATION"
        assert picture["error"]["message"] == "at 0x1234 in shop.exe"
        assert picture["environment"]["os"]["name"] == "Windows"
        (file,) = open_files(entry.body).files
        assert (file.kind, file.data) == ("minidump", dump)

    def test_an_exception_that_the_event_tells_itself_is_kept(self) -> None:
        dump = minidump()
        event = b'{"exception": [{"type": "Own", "value": "said"}]}'
        body = parcel(
            ({"type": "event"}, event),
            (
                {"type": "attachment", "attachment_type": "event.minidump", "length": len(dump)},
                dump,
            ),
        )
        (entry,) = sort_out(open_parcel(body), LIMITS).entries
        assert shown(entry)["error"]["class_name"] == "Own"

    def test_a_dump_that_is_none_is_an_attachment_of_its_event(self) -> None:
        body = parcel(({"type": "event"}, b'{"message": "m"}'), (DUMP, b"garbage"))
        contents = sort_out(open_parcel(body), LIMITS)
        assert not contents.faults
        assert shown(contents.entries[0])["error"]["message"] == "m"

    def test_a_dump_alone_in_an_envelope_is_a_crash(self) -> None:
        dump = minidump()
        sdk_id = "0123456789abcdef0123456789abcdef"
        body = parcel(({**DUMP, "length": len(dump)}, dump), header={"event_id": sdk_id})
        (entry,) = sort_out(open_parcel(body), LIMITS).entries
        assert shown(entry)["sdk_id"] == sdk_id

    def test_crashes_at_one_place_are_one_group_and_at_others_are_not(self) -> None:
        def group(address: int) -> Any:
            dump = minidump(address=address)
            body = parcel(({**DUMP, "length": len(dump)}, dump))
            (entry,) = sort_out(open_parcel(body), LIMITS).entries
            return crash.normalise(envelope_of(alone(entry))).group

        assert group(0x40_1234) == group(0x40_1234)
        assert group(0x40_1234).fingerprint != group(0x40_5678).fingerprint


def form(**fields: Any) -> tuple[str, bytes]:
    """A form with these fields; bytes become files."""
    data = {
        name.replace("__dot__", ".").replace("dash_", "__sentry-"): (
            (io.BytesIO(value), f"{name}.bin") if isinstance(value, bytes) else value
        )
        for name, value in fields.items()
    }
    with closing(EnvironBuilder(method="POST", data=data)) as builder:
        environ = builder.get_environ()
        with environ["wsgi.input"] as stream:
            return environ["CONTENT_TYPE"], stream.read()


class TestForms:
    def test_a_dump_with_what_is_known_beside_it(self) -> None:
        sdk_id = "0123456789abcdef0123456789abcdef"
        event = {"event_id": sdk_id, "release": "shop@3", "extra": {"kept": 1}}
        kind, body = form(
            upload_file_minidump=minidump(), sentry=json.dumps(event), note="hello", log=b"line"
        )
        entry = read_parts(kind, body, LIMITS)
        assert entry.sdk_id is not None
        assert entry.sdk_id.hex == sdk_id
        picture = shown(entry)
        assert picture["version"] == "shop@3"
        assert picture["custom"]["extra"] == {"note": "hello", "kept": 1}
        files = open_files(entry.body).files
        assert [(file.kind, file.data) for file in files] == [
            ("minidump", minidump()),
            ("attachment", b"line"),
        ]

    def test_an_event_in_pieces_in_nested_fields_and_as_messagepack(self) -> None:
        whole = json.dumps({"release": "shop@4", "user": {"id": "u"}})
        kind, body = form(
            upload_file_minidump=minidump(),
            **{
                "sentry__1": whole[:9],
                "sentry__2": whole[9:],
                "sentry[tags][shop]": "eu",
                "sentry[level]": "fatal",
                "dash_event": msgpack.packb({"platform": "native", "release": "older"}),
                "dash_breadcrumb1": msgpack.packb({"message": "a"})
                + msgpack.packb({"message": "b"}),
                "dash_breadcrumb2": msgpack.packb({"message": "c"}) + b"\xc1",
            },
        )
        picture = shown(read_parts(kind, body, LIMITS))
        assert (picture["version"], picture["level"]) == ("shop@4", "fatal")
        assert picture["user"]["identifier"] == "u"
        assert picture["tags"] == ["shop:eu"]
        assert [crumb["message"] for crumb in picture["breadcrumbs"]] == ["a", "b", "c"]

    def test_a_bare_dump(self) -> None:
        entry = read_parts("application/octet-stream", minidump(), LIMITS)
        assert shown(entry)["error"]["class_name"] == "EXCEPTION_ACCESS_VIOLATION"

    @pytest.mark.parametrize(
        ("kind", "body", "code"),
        [
            ("", b"", "bad_minidump"),
            ("multipart/form-data", b"x", "bad_minidump"),
            ("multipart/form-data; boundary=b", b"", "bad_body"),
            ("multipart/form-data; boundary=b", b"--b\r\n", "bad_body"),
            ("multipart/form-data; boundary=b", b"x" * 1000, "bad_body"),
            ("application/x-www-form-urlencoded", b"a=b", "bad_minidump"),
            (*form(note=b"x"), "missing_field"),
            (*form(upload_file_minidump=b"garbage"), "bad_minidump"),
            (*form(upload_file_minidump=minidump(), sentry="no json"), "not_json"),
            (*form(upload_file_minidump=minidump(), note="x" * (1 << 20)), "too_large"),
            (
                *form(upload_file_minidump=minidump(), **{f"f{n}": "x" for n in range(1100)}),
                "bad_body",
            ),
        ],
        ids=range(11),
    )
    def test_forms_that_are_refused(self, kind: str, body: bytes, code: str) -> None:
        with pytest.raises(Malformed) as caught:
            read_parts(kind, body, LIMITS)
        assert caught.value.code == code
