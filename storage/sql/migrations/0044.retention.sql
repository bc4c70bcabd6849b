-- How long a project keeps a type, where that is shorter than the type's own term; days null: the
-- type's. Ids before clearing_ms (milliseconds) are hidden for good, and those before cleared_ms
-- have neither row nor document: their bytes may go.
CREATE TABLE project_terms (
    project_id   integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    type         text NOT NULL,
    days         integer CHECK (days BETWEEN 1 AND 36500),
    clearing_ms  bigint NOT NULL DEFAULT 0,
    cleared_ms   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, type)
);

-- Days that retention drops, hidden from `at` on; since dropped_at without rows and packs. A day is
-- retired again when events of it come late.
CREATE TABLE retired_days (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type        text NOT NULL,
    day         date NOT NULL,
    why         text NOT NULL CHECK (why IN ('days', 'bytes')),
    at          timestamptz NOT NULL DEFAULT now(),
    dropped_at  timestamptz,
    events      bigint NOT NULL DEFAULT 0,
    packs       integer NOT NULL DEFAULT 0,
    bytes       bigint NOT NULL DEFAULT 0,
    ended_at    timestamptz
);
CREATE UNIQUE INDEX retired_days_open ON retired_days (type, day) WHERE ended_at IS NULL;

-- What is left to take off groups of a day that was dropped. Emptied as it is done.
CREATE TABLE retired_groups (
    retired_id  bigint NOT NULL REFERENCES retired_days ON DELETE CASCADE,
    group_id    uuid NOT NULL,
    events      bigint NOT NULL,
    PRIMARY KEY (retired_id, group_id)
);

-- Of count, the events that retention dropped: count goes on to tell of all that were ever seen.
ALTER TABLE groups ADD COLUMN dropped bigint NOT NULL DEFAULT 0;

-- accepted: moved here from the broker. discarded and letters: dead letters that retention dropped,
-- those of them that were discarded, and all.
ALTER TABLE ledger
    ADD COLUMN accepted bigint NOT NULL DEFAULT 0,
    ADD COLUMN discarded bigint NOT NULL DEFAULT 0,
    ADD COLUMN letters bigint NOT NULL DEFAULT 0;

-- Moves of accepted counts from the broker whose counts are in table ledger.
CREATE TABLE accepted_moves (
    id  uuid PRIMARY KEY,
    at  timestamptz NOT NULL DEFAULT now()
);

-- Minutes before this one are told by the day: each stands for the first minute of its UTC day.
CREATE TABLE ledger_rolled (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    before_minute  bigint NOT NULL
);
INSERT INTO ledger_rolled (before_minute) VALUES (0);

-- The sum of table ledger over all time, kept by triggers, so that no writer can forget it.
CREATE TABLE ledger_totals (
    project_id  integer NOT NULL,
    type        text NOT NULL,
    accepted    bigint NOT NULL,
    stored      bigint NOT NULL,
    filtered    bigint NOT NULL,
    over_quota  bigint NOT NULL,
    discarded   bigint NOT NULL,
    letters     bigint NOT NULL,
    PRIMARY KEY (project_id, type)
);

CREATE FUNCTION sum_ledger() RETURNS trigger LANGUAGE plpgsql AS $sum$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM ledger_totals;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO ledger_totals AS kept
        SELECT project_id, type, sum(accepted), sum(stored), sum(filtered), sum(over_quota),
            sum(discarded), sum(letters)
        FROM added GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (project_id, type) DO UPDATE SET
            accepted = kept.accepted + excluded.accepted,
            stored = kept.stored + excluded.stored,
            filtered = kept.filtered + excluded.filtered,
            over_quota = kept.over_quota + excluded.over_quota,
            discarded = kept.discarded + excluded.discarded,
            letters = kept.letters + excluded.letters;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO ledger_totals AS kept
        SELECT project_id, type, sum(accepted), sum(stored), sum(filtered), sum(over_quota),
            sum(discarded), sum(letters)
        FROM (
            SELECT project_id, type, accepted, stored, filtered, over_quota, discarded, letters
            FROM added
            UNION ALL
            SELECT project_id, type, -accepted, -stored, -filtered, -over_quota, -discarded,
                -letters
            FROM removed
        ) AS changed
        GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (project_id, type) DO UPDATE SET
            accepted = kept.accepted + excluded.accepted,
            stored = kept.stored + excluded.stored,
            filtered = kept.filtered + excluded.filtered,
            over_quota = kept.over_quota + excluded.over_quota,
            discarded = kept.discarded + excluded.discarded,
            letters = kept.letters + excluded.letters;
    ELSE
        INSERT INTO ledger_totals AS kept
        SELECT project_id, type, -sum(accepted), -sum(stored), -sum(filtered), -sum(over_quota),
            -sum(discarded), -sum(letters)
        FROM removed GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (project_id, type) DO UPDATE SET
            accepted = kept.accepted + excluded.accepted,
            stored = kept.stored + excluded.stored,
            filtered = kept.filtered + excluded.filtered,
            over_quota = kept.over_quota + excluded.over_quota,
            discarded = kept.discarded + excluded.discarded,
            letters = kept.letters + excluded.letters;
    END IF;
    RETURN NULL;
END
$sum$;
CREATE TRIGGER ledger_added AFTER INSERT ON ledger
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sum_ledger();
CREATE TRIGGER ledger_changed AFTER UPDATE ON ledger
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION sum_ledger();
CREATE TRIGGER ledger_removed AFTER DELETE ON ledger
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION sum_ledger();
CREATE TRIGGER ledger_emptied AFTER TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION sum_ledger();

INSERT INTO ledger_totals
SELECT project_id, type, sum(accepted), sum(stored), sum(filtered), sum(over_quota),
    sum(discarded), sum(letters)
FROM ledger GROUP BY 1, 2;
