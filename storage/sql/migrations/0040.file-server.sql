-- A token speaks for one project, or for all of them when project_id is null.
ALTER TABLE tokens ADD COLUMN project_id integer REFERENCES projects;

-- Copies of an event in packs that are not its row's: a message delivered again may have been
-- packed twice. Whoever erases the event, or merges the pack, drops them.
CREATE TABLE spare_copies (
    pack_id   uuid NOT NULL,
    event_id  uuid NOT NULL,
    type      text NOT NULL,
    PRIMARY KEY (pack_id, event_id)
);
CREATE INDEX spare_copies_event ON spare_copies (event_id);

-- Erased events: hidden and never stored again from `at` on. pack_id is where the bytes lie, null
-- when no pack had them; they are gone since gone_at. Kept until retention drops the event's day.
CREATE TABLE tombstones (
    event_id    uuid PRIMARY KEY,
    type        text NOT NULL,
    project_id  integer NOT NULL,
    pack_id     uuid,
    erasure_id  uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    gone_at     timestamptz
);
CREATE INDEX tombstones_pack ON tombstones (pack_id) WHERE gone_at IS NULL;
CREATE INDEX tombstones_erasure ON tombstones (erasure_id);

-- Packs that no row points at any more. Their object is deleted a grace after `at`, so that who
-- looked an event up just before still reads it; then the row goes.
CREATE TABLE doomed_packs (
    id            uuid PRIMARY KEY,
    key           text NOT NULL UNIQUE,
    type          text NOT NULL,
    day           date NOT NULL,
    stored_bytes  bigint NOT NULL,
    why           text NOT NULL CHECK (why IN ('merged', 'retention', 'erasure', 'orphan')),
    at            timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX doomed_packs_at ON doomed_packs (at);
