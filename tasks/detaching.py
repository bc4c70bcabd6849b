"""Putting the files that came with an event into the file server, before the event is packed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from events.envelope import Envelope
from events.sentry.attachments import PROTOCOL, File, open_files
from storage.blobs import Blobs, Described
from storage.errors import NotFound, StoreDown
from tasks.isolation import Failure, failure_of

_log = structlog.get_logger(__name__)


def detach_all(
    envelopes: Sequence[Envelope], blobs: Blobs
) -> tuple[list[Envelope], list[Failure[Envelope]]]:
    """The events without their files, which are stored and linked to them; one that cannot be taken
    apart fails alone.

    Done again after a kill it changes nothing: blobs are known by their hash. Raises
    :class:`StoreDown`; the events then still have their files, in the queue.
    """
    good: list[Envelope] = []
    failures: list[Failure[Envelope]] = []
    for envelope in envelopes:
        if envelope.protocol != PROTOCOL:
            good.append(envelope)
            continue
        try:
            good.append(_detach(envelope, blobs))
        except (SoftTimeLimitExceeded, StoreDown):
            raise
        except Exception as exc:
            failures.append(failure_of(envelope, exc, attempts=1, code="attachments_failed"))
    return good, failures


def _detach(envelope: Envelope, blobs: Blobs) -> Envelope:
    opened = open_files(envelope.body)
    if not blobs.rows.refuses(envelope.id, envelope.project_id):
        for file in opened.files:
            _store(envelope, file, blobs)
    return replace(envelope, protocol=opened.protocol, body=opened.body)


def _store(envelope: Envelope, file: File, blobs: Blobs) -> None:
    sha256 = hashlib.sha256(file.data).digest()
    known = blobs.rows.find(envelope.project_id, sha256)
    if known is None:
        described = Described(sha256, file.content_type, file.kind, file.name)
        blobs.write(envelope.project_id, described, [file.data])
    else:
        blobs.rows.keep(known, file.kind)
    try:
        blobs.rows.link(
            envelope.id, envelope.type, envelope.project_id, sha256, file.name, file.kind
        )
    except NotFound as exc:  # the event was erased in this moment
        _log.info("file_not_linked", event_id=str(envelope.id), reason=exc.detail)
