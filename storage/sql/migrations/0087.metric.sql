-- Metric points and sessions as they were sent together: a row an event, with what of it is counted by
-- the minute (see minutes_of) and its sessions as JSON.
CREATE TABLE metric_events (
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
    redacted      integer NOT NULL DEFAULT 0,
    service       text,
    environment   text,
    version       text,
    points        integer NOT NULL,
    sessions      jsonb,
    series        bigint[] NOT NULL,
    minutes       integer[] NOT NULL,
    counts        double precision[],
    amounts       double precision[] NOT NULL,
    kinds         smallint[]
) PARTITION BY RANGE (id);
CREATE INDEX metric_events_project ON metric_events (project_id, id DESC);

-- A row each time a session of a release was told of: of those with the same session_id the one with
-- the highest sequence counts. Without an id it is `sessions` sessions that a client counted itself.
CREATE TABLE metric_sessions (
    event_id     uuid NOT NULL,
    project_id   integer NOT NULL,
    version      text,
    environment  text,
    session_id   text,
    started_at   timestamptz NOT NULL,
    sequence     double precision NOT NULL,
    status       text NOT NULL,
    errors       integer NOT NULL,
    sessions     bigint NOT NULL,
    user_key     text
) PARTITION BY RANGE (event_id);
CREATE INDEX metric_sessions_event ON metric_sessions (event_id);
CREATE INDEX metric_sessions_started ON metric_sessions (project_id, started_at);

CREATE FUNCTION sessions_of(source text) RETURNS text LANGUAGE sql IMMUTABLE AS $of$
    SELECT format($sql$
        INSERT INTO metric_sessions (event_id, project_id, version, environment, session_id,
            started_at, sequence, status, errors, sessions, user_key)
        SELECT row_of.id, row_of.project_id, row_of.version, row_of.environment, told.id,
            to_timestamp(told.started), told.sequence, told.status, told.errors, told.sessions,
            told.user_key
        FROM %s AS row_of, jsonb_to_recordset(row_of.sessions) AS told (id text,
            started double precision, sequence double precision, status text, errors integer,
            sessions bigint, user_key text)
    $sql$, source)
$of$;

CREATE FUNCTION grow_sessions() RETURNS trigger LANGUAGE plpgsql AS $grow$
BEGIN
    EXECUTE sessions_of('added');
    RETURN NULL;
END
$grow$;

CREATE FUNCTION shrink_sessions() RETURNS trigger LANGUAGE plpgsql AS $shrink$
BEGIN
    DELETE FROM metric_sessions USING removed WHERE event_id = removed.id;
    RETURN NULL;
END
$shrink$;

CREATE TRIGGER metric_minutes_grow AFTER INSERT ON metric_events
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION grow_minutes('metric_minutes');
CREATE TRIGGER metric_minutes_shrink AFTER DELETE ON metric_events
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION shrink_minutes('metric_minutes', 'metric');
CREATE TRIGGER metric_sessions_grow AFTER INSERT ON metric_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION grow_sessions();
CREATE TRIGGER metric_sessions_shrink AFTER DELETE ON metric_events
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION shrink_sessions();

-- Make what is derived from the rows of a day anew, from its partition: after a rebuild.
CREATE PROCEDURE derive_metric(rows_of regclass) LANGUAGE plpgsql AS $derive$
BEGIN
    CALL derive_minutes('metric_minutes', rows_of);
    EXECUTE sessions_of(rows_of::text);
END
$derive$;
