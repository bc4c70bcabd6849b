"""The spool on a real disk: order, restart, adoption, bounds, damage, failing disks."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from events.envelope import Envelope
from events.ids import id_minute, new_id, now_ms
from storage.errors import StoreDown
from storage.spool.folder import QUARANTINE, segment_paths, spool_folder, used_bytes
from storage.spool.layout import PREAMBLE_BYTES
from storage.spool.spool import Spool
from storage.spool.state import SpoolState, read_spool_state, spooled_events

MAX = 1 << 20


def envelopes(count: int = 1, size: int = 100, project: int = 7) -> list[Envelope]:
    return [
        Envelope(new_id(now_ms()), project, "crash", "raygun.entry", os.urandom(size))
        for _ in range(count)
    ]


def put(spool: Spool, events: list[Envelope]) -> UUID:
    batch_id = new_id(now_ms())
    spool.append("crash", batch_id, events)
    return batch_id


def drain(spool: Spool) -> list[UUID]:
    """Publish everything nowhere; the batch ids in their order."""
    found = []
    spool.adopt()
    while (pending := spool.oldest()) is not None:
        found.append(pending.batch.batch_id)
        spool.done(pending)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return spool_folder(tmp_path)


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    spool = Spool(folder, MAX, segment_bytes=2000)
    yield spool
    spool.close()


def test_nothing_is_touched_before_use(folder: Path, spool: Spool, tmp_path: Path) -> None:
    assert spool.adopt() == 0
    assert spool.oldest() is None
    assert not folder.exists()
    assert read_spool_state(tmp_path) == SpoolState(0, 0, None, 0, 0)


def test_batches_come_back_in_order_and_segments_go(folder: Path, spool: Spool) -> None:
    put_in = [put(spool, envelopes(3)) for _ in range(40)]
    assert len(segment_paths(folder)) > 5
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *segment_paths(folder)))
    assert drain(spool) == put_in
    assert segment_paths(folder) == []


def test_what_is_appended_while_replaying_follows(spool: Spool, folder: Path) -> None:
    first, second = put(spool, envelopes()), put(spool, envelopes())
    pending = spool.oldest()
    assert pending is not None
    assert pending.batch.batch_id == first
    third = put(spool, envelopes())
    spool.done(pending)
    assert drain(spool) == [second, third]
    assert segment_paths(folder) == []


def test_a_later_process_goes_on_where_this_one_ended(spool: Spool, folder: Path) -> None:
    put_in = [put(spool, envelopes()) for _ in range(30)]
    for expected in put_in[:17]:
        pending = spool.oldest()
        assert pending is not None
        assert pending.batch.batch_id == expected
        spool.done(pending)
    spool.close()
    later = Spool(folder, MAX)
    newer = put(later, envelopes())
    assert drain(later) == [*put_in[17:], newer]


def test_segments_of_the_living_are_left_alone(spool: Spool, folder: Path) -> None:
    mine = [put(spool, envelopes()) for _ in range(30)]
    other = Spool(folder, MAX)
    assert other.adopt() == 0
    theirs = put(other, envelopes())
    assert drain(other) == [theirs]
    assert drain(spool) == mine
    assert segment_paths(folder) == []
    other.close()


def test_of_two_that_adopt_one_gets_a_segment(spool: Spool, folder: Path) -> None:
    put_in = [put(spool, envelopes()) for _ in range(30)]
    spool.close()
    one, two = Spool(folder, MAX), Spool(folder, MAX)
    segments = len(segment_paths(folder))
    assert one.adopt() + two.adopt() == segments
    assert Counter([*drain(one), *drain(two)]) == Counter(put_in)


def test_a_torn_tail_is_cut_when_adopted(spool: Spool, folder: Path, tmp_path: Path) -> None:
    kept, torn = put(spool, envelopes()), put(spool, envelopes())
    spool.close()
    (path,) = segment_paths(folder)
    os.truncate(path, path.stat().st_size - 1)
    assert read_spool_state(tmp_path).events == 1
    later = Spool(folder, MAX)
    assert later.adopt() == 1
    pending = later.oldest()
    assert pending is not None
    assert path.stat().st_size == pending.end
    assert drain(later) == [kept]
    assert torn != kept
    assert segment_paths(folder) == segment_paths(folder / QUARANTINE) == []


@pytest.mark.parametrize("at", [10, 120])
def test_damage_in_the_middle_is_kept_and_the_rest_goes_on(
    spool: Spool, folder: Path, at: int, tmp_path: Path
) -> None:
    put_in = [put(spool, envelopes()) for _ in range(4)]
    spool.close()
    (path,) = segment_paths(folder)
    content = bytearray(path.read_bytes())
    content[PREAMBLE_BYTES + (len(content) - PREAMBLE_BYTES) // 4 + at] ^= 0xFF
    path.write_bytes(content)
    assert drain(Spool(folder, MAX)) == [put_in[0], *put_in[2:]]
    assert segment_paths(folder) == []
    (kept,) = segment_paths(folder / QUARANTINE)
    assert kept.read_bytes()[PREAMBLE_BYTES:] == content[PREAMBLE_BYTES:]
    assert read_spool_state(tmp_path).quarantined == len(content)


def test_a_lost_preamble_replays_all(spool: Spool, folder: Path) -> None:
    put_in = [put(spool, envelopes()) for _ in range(3)]
    pending = spool.oldest()
    assert pending is not None
    spool.done(pending)
    spool.close()
    (path,) = segment_paths(folder)
    with path.open("r+b") as file:
        file.write(bytes(PREAMBLE_BYTES))
    assert drain(Spool(folder, MAX)) == put_in


def test_a_batch_set_aside_stays_on_the_disk(spool: Spool, folder: Path) -> None:
    put(spool, envelopes())
    pending = spool.oldest()
    assert pending is not None
    spool.set_aside(pending, "nobody can publish it")
    assert spool.oldest() is None
    assert len(segment_paths(folder / QUARANTINE)) == 1
    assert drain(Spool(folder, MAX)) == []


def test_full_is_refused_counted_and_passes(folder: Path, tmp_path: Path) -> None:
    spool = Spool(folder, 10_000, segment_bytes=2000)
    stored = [put(spool, envelopes(2, 500)) for _ in range(8)]
    with pytest.raises(StoreDown, match="full") as refused:
        put(spool, envelopes(2, 500))
    assert refused.value.store == "spool"
    assert used_bytes(folder) <= 10_000
    assert not spool.has_room()
    assert read_spool_state(tmp_path).refused == 2
    assert drain(spool) == stored
    assert spool.has_room()
    assert drain(spool) == []
    put(spool, envelopes())


def test_the_bound_holds_for_all_processes_together(folder: Path) -> None:
    one, two = Spool(folder, 10_000), Spool(folder, 10_000)
    put(one, envelopes(1, 6000))
    with pytest.raises(StoreDown, match="full"):
        put(two, envelopes(1, 6000))


def test_no_bytes_means_no_spool(folder: Path, tmp_path: Path) -> None:
    spool = Spool(folder, 0)
    with pytest.raises(StoreDown, match="full"):
        put(spool, envelopes(3))
    assert read_spool_state(tmp_path).refused == 3


class Disk:
    """``fsync`` of a disk that a test can break: then each sync fails with EIO."""

    def __init__(self) -> None:
        self.broken = False

    def sync(self, descriptor: int) -> None:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(descriptor)


def test_a_disk_that_fails_to_sync_refuses_and_leaves_no_trace(
    folder: Path, tmp_path: Path
) -> None:
    disk = Disk()
    spool = Spool(folder, MAX, sync=disk.sync)
    before = put(spool, envelopes())
    disk.broken = True
    for _ in range(5):
        with pytest.raises(StoreDown, match=os.strerror(errno.EIO)):
            put(spool, envelopes(4))
    assert len(segment_paths(folder)) == 1
    disk.broken = False
    after = put(spool, envelopes())
    assert read_spool_state(tmp_path).refused == 20
    assert drain(spool) == [before, after]


def test_a_folder_that_cannot_be_made_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool", MAX)
    with pytest.raises(StoreDown):
        put(spool, envelopes())
    assert not spool.has_room()


def test_a_segment_removed_by_hand_loses_nothing_while_its_process_lives(
    spool: Spool, folder: Path
) -> None:
    first = put(spool, envelopes())
    segment_paths(folder)[0].unlink()
    second = put(spool, envelopes())
    assert len(segment_paths(folder)) == 1
    assert drain(spool) == [first, second]


def test_the_state_counts_what_is_left(spool: Spool, tmp_path: Path, folder: Path) -> None:
    first = envelopes(3, project=1)
    oldest = put(spool, first)
    put(spool, second := envelopes(2, project=2))
    state = read_spool_state(tmp_path)
    assert (state.events, state.bytes) == (5, used_bytes(folder))
    assert state.oldest_ms == oldest.int >> 80
    rows = spooled_events(tmp_path)
    assert sum(rows.values()) == 5
    assert {(project, kind) for _, project, kind in rows} == {(1, "crash"), (2, "crash")}
    pending = spool.oldest()
    assert pending is not None
    spool.done(pending)
    assert read_spool_state(tmp_path).events == 2
    minutes = {id_minute(event.id) for event in second}
    assert {minute for minute, _, _ in spooled_events(tmp_path)} == minutes
    drain(spool)
    assert spooled_events(tmp_path) == {}


def test_files_of_others_are_ignored(spool: Spool, folder: Path) -> None:
    mine = put(spool, envelopes())
    (folder / "notes.segment").write_text("not ours")
    (folder / "core").write_text("not ours either")
    assert drain(spool) == [mine]
