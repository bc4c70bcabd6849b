"""Crashes that OpenTelemetry tells of: a span's event of an exception, or a log record of an error.

Each is an event of its own, whose body is a request with only that span and event, or record
(:mod:`events.otlp.split` makes them).
"""

from __future__ import annotations

from typing import Any

from events.moment import iso
from events.otlp.attributes import attributes_of, first_text, moment_of, origin_of, user_of
from events.otlp.logs import level_of, text_of
from events.otlp.messages import LOGS, TRACES, open_body
from events.otlp.traces import identity
from events.record import Malformed
from events.report import Crash, Error, User
from events.stack_text import Told, platform_of, read_stack
from events.telemetry import Attributes, Origin
from events.text import as_text

_CLASS, _MESSAGE, _STACK = "exception.type", "exception.message", "exception.stacktrace"
_TEXT = 2_000_000
_SHORT = 1_000
_PLATFORMS = {
    "python": "python",
    "nodejs": "node",
    "webjs": "javascript",
    "java": "java",
    "go": "go",
    "dotnet": "dotnet",
    "ruby": "ruby",
    "php": "php",
    "swift": "apple",
}
_REQUEST = {
    "url": ("url.full", "http.url", "http.target", "url.path"),
    "method": ("http.request.method", "http.method"),
    "host": ("server.address", "http.host", "net.host.name"),
    "ip": ("client.address", "http.client_ip", "net.peer.ip"),
    "query": ("url.query",),
}
_USER_AGENT = ("user_agent.original", "http.user_agent")
_STATUS = ("http.response.status_code", "http.status_code")


class _Report:
    """What all of them have in common: who sends, and what is said of the exception and around."""

    def __init__(
        self,
        resource: Any,
        said: Attributes,
        around: Attributes,
        at_ns: int,
        place: tuple[str | None, str | None],
    ) -> None:
        self._origin: Origin = origin_of(attributes_of(resource.attributes), client="opentelemetry")
        self._said = said
        self._around = around
        self._at_ns = at_ns
        self._trace_id, self._span_id = place

    def crash(self) -> Crash:
        """What every crash has."""
        origin, around = self._origin, self._around
        platform = self._platform()
        user = user_of({**origin.attributes, **around, **self._said})
        return Crash(
            occurred_at=moment_of(self._at_ns),
            platform=platform,
            client_name=origin.client_name,
            client_version=origin.client_version,
            version=origin.version,
            machine=origin.host,
            url=first_text(around, _REQUEST["url"]),
            grouping_key=None,
            error=self._error(platform),
            user=user if any(user) else User(),
            tags=[tag for tag in (origin.service, origin.environment) if tag],
            custom={key: item for key, item in self._said.items() if key != _STACK} or None,
            environment=dict(origin.attributes) or None,
            trace_id=self._trace_id,
            span_id=self._span_id,
            user_agent=first_text(around, _USER_AGENT)
            or first_text(origin.attributes, _USER_AGENT),
        )

    def request(self) -> dict[str, Any] | None:
        """The request being served, as the span's attributes tell of it."""
        told: dict[str, Any] = {
            name: first_text(self._around, names) for name, names in _REQUEST.items()
        }
        status = first_text(self._around, _STATUS)
        if not any(told.values()):
            return None
        nothing = dict.fromkeys(("headers", "form", "body", "cookies", "data"))
        return {**told, **nothing, "response": {"status_code": status} if status else None}

    def breadcrumbs(self) -> list[dict[str, Any]] | None:
        """Nothing: the trace has what happened before."""
        return None

    def _platform(self) -> str:
        language = str(self._origin.attributes.get("telemetry.sdk.language", ""))
        known = _PLATFORMS.get(language)
        stack = as_text(self._said.get(_STACK), _TEXT)
        return known or (platform_of(stack) if stack else None) or "unknown"

    def _error(self, platform: str) -> Error:
        stack = as_text(self._said.get(_STACK), _TEXT) or ""
        told = read_stack(stack, platform) if stack else []
        head = told[0] if told else Told(None, None, [])
        return Error(
            as_text(self._said.get(_CLASS), _SHORT) or head.class_name,
            as_text(self._said.get(_MESSAGE), _TEXT) or head.message or self._message(),
            head.frames,
            _causes(told[1:]),
        )

    def _message(self) -> str | None:
        return None


def _causes(told: list[Told]) -> list[Error]:
    """Causes within each other, the nearest outermost."""
    inner: list[Error] = []
    for cause in reversed(told):
        inner = [Error(cause.class_name, cause.message, cause.frames, inner)]
    return inner


class SpanException(_Report):
    """A span's event that tells of an exception. Raises :class:`Malformed` when it is none."""

    def __init__(self, body: bytes, *, exact: bool = False) -> None:  # noqa: ARG002 - readers' own
        request = open_body(TRACES, "proto", body).request
        try:
            resource = request.resource_spans[0]
            span = resource.scope_spans[0].spans[0]
            event = span.events[0]
        except IndexError:
            raise Malformed("no_events", "The request has no span with an event.") from None
        self._span = span
        super().__init__(
            resource.resource,
            attributes_of(event.attributes),
            {"span.name": span.name, **attributes_of(span.attributes)},
            event.time_unix_nano or span.end_time_unix_nano,
            (identity(span.trace_id, 16), identity(span.span_id, 8)),
        )

    def _message(self) -> str | None:
        return as_text(self._span.status.message, _TEXT)


class LogError(_Report):
    """A log record of an error. Raises :class:`Malformed` when it is none."""

    def __init__(self, body: bytes, *, exact: bool = False) -> None:  # noqa: ARG002 - readers' own
        request = open_body(LOGS, "proto", body).request
        try:
            resource = request.resource_logs[0]
            self._scope = resource.scope_logs[0].scope.name
            record = resource.scope_logs[0].log_records[0]
        except IndexError:
            raise Malformed("no_events", "The request has no log record.") from None
        self._record = record
        said = attributes_of(record.attributes)
        super().__init__(
            resource.resource,
            said,
            said,
            record.time_unix_nano or record.observed_time_unix_nano,
            (identity(record.trace_id, 16), identity(record.span_id, 8)),
        )

    def breadcrumbs(self) -> list[dict[str, Any]] | None:
        """What was logged, where the exception says something else."""
        text = text_of(self._record.body)
        if not text or _CLASS not in self._said:
            return None
        nothing = dict.fromkeys(("type", "data", "class_name", "method", "line"))
        at = iso(moment_of(self._at_ns))
        level = level_of(self._record)
        return [
            {
                **nothing,
                "timestamp": at,
                "level": level,
                "category": self._scope or None,
                "message": text,
            }
        ]

    def _message(self) -> str | None:
        return as_text(text_of(self._record.body), _TEXT)
