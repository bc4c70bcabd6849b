"""A client of S3 as the settings say: addressing, trust, and what every written object carries."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3.session
from botocore.config import Config

from config.settings import Settings
from storage.errors import StoreDown
from storage.files.meter import Meter, watch

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECT_SECONDS = 2
_POOL = 32
#: The calls that make an object, and so take what it shall be encrypted and held with.
_WRITES = ("PutObject", "CreateMultipartUpload")


def connect(settings: Settings, meter: Meter) -> S3Client:
    """A client for any number of threads; connects at its first call. ``meter`` counts its calls.

    Raises ``StoreDown`` for a CA bundle that cannot be read.
    """
    bundle = settings.s3_ca_bundle
    if bundle and not os.access(bundle, os.R_OK):
        raise StoreDown("files", f"SLUICE_S3_CA_BUNDLE names {bundle}, which cannot be read")
    config = Config(
        region_name=settings.s3_region,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=settings.s3_timeout_seconds,
        # Callers own retrying: a task pauses its queue. A pooled connection that the server has
        # closed meanwhile is noticed and replaced before it is used.
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=_POOL,
        tcp_keepalive=True,
        # The signature covers the payload, so the server refuses one that was changed on its way;
        # further checksums are sent only where S3 demands them, which not every S3 understands.
        s3={"addressing_style": settings.s3_addressing, "payload_signing_enabled": True},  # type: ignore[arg-type]
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # A session of its own: the default one is shared and not made for threads.
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key.reveal() or None,
        aws_secret_access_key=settings.s3_secret_key.reveal() or None,
        verify=bundle or None,
        config=config,
    )
    watch(client, meter)
    for operation in _WRITES:
        event = f"provide-client-params.s3.{operation}"
        client.meta.events.register(event, _adding(settings, operation))  # type: ignore[arg-type]
    return client


def object_options(settings: Settings, now: datetime) -> dict[str, Any]:
    """What every object is written with: its KMS key, and until when it is locked."""
    options: dict[str, Any] = {}
    if settings.s3_kms_key_id:
        options["ServerSideEncryption"] = "aws:kms"
        options["SSEKMSKeyId"] = settings.s3_kms_key_id
    if settings.s3_object_lock_mode:
        options["ObjectLockMode"] = settings.s3_object_lock_mode
        options["ObjectLockRetainUntilDate"] = now + timedelta(days=settings.s3_object_lock_days)
        # S3 takes a locked object only with a checksum of its own.
        options["ChecksumAlgorithm"] = "SHA256"
    return options


def _adding(settings: Settings, operation: str) -> Callable[..., dict[str, Any]]:
    def add(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        options = object_options(settings, datetime.now(UTC))
        if operation == "CreateMultipartUpload":
            # Parts would each have to carry it too; a multipart upload is checked by its parts'
            # signatures and, as all blobs are, by its SHA-256 before it is completed.
            options.pop("ChecksumAlgorithm", None)
        return {**options, **params}

    return add
