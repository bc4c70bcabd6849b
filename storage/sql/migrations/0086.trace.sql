-- Spans and logs as they were sent together: a row an event, with what of it is counted by the minute
-- (see minutes_of) and its transactions as JSON.
CREATE TABLE trace_events (
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
    spans         integer NOT NULL,
    errors        integer NOT NULL,
    logs          integer NOT NULL,
    segments      jsonb NOT NULL,
    series        bigint[] NOT NULL,
    minutes       integer[] NOT NULL,
    counts        double precision[],
    amounts       double precision[] NOT NULL,
    kinds         smallint[]
) PARTITION BY RANGE (id);
CREATE INDEX trace_events_project ON trace_events (project_id, id DESC);

-- A row a transaction: the topmost span of a service in a trace. Of a trace of which an event has
-- only spans below it, one row without a span says that it has some.
CREATE TABLE trace_segments (
    event_id     uuid NOT NULL,
    project_id   integer NOT NULL,
    trace_id     uuid NOT NULL,
    span_id      text,
    service      text,
    environment  text,
    version      text,
    name         text,
    category     text,
    started_at   timestamptz,
    duration_ms  double precision,
    failed       boolean NOT NULL,
    user_key     text
) PARTITION BY RANGE (event_id);
CREATE INDEX trace_segments_event ON trace_segments (event_id);
CREATE INDEX trace_segments_trace ON trace_segments (trace_id);
CREATE INDEX trace_segments_project ON trace_segments (project_id, event_id DESC)
    WHERE span_id IS NOT NULL;

CREATE FUNCTION segments_of(source text) RETURNS text LANGUAGE sql IMMUTABLE AS $of$
    SELECT format($sql$
        INSERT INTO trace_segments (event_id, project_id, trace_id, span_id, service, environment,
            version, name, category, started_at, duration_ms, failed, user_key)
        SELECT row_of.id, row_of.project_id, segment.trace, segment.span, row_of.service,
            row_of.environment, row_of.version, segment.name, segment.category,
            to_timestamp(segment.at), segment.ms, coalesce(segment.failed, false), row_of.user_key
        FROM %s AS row_of, jsonb_to_recordset(row_of.segments) AS segment (trace uuid, span text,
            name text, category text, at double precision, ms double precision, failed boolean)
    $sql$, source)
$of$;

CREATE FUNCTION grow_segments() RETURNS trigger LANGUAGE plpgsql AS $grow$
BEGIN
    EXECUTE segments_of('added');
    RETURN NULL;
END
$grow$;

CREATE FUNCTION shrink_segments() RETURNS trigger LANGUAGE plpgsql AS $shrink$
BEGIN
    DELETE FROM trace_segments USING removed WHERE event_id = removed.id;
    RETURN NULL;
END
$shrink$;

CREATE TRIGGER trace_minutes_grow AFTER INSERT ON trace_events
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION grow_minutes('trace_minutes');
CREATE TRIGGER trace_minutes_shrink AFTER DELETE ON trace_events
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION shrink_minutes('trace_minutes', 'trace');
CREATE TRIGGER trace_segments_grow AFTER INSERT ON trace_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION grow_segments();
CREATE TRIGGER trace_segments_shrink AFTER DELETE ON trace_events
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION shrink_segments();

-- Make what is derived from the rows of a day anew, from its partition: after a rebuild.
CREATE PROCEDURE derive_trace(rows_of regclass) LANGUAGE plpgsql AS $derive$
BEGIN
    CALL derive_minutes('trace_minutes', rows_of);
    EXECUTE segments_of(rows_of::text);
END
$derive$;
