-- Within which operation a crash happened, where its SDK traces.
ALTER TABLE crash_events ADD COLUMN trace_id uuid, ADD COLUMN span_id text;
CREATE INDEX crash_events_trace ON crash_events (trace_id) WHERE trace_id IS NOT NULL;

-- Sessions of real users meet crashes by their user and time (storage/sql/health.py).
CREATE INDEX crash_events_user ON crash_events (project_id, user_key, id)
    WHERE user_key IS NOT NULL;

-- The first id that is so many milliseconds later than another.
CREATE FUNCTION id_after(id uuid, ms bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(id_ms(id) + ms), 12, '0') || '70008000000000000000')::uuid
$$;
