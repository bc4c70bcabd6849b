-- Ids that SDKs give their events, each with ours: an event that is sent again, by an SDK that did
-- not hear it was taken, is not stored twice. Written with the event's row; forgotten after a time.
CREATE TABLE sdk_ids (
    project_id  integer NOT NULL,
    sdk_id      uuid NOT NULL,
    event_id    uuid NOT NULL,
    PRIMARY KEY (project_id, sdk_id)
);
CREATE INDEX sdk_ids_event ON sdk_ids (event_id);

-- Events that repeat another: left out, and counted as filtered in the ledger with this row.
CREATE TABLE repeated_events (
    event_id     uuid PRIMARY KEY,
    type         text NOT NULL,
    original_id  uuid NOT NULL
);
CREATE INDEX repeated_events_type ON repeated_events (type, event_id);
