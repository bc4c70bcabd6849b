-- A letter is `replaying` from when a replay takes it until its event is stored or dies again: in
-- flight to the ledger. `cluster` tells letters of one cause; `edited` is replayed in place of the
-- original payload, which stays where it is.
ALTER TABLE dead_letters
    DROP CONSTRAINT dead_letters_status_check,
    ADD CONSTRAINT dead_letters_status_check
        CHECK (status IN ('open', 'replaying', 'replayed', 'discarded')),
    ADD COLUMN cluster text NOT NULL DEFAULT '',
    ADD COLUMN edited bytea,
    ADD COLUMN edits integer NOT NULL DEFAULT 0,
    ADD COLUMN status_by text,
    ADD COLUMN status_reason text;

-- An event is dead, or on its way again, at most once.
DROP INDEX dead_letters_open;
CREATE UNIQUE INDEX dead_letters_unsettled ON dead_letters (event_id)
    WHERE status IN ('open', 'replaying');
CREATE INDEX dead_letters_status ON dead_letters (status, id DESC);
CREATE INDEX dead_letters_cluster ON dead_letters (cluster, id DESC) WHERE status = 'open';

-- Who did what to dead letters, replays and parked messages. Only ever added to.
CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    action   text NOT NULL,
    subject  text NOT NULL,
    detail   jsonb NOT NULL
);
CREATE INDEX audit_subject ON audit (subject, id DESC);

-- A replay of chosen letters: `canary` (first a few, until their fate is known), `sending`,
-- `settling` (all sent, not all fates known), `finished`; or `stopped` as canaries died again, or
-- `cancelled`. Up to `paced_at` its rate is used up.
CREATE TABLE replays (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL,
    selection    jsonb NOT NULL,
    rate         double precision NOT NULL CHECK (rate > 0),
    canary       integer NOT NULL CHECK (canary >= 0),
    status       text NOT NULL CHECK (status IN
        ('canary', 'sending', 'settling', 'finished', 'stopped', 'cancelled')),
    reason       text,
    paced_at     timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz
);

-- The letters of a replay, chosen once when it is made. `batch` is the message they travel in:
-- published under that id, so that publishing again after a kill changes nothing. `pack_id` is
-- set where that message re-runs stage search of a pack.
CREATE TABLE replay_items (
    replay_id  uuid NOT NULL REFERENCES replays ON DELETE CASCADE,
    letter_id  uuid NOT NULL,
    event_id   uuid NOT NULL,
    type       text NOT NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN
        ('waiting', 'claimed', 'sent', 'stored', 'dead', 'discarded', 'skipped')),
    batch      uuid,
    pack_id    uuid,
    why        text,
    PRIMARY KEY (replay_id, letter_id)
);
CREATE INDEX replay_items_state ON replay_items (replay_id, state, letter_id);
CREATE INDEX replay_items_under_way ON replay_items (replay_id) WHERE state IN ('claimed', 'sent');
