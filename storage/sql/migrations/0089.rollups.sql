-- What was counted by the minute, added up for longer: of slots of 10 minutes to a day (`width`),
-- which begin at multiples of their width since 1970. Made from the minutes by a periodic task
-- (storage/sql/rollups.py), and never the only place of anything. `last` is the last minute of the slot
-- that told; of a series that accumulates, the slot has what that minute had.
CREATE TABLE trace_rollups (
    day_id      uuid NOT NULL,
    project_id  integer NOT NULL,
    series      bigint NOT NULL,
    width       smallint NOT NULL,
    at          integer NOT NULL,
    last        integer NOT NULL,
    count       double precision NOT NULL,
    total       double precision NOT NULL,
    least       double precision,
    most        double precision,
    sketch      sketch,
    PRIMARY KEY (project_id, series, width, at, day_id)
) PARTITION BY RANGE (day_id);
CREATE TABLE metric_rollups (LIKE trace_rollups INCLUDING ALL) PARTITION BY RANGE (day_id);
CREATE INDEX trace_rollups_time ON trace_rollups (project_id, width, at);
CREATE INDEX metric_rollups_time ON metric_rollups (project_id, width, at);

-- The same of all operations that share their labels, also by the minute (width 1).
CREATE TABLE trace_totals (
    day_id      uuid NOT NULL,
    project_id  integer NOT NULL,
    labels      jsonb NOT NULL,
    width       smallint NOT NULL,
    at          integer NOT NULL,
    count       double precision NOT NULL,
    total       double precision NOT NULL,
    least       double precision,
    most        double precision,
    sketch      sketch
) PARTITION BY RANGE (day_id);
CREATE INDEX trace_totals_time ON trace_totals (project_id, width, at);

-- Slots whose rollups may not say what their minutes do. Whoever changes a minute adds a row for its
-- slot of 10 minutes, in the same transaction; whoever makes a slot anew takes the rows off that he
-- sees before he reads, and adds one for the next wider slot. So a slot is exact in every snapshot in
-- which neither it, nor a narrower slot within it, has a row here. Rows repeat: none waits for another.
CREATE TABLE stale_rollups (
    type        text NOT NULL,
    width       smallint NOT NULL,
    day_id      uuid NOT NULL,
    project_id  integer NOT NULL,
    at          integer NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stale_rollups_slot ON stale_rollups (type, project_id, at);

-- Note the slots of the minutes in which rows that came, or went, are counted.
CREATE FUNCTION mark_rollups() RETURNS trigger LANGUAGE plpgsql AS $mark$
BEGIN
    INSERT INTO stale_rollups (type, width, day_id, project_id, at)
    SELECT DISTINCT TG_ARGV[0], 10, day_id, project_id, minute / 10 * 10
    FROM (SELECT day_of_id(id) AS day_id, project_id, minutes FROM changed OFFSET 0) AS row_of,
        unnest(row_of.minutes) AS minute;
    RETURN NULL;
END
$mark$;

CREATE TRIGGER trace_rollups_grow AFTER INSERT ON trace_events
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_rollups('trace');
CREATE TRIGGER trace_rollups_shrink AFTER DELETE ON trace_events
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_rollups('trace');
CREATE TRIGGER metric_rollups_grow AFTER INSERT ON metric_events
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_rollups('metric');
CREATE TRIGGER metric_rollups_shrink AFTER DELETE ON metric_events
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_rollups('metric');

-- Note every slot of the day of which rows_of is the partition of rows; of all days without one. They
-- wait for nothing that may be late.
CREATE PROCEDURE mark_rollups_of(type text, rows_of regclass DEFAULT NULL) LANGUAGE plpgsql
AS $mark$
DECLARE
    of_day uuid;
BEGIN
    IF rows_of IS NOT NULL THEN
        EXECUTE format('SELECT day_of_id(id) FROM %s LIMIT 1', rows_of) INTO of_day;
        IF of_day IS NULL THEN
            RETURN;
        END IF;
    END IF;
    EXECUTE format(
        'INSERT INTO stale_rollups (type, width, day_id, project_id, at, made_at)'
        ' SELECT DISTINCT %L, 10, day_id, project_id, minute / 10 * 10, ''-infinity''::timestamptz'
        ' FROM %I WHERE day_id = coalesce(%L, day_id)', type, type || '_minutes', of_day);
END
$mark$;

CREATE OR REPLACE PROCEDURE derive_trace(rows_of regclass) LANGUAGE plpgsql AS $derive$
BEGIN
    CALL derive_minutes('trace_minutes', rows_of);
    EXECUTE segments_of(rows_of::text);
    CALL mark_rollups_of('trace', rows_of);
END
$derive$;

CREATE OR REPLACE PROCEDURE derive_metric(rows_of regclass) LANGUAGE plpgsql AS $derive$
BEGIN
    CALL derive_minutes('metric_minutes', rows_of);
    EXECUTE sessions_of(rows_of::text);
    CALL mark_rollups_of('metric', rows_of);
END
$derive$;

-- The days that there are have a partition of the new tables, and are to be made.
DO $days$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT derived.target, derived.target || right(child.relname, 9) AS name,
            pg_get_expr(child.relpartbound, child.oid) AS bounds
        FROM (VALUES ('trace_rollups'), ('trace_totals'), ('metric_rollups')) AS derived (target)
        JOIN pg_inherits ON inhparent = (split_part(target, '_', 1) || '_minutes')::regclass
        JOIN pg_class AS child ON child.oid = inhrelid
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I %s', made.name, made.target, made.bounds);
    END LOOP;
    CALL mark_rollups_of('trace');
    CALL mark_rollups_of('metric');
END
$days$;
