-- A merge of packs of one type and day under way: `id` and `key` are its target's. `writing`: the
-- target is not there, or half, and nothing points at it. `moving`: it is whole and on record in
-- `packs`; rows move to it from its sources. When the last has moved, the merge goes.
CREATE TABLE merges (
    id          uuid PRIMARY KEY,
    key         text NOT NULL,
    type        text NOT NULL,
    day         date NOT NULL,
    state       text NOT NULL DEFAULT 'writing' CHECK (state IN ('writing', 'moving')),
    started_at  timestamptz NOT NULL DEFAULT now()
);

-- The packs a merge reads. A pack is in one merge at a time.
CREATE TABLE merge_sources (
    pack_id   uuid PRIMARY KEY,
    merge_id  uuid NOT NULL REFERENCES merges ON DELETE CASCADE
);
CREATE INDEX merge_sources_merge ON merge_sources (merge_id);

-- What compaction did, since the start: counters for metrics.
CREATE TABLE compaction_totals (
    type            text PRIMARY KEY,
    merges          bigint NOT NULL DEFAULT 0,
    packs_merged    bigint NOT NULL DEFAULT 0,
    bytes_read      bigint NOT NULL DEFAULT 0,
    bytes_written   bigint NOT NULL DEFAULT 0,
    events_dropped  bigint NOT NULL DEFAULT 0,
    packs_deleted   bigint NOT NULL DEFAULT 0,
    bytes_deleted   bigint NOT NULL DEFAULT 0
);

-- Packs whose object is deleted: a late message may still name one. Forgotten after some days.
CREATE TABLE gone_packs (
    id  uuid PRIMARY KEY,
    at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX gone_packs_at ON gone_packs (at);

-- Packs that cannot be read whole, or are not there. The object is never touched again: what is
-- whole in it is still read. `whole` and `damaged` are events; null where nothing could tell.
CREATE TABLE quarantined_packs (
    id        uuid PRIMARY KEY,
    key       text NOT NULL,
    type      text NOT NULL,
    code      text NOT NULL CHECK (code IN ('pack_corrupt', 'pack_lost')),
    reason    text NOT NULL,
    whole     integer,
    damaged   integer,
    found_by  text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    seen_at   timestamptz NOT NULL DEFAULT now()
);

-- Which letters keep a doomed object, and follow an event to its new pack.
CREATE INDEX dead_letters_pack ON dead_letters (pack_key) WHERE pack_key IS NOT NULL;

-- When compaction last looked for events of a pack that are past their project's term.
ALTER TABLE packs ADD COLUMN swept_at timestamptz;
