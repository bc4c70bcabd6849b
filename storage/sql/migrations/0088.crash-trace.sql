-- Within which operation a crash happened, where its SDK traces.
ALTER TABLE crash_events ADD COLUMN trace_id uuid, ADD COLUMN span_id text;
CREATE INDEX crash_events_trace ON crash_events (trace_id) WHERE trace_id IS NOT NULL;
