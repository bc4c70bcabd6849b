"""The task that removes what killed uploads and erased blobs left, as the clock runs it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from config.settings import Secret, Settings
from events.ids import new_id, now_ms
from storage.blobs import Blobs, Described
from storage.errors import StoreDown
from storage.files.blobs import blob_key
from storage.files.s3 import Bucket
from storage.sql.database import Database
from storage.sql.migrate import migrate
from storage.sql.projects import Projects
from tasks.uploads import open_upload_sweep, sweep_uploads


def test_a_run_removes_what_is_old_enough_and_leaves_the_rest(settings: Settings) -> None:
    migrate(settings.postgres_dsn)
    database, bucket = Database(settings.postgres_dsn), Bucket(settings)
    blobs = Blobs(database, bucket)
    project, _ = Projects(database).create(f"p-{new_id(now_ms())}")
    erased, killed = b"erased", b"killed"
    digest = hashlib.sha256(erased).digest()
    blobs.write(project.id, Described(digest), [erased])
    blobs.erase_of_project(project.id)
    dead = blob_key(project.id, hashlib.sha256(killed).digest())
    blobs.uploads.begin(dead)
    bucket.put(dead, killed)

    sweep_uploads(open_upload_sweep(settings))
    assert {key for key, _ in bucket.list("blobs/")} == {dead, blob_key(project.id, digest)}
    assert blobs.uploads.waiting() == (1, len(erased))
    with database.transaction() as cursor:
        cursor.execute("UPDATE doomed_blobs SET at = at - interval '30 days'")
        cursor.execute("UPDATE blob_uploads SET started_at = started_at - interval '30 days'")
    sweep_uploads(open_upload_sweep(settings))
    assert list(bucket.list("blobs/")) == []
    assert (blobs.uploads.waiting(), blobs.uploads.stale(0)) == ((0, 0), [])
    database.close()


def test_stores_that_are_away_postpone_it(settings: Settings) -> None:
    away = replace(settings, postgres_dsn=Secret("postgresql://nobody@127.0.0.1:9/none"))
    with pytest.raises(StoreDown):
        sweep_uploads(open_upload_sweep(away))
