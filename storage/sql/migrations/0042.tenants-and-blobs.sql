-- A replay of one project's letters alone may be seen and stopped by that project's tokens; null
-- for one whose selection named no project.
ALTER TABLE replays ADD COLUMN project_id integer;
UPDATE replays SET project_id = projects.id FROM projects
WHERE projects.name = selection ->> 'project';
CREATE INDEX replays_project ON replays (project_id, id DESC);

-- Content-addressed files of a project: attachments, minidumps, source maps, symbol files. A row
-- is written only when the whole object lies at `key` and has this hash.
CREATE TABLE blobs (
    project_id    integer NOT NULL REFERENCES projects,
    sha256        bytea NOT NULL CHECK (length(sha256) = 32),
    key           text NOT NULL UNIQUE,
    bytes         bigint NOT NULL,
    content_type  text NOT NULL,
    kind          text NOT NULL
        CHECK (kind IN ('attachment', 'minidump', 'source_map', 'symbols')),
    name          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, sha256)
);
CREATE INDEX blobs_created ON blobs (created_at) WHERE kind IN ('attachment', 'minidump');

-- Which events a blob belongs to, under which name.
CREATE TABLE event_blobs (
    event_id    uuid NOT NULL,
    type        text NOT NULL,
    project_id  integer NOT NULL,
    sha256      bytea NOT NULL,
    name        text NOT NULL,
    kind        text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, sha256, name),
    FOREIGN KEY (project_id, sha256) REFERENCES blobs
);
CREATE INDEX event_blobs_blob ON event_blobs (project_id, sha256);

-- Uploads under way, noted before the object store hears of them: one that was killed is found
-- here, its parts aborted and its object, if no blob came of it, deleted.
CREATE TABLE blob_uploads (
    id          uuid PRIMARY KEY,
    key         text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX blob_uploads_key ON blob_uploads (key);
CREATE INDEX blob_uploads_started ON blob_uploads (started_at);

-- Objects of blobs that are no more: deleted a grace after `at`.
CREATE TABLE doomed_blobs (
    key    text PRIMARY KEY,
    bytes  bigint NOT NULL,
    why    text NOT NULL CHECK (why IN ('retention', 'erasure')),
    at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX doomed_blobs_at ON doomed_blobs (at);

-- What came into packs, by month, project and type: exact, from the transaction that writes the
-- rows. packs and stored_bytes are a project's shares of packs by raw bytes. Several slots a row,
-- so that workers do not wait for each other.
CREATE TABLE pack_usage (
    month         date NOT NULL,
    project_id    integer NOT NULL,
    type          text NOT NULL,
    slot          smallint NOT NULL,
    events        bigint NOT NULL,
    packs         double precision NOT NULL,
    raw_bytes     bigint NOT NULL,
    stored_bytes  double precision NOT NULL,
    PRIMARY KEY (month, project_id, type, slot)
);

-- Requests to the object store, counted by each process and added every few seconds.
CREATE TABLE object_requests (
    month      date NOT NULL,
    type       text NOT NULL,
    operation  text NOT NULL,
    requests   bigint NOT NULL,
    bytes      bigint NOT NULL,
    PRIMARY KEY (month, type, operation)
);

-- What lies in the object store, looked at once a day (the day's last look counts).
CREATE TABLE storage_samples (
    day           date NOT NULL,
    project_id    integer NOT NULL,
    type          text NOT NULL,
    objects       double precision NOT NULL,
    events        bigint NOT NULL,
    raw_bytes     double precision NOT NULL,
    stored_bytes  double precision NOT NULL,
    PRIMARY KEY (day, project_id, type)
);
