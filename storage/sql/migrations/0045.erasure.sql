-- Who asked for what to be erased, and how far it is. A user is kept as a keyed hash (`subject`, by
-- the key that `key_mark` tells) and as a few letters for people (`shown`). `progress` says where
-- the present state goes on, `found` counts what was erased where; `steps` counts their changes, so
-- that two who drive one erasure do nothing twice. `waiting` says what it waits for.
CREATE TABLE erasures (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('event', 'user', 'project')),
    project_id   integer,
    event_id     uuid,
    subject      bytea,
    key_mark     text,
    shown        text NOT NULL,
    state        text NOT NULL CHECK (state IN
        ('finding', 'draining', 'checking', 'unindexing', 'rewriting', 'cooling', 'finished')),
    state_at     timestamptz NOT NULL DEFAULT now(),
    progress     jsonb NOT NULL DEFAULT '{}',
    found        jsonb NOT NULL DEFAULT '{}',
    steps        integer NOT NULL DEFAULT 0,
    waiting      text,
    finished_at  timestamptz
);
CREATE INDEX erasures_open ON erasures (id) WHERE finished_at IS NULL;
CREATE INDEX erasures_project ON erasures (project_id, id DESC);

-- Sessions of a user who is erased, as keyed hashes: an event that arrives later may name only its
-- session. Emptied at the end.
CREATE TABLE erasure_sessions (
    erasure_id  uuid NOT NULL REFERENCES erasures ON DELETE CASCADE,
    session     bytea NOT NULL,
    PRIMARY KEY (erasure_id, session)
);

-- settled: the ledger knows this event's fate. An event erased on its way is counted as filtered by
-- who leaves it out. unindexed_at: since when search does not have it.
ALTER TABLE tombstones
    ADD COLUMN settled boolean NOT NULL DEFAULT true,
    ADD COLUMN unindexed_at timestamptz;
CREATE INDEX tombstones_indexed ON tombstones (erasure_id) WHERE unindexed_at IS NULL;

-- An erased project keeps its row, under another name, for the ledger. Nothing is stored for it.
ALTER TABLE projects ADD COLUMN erased_at timestamptz;
