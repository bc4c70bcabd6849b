"""Damaged packs are found, quarantined and told of; what is whole in them stays readable."""

import json

import pytest

from broker import keys
from storage.errors import Corrupt
from storage.files.store import FileStore
from storage.sql.events import Events
from storage.sql.quarantine import Quarantine
from tests.integration.pack_world import objects, read_all, store_pack
from tests.integration.pipeline import crash, wait_until, working

pytestmark = pytest.mark.timeout(600)


def damage(pipeline, key, change):
    """Change the bytes of an object behind Sluice's back."""
    bucket = FileStore(pipeline.settings)._bucket
    data = bytearray(bucket.get(key, 1 << 30))
    bucket.put(key, bytes(change(data)))


def spoil_first_frame(files, key):
    first = files.read_index(key).frames[0]

    def change(data):
        data[first.offset + first.length // 2] ^= 0xFF
        return data

    return change


def large(number):
    """So large that every event has a frame of its own."""
    return crash(number, "x" * 140_000)


def sluice(pipeline, *arguments):
    done = pipeline.sluice(*arguments, "--json", SLUICE_PACK_GRACE_SECONDS="0")
    return done.returncode, json.loads(done.stdout)


def test_compaction_leaves_a_damaged_pack_as_it_is_and_says_so(pipeline):
    files = FileStore(pipeline.settings)
    bad, bad_ids = store_pack(pipeline, [large(n) for n in range(3)])
    good = [store_pack(pipeline, [crash(n)]) for n in range(2)]
    before = read_all(pipeline, bad_ids)
    copy = files._bucket.get(bad.key, 1 << 30)
    damage(pipeline, bad.key, spoil_first_frame(files, bad.key))

    _, first = sluice(pipeline, "compact", "--now")
    _, second = sluice(pipeline, "compact", "--now")

    assert (first["merges"], second["packs_merged"]) == ([], 2)
    [found] = Quarantine(pipeline.database).list()
    assert (found.id, found.code, found.whole, found.damaged, found.found_by) == (
        *(bad.id, "pack_corrupt", 2, 1),
        "compaction",
    )
    assert bad.key in objects(pipeline)
    readable = {}
    for event_id in bad_ids:
        try:
            readable |= read_all(pipeline, [event_id])
        except Corrupt:
            continue
    assert len(readable) == 2
    assert readable.items() <= before.items()
    assert len(read_all(pipeline, [i for _, ids in good for i in ids])) == 2
    code, told = sluice(pipeline, "packs")
    assert (code, [pack["whole"] for pack in told["quarantined"]]) == (1, [2])

    files._bucket.put(bad.key, copy)  # restored from a backup
    _, third = sluice(pipeline, "compact")
    assert third["packs_mended"] == 1
    assert sluice(pipeline, "packs")[1]["quarantined"] == []
    assert read_all(pipeline, bad_ids) == before


def test_a_truncated_pack_and_a_lost_one_are_told_of_by_reconcile(pipeline):
    cut, _ = store_pack(pipeline, [large(n) for n in range(3)])
    lost, _ = store_pack(pipeline, [crash(1)])
    damage(pipeline, cut.key, lambda data: data[: len(data) * 2 // 3])
    FileStore(pipeline.settings)._bucket.delete(lost.key)

    code, report = sluice(pipeline, "reconcile", "--grace", "0")

    assert code == 1
    assert {(t["code"], t["pack"]) for t in report["troubles"]} == {
        ("pack_corrupt", str(cut.id)),
        ("pack_lost", str(lost.id)),
    }
    found = {pack.id: pack for pack in Quarantine(pipeline.database).list()}
    assert found.keys() == {cut.id, lost.id}
    assert (found[cut.id].whole or 0) >= 1
    assert (found[lost.id].code, found[lost.id].whole) == ("pack_lost", None)


def test_a_pack_damaged_on_its_way_gives_rows_of_what_is_whole(pipeline):
    client = pipeline.broker._client
    client.set(keys.pause("crash.sql"), "operator: test")
    with working(pipeline.settings):
        ids = pipeline.publish([large(n) for n in range(3)])
        wait_until(lambda: client.llen("crash.sql") > 0)
        [key] = objects(pipeline)
        damage(pipeline, key, spoil_first_frame(FileStore(pipeline.settings), key))
        client.delete(keys.pause("crash.sql"))
        ledger = pipeline.settle()

    assert (ledger.totals.stored, ledger.totals.dead, ledger.balanced) == (2, 1, True)
    assert len(pipeline.rows()) == 2
    [(code, stage)] = pipeline.query("SELECT code, stage FROM dead_letters")
    assert (code, stage) == ("pack_corrupt", "sql")
    stored = [event_id for event_id in ids if Events(pipeline.database).find(event_id)]
    assert len(read_all(pipeline, stored)) == 2
    [found] = Quarantine(pipeline.database).list()
    assert (found.whole, found.damaged, found.found_by) == (2, 1, "crash.sql")
