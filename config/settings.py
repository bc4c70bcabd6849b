"""Settings: parsed once from the environment into one frozen dataclass.

Every field has a type, a default and a sentence; ``docs/settings.md`` is generated
from them (``./sluice docs settings``), so the reference cannot drift from the code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from config.retention import type_terms

PREFIX = "SLUICE_"


class SettingsError(ValueError):
    """A setting in the environment cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A string that ``repr``, ``str`` and logs never show."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._value

    def __str__(self) -> str:
        return "Secret()"

    def __bool__(self) -> bool:
        return bool(self._value)


class SecretList(tuple[Secret, ...]):
    """Several secrets, none of them shown."""

    __slots__ = ()


def _setting(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one process. Built by :func:`load_settings`; never changed after."""

    home: Path = _setting(Path(".sluice"), "Folder of state: embedded servers' data, ports, logs.")
    cache: Path = _setting(Path("~/.cache/sluice"), "Folder of downloads, shared by checkouts.")

    web_host: str = _setting("127.0.0.1", "Address the web tier listens on.")
    web_port: int = _setting(8000, "Port of the web tier; 0 takes any free one.")
    web_public_url: str = _setting(
        "",
        "Where SDKs find the web tier, as http(s)://…, for the DSNs that are shown; empty: as who "
        "asks found it.",
    )
    web_workers: int = _setting(2, "Processes of the web tier.")
    web_threads: int = _setting(
        32, "Threads of each web process: its requests in flight, other than events."
    )
    web_readers: int = _setting(
        4, "Threads of each web process that look up API keys and read large bodies of events."
    )

    body_silence_seconds: float = _setting(
        20.0,
        "How long a sender may say nothing within a body other than of events, in seconds.",
    )
    body_seconds: float = _setting(
        60.0, "How long a body is waited for in all, in seconds: 16 MB at 280 KB/s."
    )

    files_host: str = _setting("127.0.0.1", "Address the file server listens on.")
    files_port: int = _setting(0, "Port of the file server; 0 takes any free one.")
    files_threads: int = _setting(16, "Threads of a file server: its requests in flight.")
    files_url: str = _setting(
        "",
        "Where the web tier finds the file server, as http(s)://…; empty: it reads S3 itself. `up` "
        "sets it.",
    )
    files_public_url: str = _setting(
        "", "Where others find the file server, in the URLs signed for them; empty: FILES_URL."
    )

    files_cache_bytes: int = _setting(
        1024 * MEBIBYTE, "Most bytes of packs that a node's file servers keep on disk."
    )
    files_cache_memory_bytes: int = _setting(
        8 * MEBIBYTE, "Most decompressed bytes of packs that each file server keeps in memory."
    )
    files_cache_seconds: float = _setting(
        3600.0, "How long what was read may be kept: how late erased bytes leave the caches."
    )

    redis_url: Secret = _setting(
        Secret(""), "Broker, as redis://…; empty uses the embedded Valkey."
    )
    postgres_dsn: Secret = _setting(
        Secret(""), "PostgreSQL, as postgresql://…; empty uses the embedded server."
    )
    elasticsearch_url: Secret = _setting(
        Secret(""), "Elasticsearch, as http(s)://…; empty uses the embedded server."
    )
    s3_endpoint: str = _setting("", "S3 endpoint URL; empty uses the embedded SeaweedFS.")
    s3_bucket: str = _setting("sluice", "Bucket of the packs; three letters or more.")
    s3_access_key: Secret = _setting(Secret(""), "S3 access key.")
    s3_secret_key: Secret = _setting(Secret(""), "S3 secret key.")
    s3_region: str = _setting("us-east-1", "S3 region.")
    s3_addressing: str = _setting(
        "path", "Where a request names the bucket: path, or virtual (in the host's name)."
    )
    s3_ca_bundle: str = _setting(
        "", "File of the certificates that an https endpoint is trusted by; empty: the public ones."
    )
    s3_kms_key_id: str = _setting(
        "", "KMS key that S3 encrypts every object with; empty leaves that to the bucket."
    )
    s3_object_lock_mode: str = _setting(
        "",
        "GOVERNANCE or COMPLIANCE locks every object as it is written. What is locked cannot be "
        "erased or compacted away before its time: keep the days below the terms of erasure.",
    )
    s3_object_lock_days: float = _setting(1.0, "How long a locked object is kept, in days.")
    s3_timeout_seconds: float = _setting(
        10.0, "How long an answer of S3 may take before the file store counts as down."
    )
    price_put_per_1000: float = _setting(
        0.005, "Price of a thousand PUTs (and lists, and steps of uploads) of S3, in dollars."
    )
    price_get_per_1000: float = _setting(0.0004, "Price of a thousand GETs of S3, in dollars.")
    price_gb_month: float = _setting(
        0.023, "Price of a GB kept in S3 for a month, in dollars; all three feed `./sluice cost`."
    )

    search_prefix: str = _setting(
        "sluice", "First part of every Elasticsearch index and template name."
    )
    search_replicas: int = _setting(
        0, "Replicas of each new search index; one or more on a cluster of several nodes."
    )

    session_key: Secret = _setting(
        Secret(""), "Key that signs page sessions; `up` makes one and keeps it in the home."
    )

    session_key_fallbacks: SecretList = _setting(
        SecretList(),
        "Earlier session keys, by commas: page sessions and URLs that they signed stay good.",
    )
    session_idle_hours: float = _setting(
        168.0, "How long a page session may be unused before it ends, in hours."
    )
    session_hours: float = _setting(
        720.0, "How long a page session lasts at most before one signs in again, in hours."
    )
    trusted_proxies: int = _setting(
        0,
        "Proxies before the web tier whose X-Forwarded-For and X-Forwarded-Proto are believed: for "
        "the addresses in the audit, limits of sign-ins, and whether cookies are for https alone.",
    )
    signed_url_max_seconds: int = _setting(
        86_400, "Longest time that a signed URL of the file server may be good for."
    )

    max_wire_bytes: int = _setting(16 * MEBIBYTE, "Largest request body as sent, in bytes.")
    max_body_bytes: int = _setting(
        16 * MEBIBYTE, "Largest request body after decompression, in bytes."
    )
    max_event_bytes: int = _setting(MEBIBYTE, "Largest single event, in bytes of JSON.")
    max_depth: int = _setting(500, "Deepest nesting of JSON accepted, in levels.")
    max_blob_bytes: int = _setting(
        512 * MEBIBYTE, "Largest blob (attachment, minidump, source map, symbol file), in bytes."
    )
    blob_downloads: int = _setting(
        8,
        "Blobs that one file server sends at once. A slow reader holds a thread, so uploads and "
        "downloads together must be fewer than SLUICE_FILES_THREADS.",
    )
    blob_uploads: int = _setting(
        4,
        "Uploads of blobs that one file server takes at once: each takes 8 MiB of memory, and one "
        "without an announced hash up to the largest blob's bytes of disk under the home.",
    )
    blob_upload_hours: float = _setting(
        24.0, "Age at which an upload of a blob that never ended is taken for dead, in hours."
    )
    key_cache_seconds: int = _setting(
        5, "How long a web process trusts a key it looked up: how late a revocation may bite."
    )

    commit_max_events: int = _setting(500, "Most events that share one task message.")
    commit_max_bytes: int = _setting(2 * MEBIBYTE, "Most raw bytes that share one task message.")
    broker_timeout_seconds: float = _setting(
        5.0, "How long the broker may take to answer workers and operators."
    )
    publish_timeout_seconds: float = _setting(
        1.0, "How long the broker may take to store a batch before it goes to the spool."
    )
    broker_memory_mark: float = _setting(
        0.7, "Share of the broker's maxmemory above which accepted events wait in the spool."
    )
    spool_max_bytes: int = _setting(
        1024 * MEBIBYTE,
        "Most bytes of accepted events that wait on this machine's disk while the broker takes "
        "none; 0 refuses them with 503 instead.",
    )
    spool_replay_rate: int = _setting(
        5000, "Most events a second that one web process publishes from the spool."
    )
    shed_events: int = _setting(
        5_000_000,
        "Events in one queue above which events of its type are refused; types that matter less "
        "are refused sooner (docs/queues.md). 0 never refuses.",
    )
    shed_age_seconds: float = _setting(
        6 * 3600.0,
        "Age of the oldest event in a queue above which events of its type are refused, likewise.",
    )

    worker_recycle_mb: int = _setting(
        256,
        "Resident megabytes beyond which a worker's process is replaced after the task in hand; "
        "0 never.",
    )
    join_max_events: int = _setting(2000, "Most events store_files joins into one pack.")
    join_max_bytes: int = _setting(16 * MEBIBYTE, "Most message bytes store_files joins.")
    pack_seconds: float = _setting(
        0.5,
        "Least time between two packs of a queue that a worker begins, unless a full one waits; "
        "0 makes one of whatever is there.",
    )
    lease_seconds: float = _setting(
        10.0, "How long a worker's reservation outlives its last sign of life."
    )
    frame_bytes: int = _setting(128 * 1024, "Raw bytes a pack frame aims at.")

    compact_max_bytes: int = _setting(
        64 * MEBIBYTE, "Most bytes, as stored, of a pack that compaction makes of small ones."
    )
    compact_max_raw_bytes: int = _setting(
        64 * MEBIBYTE,
        "Most bytes of its events together, decompressed: a stage that is run again has them in "
        "memory.",
    )
    compact_max_events: int = _setting(20_000, "Most events of a pack that compaction makes.")
    compact_min_packs: int = _setting(
        8, "Fewest small packs of a type and day that are merged while the day goes on."
    )
    compact_age_seconds: float = _setting(
        900.0, "How long a pack must be searchable before it is merged."
    )
    compact_bytes_per_second: int = _setting(
        8 * MEBIBYTE, "Most bytes a second that compaction reads and writes; 0 has no bound."
    )
    compact_backlog_events: int = _setting(
        20_000,
        "Events in all queues above which compaction waits, but for overdue erasures; 0: never.",
    )
    pack_grace_seconds: float = _setting(
        600.0,
        "How long the object of a pack that no row points at any more is kept for readers that "
        "looked it up just before.",
    )
    erasure_hours: float = _setting(
        24.0, "Within how many hours the bytes of an erased event are gone from all packs."
    )

    flood_share: float = _setting(
        0.5, "Share of a stage's recent events that may be dead-lettered before it is paused."
    )
    flood_events: int = _setting(
        200, "Fewest recent events of a stage by which a flood of dead letters is judged."
    )
    flood_seconds: int = _setting(300, "How far back recent events of a stage reach, in seconds.")

    reconcile_hours: int = _setting(
        24, "How far back the periodic comparison of packs, SQL and search reaches, in hours."
    )
    reconcile_grace_seconds: float = _setting(
        600.0, "How long a pack may be on its way before reconcile takes its message for lost."
    )
    reconcile_recheck_seconds: float = _setting(
        6 * 3600.0, "How long a pack that was found whole is not compared again."
    )
    reconcile_events: int = _setting(
        100_000, "About how many events of a type one periodic run compares, once a minute."
    )

    canary_stalled_seconds: int = _setting(
        360, "Age of the last canary event that arrived at which progress counts as stalled."
    )

    retention_days: str = _setting(
        "",
        "Days that events are kept, by type, such as crash=90,rum=30; 0 keeps a type for ever. "
        "What is not named keeps its default (docs/queues.md).",
    )
    retention_bytes: str = _setting(
        "",
        "Most bytes of packs kept, by type, such as crash=500000000000: the oldest days go first. "
        "A type that is not named has no bound.",
    )
    blob_unlinked_days: float = _setting(
        7.0, "How long an attachment or minidump without an event is kept, in days."
    )
    sdk_id_days: int = _setting(
        30,
        "How long the id that an SDK gave its event is remembered, in days: sent again within that "
        "time, the event is not stored twice.",
    )
    ledger_move_hours: int = _setting(
        48, "Age at which the broker's accepted counts of a minute move to PostgreSQL, in hours."
    )
    ledger_minute_days: int = _setting(
        35, "How long the ledger is kept by the minute; after that by the day. 31 or more."
    )

    flower_url: str = _setting(
        "", "Where operators' browsers reach Flower; pages then link to it. `up` knows its own."
    )
    release: str = _setting(
        "",
        "What this code is called where pools and dead letters name it; `up` and `worker` give the "
        "checkout's commit.",
    )
    log_level: str = _setting("info", "debug, info, warning or error.")


#: What a setting of retention is to :func:`config.retention.type_terms`.
_TERMS = {"retention_days": "days", "retention_bytes": "most_bytes"}
_POSITIVE = (
    "web_workers",
    "web_threads",
    "web_readers",
    "body_silence_seconds",
    "body_seconds",
    "files_threads",
    "commit_max_events",
    "commit_max_bytes",
    "join_max_events",
    "join_max_bytes",
    "lease_seconds",
    "frame_bytes",
    "s3_timeout_seconds",
    "max_wire_bytes",
    "max_body_bytes",
    "max_event_bytes",
    "max_depth",
    "broker_timeout_seconds",
    "publish_timeout_seconds",
    "broker_memory_mark",
    "max_blob_bytes",
    "blob_downloads",
    "blob_uploads",
    "s3_object_lock_days",
    "sdk_id_days",
    "spool_replay_rate",
    "session_idle_hours",
    "session_hours",
)
_PORTS = ("web_port", "files_port")
_LAST_PORT = 65_535

_CHOICES = {
    "s3_addressing": ("path", "virtual"),
    "s3_object_lock_mode": ("", "GOVERNANCE", "COMPLIANCE"),
}


def _parse(name: str, kind: Any, text: str) -> Any:
    if kind is int or kind is float:
        return _number(name, kind, text)
    if kind is Path:
        return Path(text)
    if kind is Secret:
        return Secret(text)
    if kind is SecretList:
        return SecretList(Secret(part) for part in text.split(",") if part)
    return text


def environment_of(settings: Settings) -> dict[str, str]:
    """The ``SLUICE_*`` of which :func:`load_settings` makes these settings; secrets are in it."""
    return {
        PREFIX + item.name.upper(): _written(getattr(settings, item.name))
        for item in fields(Settings)
    }


def _written(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, SecretList):
        return ",".join(secret.reveal() for secret in value)
    return str(value)


def _number(name: str, kind: type[int] | type[float], text: str) -> int | float:
    try:
        number = kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise SettingsError(f"{name} must be {what}, not {text!r}") from None
    if not 0 <= number < math.inf:  # NaN is neither
        raise SettingsError(f"{name} must be 0 or more, not {text!r}")
    return number


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Parse ``SLUICE_*`` variables; raises :class:`SettingsError` naming the one that is wrong."""
    hints = get_type_hints(Settings)
    values = {}
    for item in fields(Settings):
        name = PREFIX + item.name.upper()
        if name in environ:
            values[item.name] = _parse(name, hints[item.name], environ[name])
    settings = Settings(**values)
    _check_numbers(settings)
    _check_terms(settings)
    for name, known in _CHOICES.items():
        if getattr(settings, name) not in known:
            raise SettingsError(f"{PREFIX}{name.upper()} must be one of: {', '.join(known)}")
    if len(settings.s3_bucket) < 3:
        raise SettingsError("SLUICE_S3_BUCKET must have three letters or more")
    return settings


def _check_numbers(settings: Settings) -> None:
    for name in _POSITIVE:
        if getattr(settings, name) <= 0:
            raise SettingsError(f"{PREFIX}{name.upper()} must be above zero")
    for name in _PORTS:
        if getattr(settings, name) > _LAST_PORT:
            raise SettingsError(f"{PREFIX}{name.upper()} must be a port: 0 to {_LAST_PORT}")
    if settings.blob_uploads + settings.blob_downloads >= settings.files_threads:
        raise SettingsError(
            "SLUICE_FILES_THREADS must be above SLUICE_BLOB_UPLOADS and SLUICE_BLOB_DOWNLOADS "
            "together: slow readers would hold every thread"
        )


def _check_terms(settings: Settings) -> None:
    if settings.ledger_move_hours < 1:
        raise SettingsError("SLUICE_LEDGER_MOVE_HOURS must be 1 or more")
    if settings.ledger_minute_days < 31:
        raise SettingsError("SLUICE_LEDGER_MINUTE_DAYS must be 31 or more")
    for name in ("retention_days", "retention_bytes"):
        try:
            type_terms(**{"days": "", "most_bytes": "", _TERMS[name]: getattr(settings, name)})
        except ValueError as exc:
            raise SettingsError(f"{PREFIX}{name.upper()}: {exc}") from None
