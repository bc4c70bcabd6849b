-- Tenants and who may speak for them. Secrets are kept as SHA-256 only; prefix is for display.
CREATE TABLE projects (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    hash        bytea PRIMARY KEY,
    project_id  integer NOT NULL REFERENCES projects,
    prefix      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
CREATE INDEX api_keys_project ON api_keys (project_id);

CREATE TABLE tokens (
    hash        bytea PRIMARY KEY,
    name        text NOT NULL,
    prefix      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);

-- counts and pending are lists of [minute, project_id, events]: counts has every row this pack
-- inserted, pending those of them that the ledger does not yet count as stored.
CREATE TABLE packs (
    id            uuid PRIMARY KEY,
    key           text NOT NULL UNIQUE,
    type          text NOT NULL,
    day           date NOT NULL,
    events        integer NOT NULL,
    stored_bytes  bigint NOT NULL,
    raw_bytes     bigint NOT NULL,
    counts        jsonb NOT NULL,
    pending       jsonb NOT NULL,
    files_at      timestamptz NOT NULL,
    sql_at        timestamptz NOT NULL DEFAULT now(),
    search_at     timestamptz
);
CREATE INDEX packs_unsearched ON packs (sql_at) WHERE search_at IS NULL;

-- A table an event type, partitioned by day of id. The columns up to checksum are the same in
-- each (storage/sql/tables.py), those after it are the type's own (COLUMNS of events/<type>.py).
-- Partitions copy the indexes.
CREATE TABLE crash_events (
    id            uuid PRIMARY KEY,
    project_id    integer NOT NULL,
    pack_id       uuid NOT NULL,
    protocol      text NOT NULL,
    occurred_at   timestamptz,
    group_id      uuid,
    user_key      text,
    frame_offset  bigint NOT NULL,
    frame_length  integer NOT NULL,
    slice_offset  integer NOT NULL,
    slice_length  integer NOT NULL,
    checksum      bigint NOT NULL,
    class_name    text,
    message       text,
    culprit       text,
    version       text,
    machine       text
) PARTITION BY RANGE (id);
CREATE INDEX crash_events_group ON crash_events (group_id, id DESC) WHERE group_id IS NOT NULL;
CREATE INDEX crash_events_project ON crash_events (project_id, id DESC);

CREATE TABLE rum_events (
    id            uuid PRIMARY KEY,
    project_id    integer NOT NULL,
    pack_id       uuid NOT NULL,
    protocol      text NOT NULL,
    occurred_at   timestamptz,
    group_id      uuid,
    user_key      text,
    frame_offset  bigint NOT NULL,
    frame_length  integer NOT NULL,
    slice_offset  integer NOT NULL,
    slice_length  integer NOT NULL,
    checksum      bigint NOT NULL,
    kind          text,
    session_id    text,
    page          text,
    duration_ms   double precision,
    version       text
) PARTITION BY RANGE (id);
CREATE INDEX rum_events_group ON rum_events (group_id, id DESC) WHERE group_id IS NOT NULL;
CREATE INDEX rum_events_project ON rum_events (project_id, id DESC);

CREATE TABLE groups (
    id           uuid PRIMARY KEY,
    project_id   integer NOT NULL,
    type         text NOT NULL,
    fingerprint  text NOT NULL,
    title        text NOT NULL,
    culprit      text,
    count        bigint NOT NULL,
    users        bigint NOT NULL,
    first_seen   timestamptz NOT NULL,
    last_seen    timestamptz NOT NULL,
    status       text NOT NULL DEFAULT 'open'
);
CREATE INDEX groups_project_last_seen ON groups (project_id, last_seen DESC, id DESC);
CREATE INDEX groups_last_seen ON groups (last_seen DESC, id DESC);
CREATE INDEX groups_first_seen ON groups (first_seen DESC, id DESC);
CREATE INDEX groups_count ON groups (count DESC, id DESC);
CREATE INDEX groups_users ON groups (users DESC, id DESC);

-- Makes users affected exact: a row for each user a group has met, as a hash of the user's key.
CREATE TABLE group_users (
    group_id       uuid NOT NULL,
    user_key_hash  bytea NOT NULL,
    PRIMARY KEY (group_id, user_key_hash)
);

CREATE TABLE dead_letters (
    id            uuid PRIMARY KEY,
    event_id      uuid NOT NULL,
    minute        bigint NOT NULL,
    project_id    integer NOT NULL,
    type          text NOT NULL,
    stage         text NOT NULL,
    protocol      text NOT NULL,
    code          text NOT NULL,
    reason        text NOT NULL,
    traceback     text NOT NULL,
    attempts      integer NOT NULL,
    at            timestamptz NOT NULL,
    pack_key      text,
    frame_offset  bigint,
    frame_length  integer,
    slice_offset  integer,
    slice_length  integer,
    checksum      bigint,
    payload       bytea,
    status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'replayed', 'discarded')),
    status_at     timestamptz
);
-- An event is dead at most once.
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (event_id) WHERE status = 'open';
CREATE INDEX dead_letters_event ON dead_letters (event_id);
CREATE INDEX dead_letters_minute ON dead_letters (minute);
CREATE INDEX dead_letters_listed ON dead_letters (id DESC) WHERE status = 'open';

-- Events settled, by minute of their id. Dead and discarded ones are counted from dead_letters.
CREATE TABLE ledger (
    minute      bigint NOT NULL,
    project_id  integer NOT NULL,
    type        text NOT NULL,
    stored      bigint NOT NULL DEFAULT 0,
    filtered    bigint NOT NULL DEFAULT 0,
    over_quota  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, project_id, type)
);
