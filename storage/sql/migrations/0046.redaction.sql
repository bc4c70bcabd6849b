-- How many places of an event's payload redaction blanked before it was stored.
ALTER TABLE crash_events ADD COLUMN redacted integer NOT NULL DEFAULT 0;
ALTER TABLE rum_events ADD COLUMN redacted integer NOT NULL DEFAULT 0;

-- What a project has redacted: the highest version counts, those before it tell what did once.
-- A project without a row has the defaults of the code.
CREATE TABLE redaction_rules (
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    version     integer NOT NULL,
    rules       jsonb NOT NULL,
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, version)
);
