"""The paths of Sentry's protocol: ``/api/<number>/envelope/`` and its older siblings; pure.

The key decides whose an event is. The number in the path need only be one: SDKs in the field keep
the number that they were given elsewhere (docs/adr/0040-sentry-protocol.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs

from app.errors import ApiError
from app.ingest.endpoint import (
    Endpoint,
    IngestRequest,
    IngestResponse,
    Intake,
    Limit,
    Submission,
)
from app.ingest.refusals import refusal, telling
from app.ingest.sentry import answers
from app.ingest.sentry.auth import key_of_dsn, missing, sentry_keys
from app.ingest.sentry.multipart import read_parts
from events.envelope import Envelope
from events.ids import new_id
from events.record import Malformed
from events.sentry.ids import read_sdk_id
from events.sentry.items import Entry, event_entry, security_entries, sort_out
from events.sentry.legacy import open_store_body
from events.sentry.wire import open_parcel

_MAX_PARAMETERS = 100


class SentryEndpoint(Endpoint):
    """One path of the protocol."""

    def __init__(self, path: str) -> None:
        self.path = path

    def keys(self, request: IngestRequest) -> list[str]:
        keys = sentry_keys(request.headers, request.query)
        if not keys:
            raise missing()
        return keys

    def understand(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        try:
            return self.open(request, body, intake)
        except Malformed as fault:
            raise refusal(fault) from fault

    def open(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        """What :meth:`understand` does; raises :class:`Malformed` or ``ApiError``."""
        raise NotImplementedError

    def overloaded(self, request: IngestRequest, event_type: str, body: bytes) -> ApiError:
        del request, body
        return answers.overloaded(event_type)

    def limited(
        self, request: IngestRequest, event_type: str, body: bytes, limit: Limit
    ) -> ApiError:
        error = super().limited(request, event_type, body, limit)
        error.headers |= answers.limit_header({event_type: limit})
        return error

    def accepted(self, submission: Submission) -> IngestResponse:
        return answers.accepted(submission)

    def refused(self, error: ApiError, request: IngestRequest) -> IngestResponse:
        del request
        return answers.refused(error)


class EnvelopeEndpoint(SentryEndpoint):
    """Any number of items of any type."""

    def keys(self, request: IngestRequest) -> list[str]:
        return sentry_keys(request.headers, request.query)

    def keys_of_body(self, body: bytes) -> list[str]:
        try:
            key = key_of_dsn(open_parcel(body).header.get("dsn"))
        except Malformed as fault:
            raise refusal(fault) from fault
        if key is None:
            raise missing()
        return [key]

    def open(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        parcel = open_parcel(body)
        _check_dsn(sentry_keys(request.headers, request.query), parcel.header.get("dsn"))
        contents = sort_out(parcel, intake.limits)
        if contents.faults and not contents.entries and not contents.ignored:
            raise telling(contents.faults)
        told = read_sdk_id(parcel.header.get("event_id"))
        submission = submitted(contents.entries, intake, told.hex if told else None)
        submission.refused = len(contents.faults)
        submission.ignored = contents.ignored
        return submission


class StoreEndpoint(SentryEndpoint):
    """One event, as SDKs sent it before there were envelopes."""

    def open(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        del request
        payload = open_store_body(body, intake.limits.max_event_bytes)
        return submitted([event_entry(payload, intake.limits)], intake)


class PixelEndpoint(StoreEndpoint):
    """One event in the query, for senders that have nothing but the address of an image."""

    def open(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        del body
        fields = parse_qs(request.query, max_num_fields=_MAX_PARAMETERS)
        data = fields.get("sentry_data", [""])[0]
        return super().open(request, data.encode("utf-8", "replace"), intake)

    def accepted(self, submission: Submission) -> IngestResponse:
        return answers.accepted_pixel(submission)


class SecurityEndpoint(SentryEndpoint):
    """Reports that browsers send by themselves."""

    def open(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        fields = parse_qs(request.query, max_num_fields=_MAX_PARAMETERS)
        header = {name: fields[name][0] for name in _OF_REPORTS if name in fields}
        agent = request.headers.get("user-agent")
        if agent:
            header["user_agent"] = agent[:1000]
        found = security_entries(body, header, intake.limits)
        faults = [one for one in found if isinstance(one, Malformed)]
        entries = [one for one in found if isinstance(one, Entry)]
        if faults and not entries:
            raise telling(faults)
        submission = submitted(entries, intake)
        submission.refused = len(faults)
        return submission


class MinidumpEndpoint(SentryEndpoint):
    """A minidump, alone or in a form with what else is known of the crash."""

    def open(self, request: IngestRequest, body: bytes, intake: Intake) -> Submission:
        kind = request.headers.get("content-type") or ""
        return submitted([read_parts(kind, body, intake.limits)], intake)

    def accepted(self, submission: Submission) -> IngestResponse:
        return answers.accepted_text(submission)


def submitted(entries: Iterable[Entry], intake: Intake, told_id: str | None = None) -> Submission:
    """The events of a request, each with an id of ours; the sender is told the first one's own."""
    submission = Submission()
    for entry in entries:
        ours = new_id(intake.now_ms)
        told_id = told_id or (entry.sdk_id or ours).hex
        envelope = Envelope(ours, intake.project_id, entry.event_type, entry.protocol, entry.body)
        submission.batches.setdefault(entry.event_type, []).append(envelope)
    submission.told_id = told_id
    return submission


def _check_dsn(keys: Sequence[str], dsn: object) -> None:
    """An envelope that names another key than its request is somebody's mistake."""
    key = key_of_dsn(dsn)
    if keys and key is not None and key not in keys:
        raise ApiError(400, "auth_mismatch", "The envelope's dsn has another key than the request.")


_OF_REPORTS = ("sentry_release", "sentry_environment")
NUMBER = r"[0-9]{1,20}"
"""What stands for a project in a path, as a regular expression."""
_ROOT = "/api/<ingest_number:number>"
ENVELOPE = EnvelopeEndpoint(f"{_ROOT}/envelope/")
STORE = StoreEndpoint(f"{_ROOT}/store/")
SECURITY = SecurityEndpoint(f"{_ROOT}/security/")
MINIDUMP = MinidumpEndpoint(f"{_ROOT}/minidump/")
PIXEL = PixelEndpoint(f"{_ROOT}/store/")

ENDPOINTS = (ENVELOPE, STORE, SECURITY, MINIDUMP)
_BY_NAME = {"envelope": ENVELOPE, "store": STORE, "security": SECURITY, "minidump": MINIDUMP}
_PATH = re.compile(rf"/api/{NUMBER}/([a-z]+)/?")


def endpoint_at(path: str) -> Endpoint | None:
    """The endpoint of a path without a prefix; null for another's."""
    found = _PATH.fullmatch(path)
    return _BY_NAME.get(found[1]) if found else None
