"""Removing what uploads of blobs left that never ended, and objects of blobs that are no more."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from config.settings import Settings
from storage.blobs import Blobs
from storage.files.s3 import Bucket
from storage.sql.database import Database

_SECONDS_AN_HOUR = 3600.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UploadSweep:
    """What the task works with."""

    settings: Settings
    blobs: Blobs


def open_upload_sweep(settings: Settings) -> UploadSweep:
    """Build the clients; each connects when it is first used."""
    database = Database(settings.postgres_dsn, max_connections=1)
    return UploadSweep(settings, Blobs(database, Bucket(settings)))


def sweep_uploads(sweep: UploadSweep) -> None:
    """Sweep once, some hundred objects at the most; the next run goes on. Raises ``StoreDown``."""
    settings = sweep.settings
    swept = sweep.blobs.sweep(
        settings.blob_upload_hours * _SECONDS_AN_HOUR, settings.pack_grace_seconds
    )
    if swept.uploads or swept.objects:
        _log.info("blobs_swept", uploads=swept.uploads, objects=swept.objects)
