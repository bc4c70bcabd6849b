from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.parse import deeper_than, loads, loads_exact
from events.record import Malformed


def code_of(body: bytes, max_depth: int = 500) -> str:
    with pytest.raises(Malformed) as caught:
        loads(body, max_depth)
    return caught.value.code


def test_what_python_and_javascript_clients_write() -> None:
    assert loads(b'{"a": NaN, "b": [Infinity, -Infinity]}') == {
        "a": "NaN",
        "b": ["Infinity", "-Infinity"],
    }
    assert loads(b'"\\ud83d"') == "\ud83d"
    assert loads(b'"a\xffb"') == "a\ufffdb"
    assert loads(b'"a\x01b"') == "a\x01b"
    assert loads(b"\xef\xbb\xbf[1]") == [1]
    assert loads(b'"nul\\u0000"') == "nul\0"


def test_numbers_beyond_the_machine_s() -> None:
    assert loads(b"[1e400, -1e400]") == ["1e400", "-1e400"]
    assert loads(b"1" * 401) == "1" * 401
    assert loads(b"9" * 100_000) == "9" * 100_000
    assert loads_exact(b"[18446744073709551617, 18446744073709551615]") == [
        "18446744073709551617",
        18446744073709551615,
    ]
    assert loads_exact(b'{"ms": 1795414277389}') == {"ms": 1795414277389}


@pytest.mark.parametrize("body", [b"", b" ", b"{", b'{"a":', b"nope", b"[1,]", b"{} x", b"\0"])
def test_what_is_not_json(body: bytes) -> None:
    assert code_of(body) == "not_json"


def test_depth() -> None:
    assert loads(b"[" * 120 + b"]" * 120)
    assert loads(b"[" * 500 + b"]" * 500)
    assert code_of(b"[" * 501 + b"]" * 501) == "too_deep"
    assert code_of(b"[" * 5000 + b"]" * 5000) == "too_deep"
    assert code_of(b'{"a":' * 5000 + b"1" + b"}" * 5000) == "too_deep"
    assert code_of(b"[" * 1_000_000) == "too_deep"
    assert code_of(b"[" * 2000 + b"NaN" + b"]" * 2000, 10_000) == "too_deep"


def test_brackets_in_strings_are_no_depth() -> None:
    assert loads(b'"' + b"[" * 5000 + b'"') == "[" * 5000
    assert loads(b'"\\"' + b"[" * 5000 + b'"') == '"' + "[" * 5000
    assert not deeper_than(b"[" + b",".join([b"[]"] * 5000) + b"]", 2)
    assert deeper_than(b'["]]]]", ' + b"[" * 3 + b"]" * 4, 3)


@pytest.mark.parametrize(
    "unit", [b"[", b"{", b'"', b'\\"', b'["\\"', b'{"a":', b"\\", b'"[', b"[]", b"9", b"-"]
)
def test_no_body_takes_more_than_linear_time(unit: bytes) -> None:
    body = b"[" + unit * (1_000_000 // len(unit))
    start = time.process_time()
    with pytest.raises(Malformed):
        loads(body, 500)
    assert time.process_time() - start < 3


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\ud83n0e-1', max_size=60))
def test_any_bytes_parse_or_are_malformed(body: bytes | str) -> None:
    with contextlib.suppress(Malformed):
        loads(body if isinstance(body, bytes) else body.encode())
