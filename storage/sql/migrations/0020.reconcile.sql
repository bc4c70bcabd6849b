-- When the events of a pack were last found in all three stores; null: not compared yet.
ALTER TABLE packs ADD COLUMN checked_at timestamptz;
CREATE INDEX packs_day ON packs (type, day);

-- What reconciling repaired: one row a pack and kind, with how many events it was about.
CREATE TABLE repairs (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    kind     text NOT NULL,
    type     text NOT NULL,
    pack_id  uuid NOT NULL,
    events   integer NOT NULL
);
CREATE INDEX repairs_pack ON repairs (pack_id);

-- A store's part that is re-created from packs: a month of search, or a day of SQL. target is the
-- index or table in the making.
CREATE TABLE rebuilds (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store       text NOT NULL CHECK (store IN ('search', 'sql')),
    type        text NOT NULL,
    part        text NOT NULL,
    target      text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz
);
-- One at a time of each part: whoever comes after a kill goes on with it.
CREATE UNIQUE INDEX rebuilds_open ON rebuilds (store, type, part) WHERE ended_at IS NULL;

-- The packs a rebuild has taken in, with the MD5 of their counts then: a pack that has grown since
-- is taken in again. kept are events of it that have a row and can be made no more: their row stays.
-- Emptied at the end.
CREATE TABLE rebuild_packs (
    rebuild_id  bigint NOT NULL REFERENCES rebuilds ON DELETE CASCADE,
    pack_id     uuid NOT NULL,
    counts_md5  text NOT NULL,
    events      integer NOT NULL,
    kept        uuid[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (rebuild_id, pack_id)
);

-- How to name groups that a rebuild of SQL meets. Emptied at the end.
CREATE TABLE rebuild_groups (
    rebuild_id   bigint NOT NULL REFERENCES rebuilds ON DELETE CASCADE,
    id           uuid NOT NULL,
    project_id   integer NOT NULL,
    fingerprint  text NOT NULL,
    title        text NOT NULL,
    culprit      text,
    PRIMARY KEY (rebuild_id, id)
);
