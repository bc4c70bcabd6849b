"""What a minidump says of a crash before anybody has its symbols: bounded reads, hostile headers.

Format: Microsoft's ``minidumpapiset.h``, with the numbers that Breakpad and Crashpad use for other
systems. Little-endian; a header, a directory of streams, and places relative to the beginning.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from events.fields import members
from events.moment import iso
from events.record import Malformed
from events.report import Crash, Error, Frame
from events.sentry.event import SentryEvent
from events.sentry.headed import behead
from events.sentry.ids import read_sdk_id
from events.text import as_text, clip

SIGNATURE = b"MDMP"
_VERSION = 42899
_HEADER = struct.Struct("<4sIIIIIQ")
_ENTRY = struct.Struct("<III")
_MODULE = struct.Struct("<QIIII84x")
_EXCEPTION = struct.Struct("<IIIIQQ")
_SYSTEM = struct.Struct("<HHHBBIIII")
_MODULE_LIST, _EXCEPTION_STREAM, _SYSTEM_INFO = 4, 6, 7
_MOST_STREAMS = 1_000
_MOST_MODULES = 5_000
_SHOWN_MODULES = 500
_MOST_NOTES = 5
_NAME_BYTES = 2_000

_MAC, _LINUX = frozenset({0x8101, 0x8102}), frozenset({0x8201, 0x8203})
_SYSTEMS = {
    2: "Windows",
    0x8101: "macOS",
    0x8102: "iOS",
    0x8201: "Linux",
    0x8202: "Solaris",
    0x8203: "Android",
    0x8206: "Fuchsia",
}
_PROCESSORS = {0: "x86", 5: "arm", 9: "x86_64", 12: "arm64", 0x8003: "arm64"}
_CODES = {
    0x80000003: "EXCEPTION_BREAKPOINT",
    0xC0000005: "EXCEPTION_ACCESS_VIOLATION",
    0xC0000006: "EXCEPTION_IN_PAGE_ERROR",
    0xC000001D: "EXCEPTION_ILLEGAL_INSTRUCTION",
    0xC000008C: "EXCEPTION_ARRAY_BOUNDS_EXCEEDED",
    0xC000008E: "EXCEPTION_FLT_DIVIDE_BY_ZERO",
    0xC0000094: "EXCEPTION_INT_DIVIDE_BY_ZERO",
    0xC0000096: "EXCEPTION_PRIV_INSTRUCTION",
    0xC00000FD: "EXCEPTION_STACK_OVERFLOW",
    0xC0000374: "STATUS_HEAP_CORRUPTION",
    0xC0000409: "STATUS_STACK_BUFFER_OVERRUN",
    0xC0000602: "STATUS_FAIL_FAST_EXCEPTION",
    0xE06D7363: "Unhandled C++ exception",
    0xE0434352: "Unhandled CLR exception",
}
_SIGNALS = {4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV"}
_MACH = {
    1: "EXC_BAD_ACCESS",
    2: "EXC_BAD_INSTRUCTION",
    3: "EXC_ARITHMETIC",
    5: "EXC_SOFTWARE",
    6: "EXC_BREAKPOINT",
    10: "EXC_CRASH",
    11: "EXC_RESOURCE",
    12: "EXC_GUARD",
}


def read_minidump(data: bytes) -> dict[str, Any]:
    """Facts for an event's header: time, system, exception, module at fault, modules.

    What lies beyond the end, or contradicts itself, is left out and noted. Raises
    :class:`Malformed` ``bad_minidump`` for what is no minidump at all.
    """
    if len(data) < _HEADER.size or not data.startswith(SIGNATURE):
        raise Malformed("bad_minidump", "The file does not begin as a minidump does.")
    _, version, streams, directory, _, stamp, _ = _HEADER.unpack_from(data)
    if version & 0xFFFF != _VERSION:
        raise Malformed("bad_minidump", f"No minidump has version {version & 0xFFFF}.")
    return _Dump(data).facts(streams, directory, stamp)


class _Dump:
    """One pass over a dump's streams."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._notes: list[str] = []

    def facts(self, streams: int, directory: int, stamp: int) -> dict[str, Any]:
        places = dict(self._directory(streams, directory))
        system = self._system(places.get(_SYSTEM_INFO))
        exception = self._exception(places.get(_EXCEPTION_STREAM))
        modules = list(self._modules(places.get(_MODULE_LIST)))
        found = {
            "at": iso(datetime.fromtimestamp(stamp, UTC)) if stamp else None,
            **_told(system, exception),
            "module": None if exception is None else _module_at(exception[2], modules),
            "modules": [module["name"] for module in modules[:_SHOWN_MODULES]],
            "notes": self._notes[:_MOST_NOTES],
        }
        return {name: value for name, value in found.items() if value}

    def _directory(self, streams: int, directory: int) -> Iterator[tuple[int, tuple[int, int]]]:
        if streams > _MOST_STREAMS or directory + streams * _ENTRY.size > len(self._data):
            self._notes.append(f"the directory of {streams} streams does not fit the file")
            streams = min(_MOST_STREAMS, max(0, len(self._data) - directory) // _ENTRY.size)
        for number in range(streams):
            kind, size, place = _ENTRY.unpack_from(self._data, directory + number * _ENTRY.size)
            if place + size > len(self._data):
                self._notes.append(f"stream {kind} lies beyond the end of the file")
            else:
                yield kind, (place, size)

    def _system(self, place: tuple[int, int] | None) -> tuple[int, int, str] | None:
        """Platform, processor, and the system's version."""
        if place is None or place[1] < _SYSTEM.size:
            return None
        fields = _SYSTEM.unpack_from(self._data, place[0])
        return fields[8], fields[0], f"{fields[5]}.{fields[6]}.{fields[7]}"

    def _exception(self, place: tuple[int, int] | None) -> tuple[int, int, int] | None:
        """Thread, code and address."""
        if place is None or place[1] < _EXCEPTION.size:
            return None
        thread, _, code, _, _, address = _EXCEPTION.unpack_from(self._data, place[0])
        return thread, code, address

    def _modules(self, place: tuple[int, int] | None) -> Iterator[dict[str, Any]]:
        if place is None or place[1] < 4:
            return
        start, size = place
        (count,) = struct.unpack_from("<I", self._data, start)
        fits = (size - 4) // _MODULE.size
        if count > min(fits, _MOST_MODULES):
            self._notes.append(f"of {count} modules {min(fits, _MOST_MODULES)} are read")
        # Some writers align the list to eight bytes.
        first = start + (8 if size - 4 - count * _MODULE.size >= 4 else 4)
        for number in range(min(count, fits, _MOST_MODULES)):
            at = first + number * _MODULE.size
            if at + _MODULE.size > len(self._data):
                return
            base, length, _, _, name = _MODULE.unpack_from(self._data, at)
            yield {"base": base, "size": length, "name": self._string(name)}

    def _string(self, place: int) -> str:
        if place + 4 > len(self._data):
            return ""
        (length,) = struct.unpack_from("<I", self._data, place)
        raw = self._data[place + 4 : place + 4 + min(length, _NAME_BYTES)]
        return clip(raw.decode("utf-16-le", "replace"), _NAME_BYTES)


def _told(
    system: tuple[int, int, str] | None, exception: tuple[int, int, int] | None
) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if system is not None:
        platform, processor, version = system
        told["os"] = {"name": _SYSTEMS.get(platform, f"system {platform}"), "version": version}
        told["arch"] = _PROCESSORS.get(processor, f"processor {processor}")
    if exception is not None:
        thread, code, address = exception
        told["exception"] = _exception_name(None if system is None else system[0], code)
        told["address"] = hex(address)
        told["thread"] = thread
    return told


def _exception_name(platform: int | None, code: int) -> str:
    if platform in _LINUX:
        return _SIGNALS.get(code, f"signal {code}")
    if platform in _MAC:
        return _MACH.get(code, f"mach exception {code}")
    return _CODES.get(code, f"exception {code:#010x}")


def _module_at(address: int, modules: list[dict[str, Any]]) -> dict[str, Any] | None:
    for module in modules:
        if module["base"] <= address < module["base"] + module["size"]:
            name = module["name"].replace("\\", "/").rpartition("/")[2]
            return {"name": name, "offset": hex(address - module["base"])}
    return None


class MinidumpEvent(SentryEvent):
    """An event with the facts of its minidump in the line before it; raises :class:`Malformed`."""

    def __init__(self, body: bytes, *, exact: bool = False) -> None:
        header, payload = behead(body)
        super().__init__(payload, exact=exact)
        self.sdk_id = self.sdk_id or read_sdk_id(header.get("event_id"))
        self._facts = members(header.get("minidump"))

    def crash(self) -> Crash:
        """What the event says, with the dump's exception where it tells of none itself."""
        crash = super().crash()
        facts = self._facts
        surroundings = {**members(crash.environment), "minidump": facts}
        system = members(facts.get("os"))
        if system:
            surroundings.setdefault("os", system)
        crash = crash._replace(environment=surroundings)
        if crash.error is not None and crash.error.class_name is not None:
            return crash
        error, where = _error(facts)
        parts = (*crash.grouping_parts, *where)
        return crash._replace(error=error, grouping_parts=parts)


def _error(facts: dict[str, Any]) -> tuple[Error, tuple[str, ...]]:
    """The error, and what of its place tells it from others: offsets, until there are symbols."""
    module = members(facts.get("module"))
    name, offset = as_text(module.get("name"), 500), as_text(module.get("offset"), 50)
    address = as_text(facts.get("address"), 50)
    kind = as_text(facts.get("exception"), 200) or "Minidump"
    if name is None or offset is None:
        return Error(kind, f"at {address}" if address else "", [], []), ()
    frame = Frame(name, None, None, None, offset, None, in_app=True)
    return Error(kind, f"at {offset} in {name}", [frame], []), (name, offset)
