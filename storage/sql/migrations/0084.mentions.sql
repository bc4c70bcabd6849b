-- Events that tell more of another, which they know by its SDK's id and which may come later or
-- never: what a user said of a crash, files that came on their own.
CREATE TABLE mentions (
    project_id  integer NOT NULL,
    sdk_id      uuid NOT NULL,
    event_id    uuid NOT NULL,
    type        text NOT NULL,
    PRIMARY KEY (project_id, sdk_id, event_id)
);
CREATE INDEX mentions_event ON mentions (type, event_id);
