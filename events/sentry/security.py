"""Reports that browsers send by themselves: broken policies, certificates, failed requests.

Formats: CSP3 and Reporting API (W3C), RFC 7469 (key pinning), RFC 9163 (Expect-CT). Browsers send
some as an object with one name, others as a list of ``{"type", "url", "body"}``.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from events.fields import integer, members
from events.parse import loads, loads_exact
from events.record import Malformed
from events.report import Crash, Error, Frame, User
from events.sentry.headed import behead
from events.text import as_text, clip

_SHORT = 1_000
_LONG = 10_000
_CSP_TYPES = frozenset({"csp-violation", "csp-report"})
_WRAPPED = {
    "csp-report": "csp-violation",
    "expect-ct-report": "expect-ct",
    "expect-staple-report": "expect-staple",
}
_FAILED = {
    "expect-ct": "Expect-CT failed",
    "expect-staple": "Expect-Staple failed",
    "hpkp": "Public key pinning validation failed",
}
_SCHEMES = frozenset({"data", "blob", "filesystem", "about", "chrome-extension", "moz-extension"})


class _Told(NamedTuple):
    """What a report says: the kind of trouble, how a person reads it, what makes it one group."""

    class_name: str
    message: str
    parts: tuple[str, ...]
    fields: dict[str, Any]
    url: str | None


def is_report(value: Any) -> bool:
    """Whether parsed JSON is a report of a kind that is known here."""
    fields = members(value)
    if any(isinstance(fields.get(name), dict) for name in _WRAPPED) or "known-pins" in fields:
        return True
    return isinstance(fields.get("type"), str) and isinstance(fields.get("body"), dict)


class SecurityReport:
    """One report, with the line that names the release; raises :class:`Malformed` when it is none.

    ``exact`` keeps every digit of integers beyond 64 bits, which takes a slower parser.
    """

    def __init__(self, body: bytes, *, exact: bool = False) -> None:
        self._header, payload = behead(body)
        value = loads_exact(payload) if exact else loads(payload)
        if not is_report(value):
            raise Malformed("bad_item", "The item is no report that browsers send.")
        self._told = _told(value)

    def crash(self) -> Crash:
        """What every crash has."""
        told, header = self._told, self._header
        agent = as_text(header.get("user_agent"), _SHORT)
        environment = as_text(header.get("sentry_environment"), _SHORT)
        surroundings = {"environment": environment, "browser": agent and {"user_agent": agent}}
        return Crash(
            occurred_at=None,
            platform="javascript",
            client_name="browser",
            client_version=None,
            version=as_text(header.get("sentry_release"), _SHORT),
            machine=None,
            url=told.url,
            grouping_key=clip("\x1f".join((told.class_name, *told.parts)), _LONG),
            error=Error(told.class_name, told.message, _frames(told.fields), []),
            user=User(),
            tags=[],
            custom=told.fields,
            environment={name: value for name, value in surroundings.items() if value} or None,
        )

    def request(self) -> dict[str, Any] | None:
        """The page that the report is about."""
        return {"url": self._told.url} if self._told.url else None

    def breadcrumbs(self) -> list[dict[str, Any]] | None:
        """Browsers tell nothing of what happened before."""
        return None


def _told(report: dict[str, Any]) -> _Told:
    for name, kind in _WRAPPED.items():
        if isinstance(report.get(name), dict):
            return _of_kind(kind, report[name], None)
    if "known-pins" in report:
        return _of_kind("hpkp", report, None)
    return _of_kind(report["type"], members(report["body"]), as_text(report.get("url"), _SHORT))


def _of_kind(kind: str, fields: dict[str, Any], url: str | None) -> _Told:
    if kind in _CSP_TYPES:
        return _policy(fields, url)
    if kind in _FAILED:
        host = _text(fields, "hostname") or "unknown host"
        return _Told(_label(kind), f"{_FAILED[kind]} for '{host}'", (host,), fields, url)
    about = _text(fields, "id", "policyId", "featureId", "type", "reason") or "unknown"
    message = _text(fields, "message") or about
    return _Told(clip(f"{_label(kind)}: {about}", _SHORT), message, (), fields, url)


def _policy(fields: dict[str, Any], url: str | None) -> _Told:
    directive = _text(fields, "effective-directive", "effectiveDirective", "violated-directive")
    directive = (directive or "unknown").split(" ", 1)[0]
    blocked = _origin(_text(fields, "blocked-uri", "blockedURL") or "")
    document = _text(fields, "document-uri", "documentURL") or url
    what = directive.removesuffix("-elem").removesuffix("-attr").removesuffix("-src")
    message = f"Blocked {what} from '{blocked}'"
    return _Told(f"CSP: {directive}", message, (blocked,), fields, document)


def _origin(blocked: str) -> str:
    """Where what was blocked came from: its host, or the kind of inline code."""
    try:
        parts = urlsplit(blocked)
    except ValueError:
        return "unknown"
    if parts.scheme in _SCHEMES or not parts.netloc:
        return (parts.scheme or blocked or "self").lower()
    return parts.netloc.lower()


def _frames(fields: dict[str, Any]) -> list[Frame]:
    """The place in the page's code, where the browser tells it."""
    file = _text(fields, "source-file", "sourceFile")
    if file is None:
        return []
    line, column = (
        integer(fields.get(old, fields.get(new)))
        for old, new in (("line-number", "lineNumber"), ("column-number", "columnNumber"))
    )
    sample = _text(fields, "script-sample", "sample")
    return [Frame(file, line, column, None, None, sample, in_app=True)]


def _label(kind: str) -> str:
    return clip(kind, 100)


def _text(fields: dict[str, Any], *names: str) -> str | None:
    found = (as_text(fields.get(name), _SHORT) for name in names)
    return next((text for text in found if text is not None), None)
