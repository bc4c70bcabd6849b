"""Sentry's envelopes and older bodies taken apart, recorded ones and hostile ones."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sentry_samples import LIMITS, Sample, contents_of, parcel, recorded

from events.record import Malformed
from events.sentry.attachments import open_files, with_files
from events.sentry.items import sort_out
from events.sentry.legacy import open_store_body
from events.sentry.wire import MAX_HEADER_BYTES, MAX_ITEMS, Item, open_parcel

EVENT = {"type": "event"}
#: Any text, lone surrogates too.
TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)


def _name(sample: Sample) -> str:
    return sample.name


ENVELOPES = [sample for sample in recorded() if sample.kind == "envelope"]


def test_the_corpus_is_there() -> None:
    assert len(recorded()) == 148
    assert len(ENVELOPES) == 135


@pytest.mark.parametrize("sample", ENVELOPES, ids=_name)
def test_every_recorded_envelope_is_read_whole(sample: Sample) -> None:
    opened = open_parcel(sample.body)
    assert [item.type for item in opened.items] == sample.items
    assert not opened.faults
    assert all(item.payload in sample.body for item in opened.items)


@pytest.mark.parametrize("sample", recorded(), ids=_name)
def test_every_recorded_event_becomes_one_with_its_own_bytes_and_id(sample: Sample) -> None:
    contents = contents_of(sample)
    assert not contents.faults
    crashes = [entry for entry in contents.entries if entry.event_type == "crash"]
    assert len(crashes) == sample.items.count("event")
    for entry in crashes:
        assert entry.sdk_id is not None


@pytest.mark.parametrize(
    ("body", "payloads"),
    [
        (b"{}", []),
        (b"{}\n", []),
        (b"{}\n\n\n", []),
        (b'{}\n{"type":"a"}\nx', [b"x"]),
        (b'{}\n{"type":"a"}\nx\n', [b"x"]),
        (b'{}\n{"type":"a"}\n', [b""]),
        (b'{}\n{"type":"a"}', [b""]),
        (b'{}\n{"type":"a","length":3}\nx\ny\n{"type":"b"}\nz', [b"x\ny", b"z"]),
        (b'{}\n{"type":"a","length":0}\n\n{"type":"b"}\nz', [b"", b"z"]),
        (b'{}\n{"type":"a","length":null}\nx\n{"type":"b","length":1}\nz', [b"x", b"z"]),
        (b'{}\r\n{"type":"a"}\nx\n\n{"type":"b"}\nz\n\n', [b"x", b"z"]),
        (b'\xef\xbb\xbf{}\n{"type":"a"}\nx', [b"x"]),
    ],
)
def test_items_end_by_their_length_or_their_line(body: bytes, payloads: list[bytes]) -> None:
    opened = open_parcel(body)
    assert [item.payload for item in opened.items] == payloads
    assert not opened.faults


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n{}",
        b"[]",
        b"null",
        b"{",
        b"not json",
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b'{"a":"' + b"x" * MAX_HEADER_BYTES + b'"}',
        b" " * 20_000_000,
    ],
)
def test_a_header_that_cannot_be_read_is_a_bad_envelope(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        open_parcel(body)
    assert caught.value.code == "bad_envelope"


@pytest.mark.parametrize(
    "bad",
    [
        b"[]\nx",
        b"{}\nx",
        b'{"type":7}\nx',
        b'{"type":""}\nx',
        b'{"type":"' + b"t" * 101 + b'"}\nx',
        b"no header\nx",
        b'{"type":"a","length":-1}\nx',
        b'{"type":"a","length":2}\nx',
        b'{"type":"a","length":1}\nxy',
        b'{"type":"a","length":1e3}\nx',
        b'{"type":"a","length":"1"}\nx',
        b'{"type":"a","length":true}\nx',
        b'{"type":"a","length":99999999999999999999}\nx',
        b'{"type":"a","b":' + b"[" * 60 + b"]" * 60 + b"}\nx",
        b'{"type":"a","b":"' + b"x" * MAX_HEADER_BYTES + b'"}\nx',
    ],
)
def test_what_comes_before_a_bad_item_is_kept_and_the_rest_refused(bad: bytes) -> None:
    opened = open_parcel(b'{}\n{"type":"good"}\nfine\n' + bad + b'\n{"type":"late"}\ny')
    assert [item.type for item in opened.items][:1] == ["good"]
    assert [fault.code for fault in opened.faults] == ["bad_item"]


def test_an_envelope_of_very_many_items_costs_little() -> None:
    bomb = b"{}\n" + b'{"type":"a"}\n\n' * 1_000_000
    tracemalloc.start()
    opened = open_parcel(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(opened.items) == MAX_ITEMS
    assert [fault.code for fault in opened.faults] == ["too_many"]
    assert peak < 2_000_000


@given(st.binary(max_size=300), st.lists(st.binary(max_size=40), max_size=4))
@example(b"{}", [b'{"type":"event","length":5}', b"{}"])
def test_any_bytes_are_read_or_refused(start: bytes, lines: list[bytes]) -> None:
    try:
        opened = open_parcel(b"\n".join([start, *lines]))
    except Malformed:
        return
    contents = sort_out(opened, LIMITS)
    assert len(contents.entries) <= len(opened.items)


JSON = b'{"message": "old"}'


@pytest.mark.parametrize(
    "body",
    [
        JSON,
        b"\n " + JSON,
        base64.b64encode(JSON),
        base64.b64encode(JSON).rstrip(b"="),
        base64.urlsafe_b64encode(b'{"m": "\xc3\xbf\xc3\xbf\xc3\xbf"}'),
        base64.b64encode(zlib.compress(JSON)),
        base64.encodebytes(zlib.compress(JSON)),
        base64.b64encode(gzip.compress(JSON, mtime=0)),
        zlib.compress(JSON),
        gzip.compress(JSON, mtime=0),
    ],
)
def test_older_bodies_are_unwrapped(body: bytes) -> None:
    assert json.loads(open_store_body(body, 1000))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"%%%", "bad_body"),
        (b"", None),
        (zlib.compress(JSON)[:-3], "bad_body"),
        (b"\x78\x9cgarbage", "bad_body"),
        (b"\x1f\x8bgarbage", "bad_body"),
        (base64.b64encode(zlib.compress(b" " * 50_000_000)), "too_large"),
        (zlib.compress(b"{" + b" " * 50_000_000), "too_large"),
    ],
)
def test_broken_and_swelling_bodies_are_refused(body: bytes, code: str | None) -> None:
    if code is None:
        assert open_store_body(body, 1000) == b""
        return
    tracemalloc.start()
    with pytest.raises(Malformed) as caught:
        open_store_body(body, 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == code
    assert peak < 1_000_000


class TestItems:
    def test_unknown_items_are_counted_and_cost_their_neighbours_nothing(self) -> None:
        body = parcel(
            ({"type": "nobody_knows"}, b"x"),
            (EVENT, b'{"message": "m"}'),
            ({"type": "statsd"}, b"y"),
            (EVENT, b"no json"),
            (EVENT, b"[1]"),
        )
        contents = sort_out(open_parcel(body), LIMITS)
        assert [entry.payload for entry in contents.entries] == [b'{"message": "m"}']
        assert contents.ignored == {"other": 1, "statsd": 1}
        assert [fault.code for fault in contents.faults] == ["not_json", "not_an_object"]

    def test_the_header_names_the_first_event_that_does_not_name_itself(self) -> None:
        sdk_id = "0123456789abcdef0123456789abcdef"
        body = parcel((EVENT, b"{}"), (EVENT, b"{ }"), header={"event_id": sdk_id})
        first, second = sort_out(open_parcel(body), LIMITS).entries
        assert first.sdk_id is not None
        assert first.sdk_id.hex == sdk_id
        assert (first.protocol, second.protocol) == ("sentry.named_event", "sentry.event")
        assert second.sdk_id is None
        assert first.body.endswith(b"\n{}")

    def test_an_event_that_names_itself_is_not_named_by_the_header(self) -> None:
        own = b'{"event_id": "11111111-1111-4111-8111-111111111111"}'
        body = parcel((EVENT, own), header={"event_id": "0123456789abcdef0123456789abcdef"})
        (entry,) = sort_out(open_parcel(body), LIMITS).entries
        assert entry.body == own
        assert str(entry.sdk_id) == "11111111-1111-4111-8111-111111111111"

    @pytest.mark.parametrize("given", ["", "x", "0" * 32, 7, None, "0123456789abcdef" * 3])
    def test_an_id_that_is_none_is_no_id(self, given: object) -> None:
        body = parcel((EVENT, json.dumps({"event_id": given}).encode()))
        (entry,) = sort_out(open_parcel(body), LIMITS).entries
        assert entry.sdk_id is None

    def test_an_event_that_is_too_large_or_too_deep_is_refused_alone(self) -> None:
        deep = b'{"a":' * 600 + b"1" + b"}" * 600
        large = b'{"a": "' + b"x" * (1 << 20) + b'"}'
        body = parcel((EVENT, deep), (EVENT, b"{}"), (EVENT, large))
        contents = sort_out(open_parcel(body), LIMITS)
        assert len(contents.entries) == 1
        assert [fault.code for fault in contents.faults] == ["too_deep", "too_large"]

    def test_attachments_go_with_the_event_and_come_apart_as_they_were(self) -> None:
        sample = next(
            one for one in recorded() if one.name == "python-2/02-attachments-event+attachment"
        )
        (entry,) = contents_of(sample).entries
        opened = open_files(entry.body)
        assert opened.protocol == "sentry.event"
        assert opened.body in sample.body
        assert [(file.name, file.content_type, file.data) for file in opened.files] == [
            ("log.txt", "text/plain", b'line one\nline two\n{"type":"event"}\n'),
            ("dump.bin", "application/octet-stream", bytes(range(256)) * 4),
            ("empty.txt", "text/plain", b""),
            ('ünï "quoted".json', "application/json", '{"π":3}'.encode()),
        ]

    def test_attachments_without_an_event_are_counted(self) -> None:
        body = parcel(({"type": "attachment", "filename": "a"}, b"x"))
        contents = sort_out(open_parcel(body), LIMITS)
        assert (contents.entries, contents.ignored) == ([], {"attachment": 1})

    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_categories=[]), max_size=20), st.binary(max_size=50)
            ),
            max_size=5,
        )
    )
    def test_whatever_files_hold_they_come_apart(self, files: list[tuple[str, bytes]]) -> None:
        items = [Item("attachment", {"filename": name}, data) for name, data in files]
        opened = open_files(with_files("sentry.event", {}, b'{"a": 1}', items))
        assert opened.body == b'{"a": 1}'
        assert [file.data for file in opened.files] == [data for _, data in files]
