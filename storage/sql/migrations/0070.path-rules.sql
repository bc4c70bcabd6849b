-- Which paths of a project are one page of real-user monitoring: the highest version counts, those
-- before it tell what did once. A project without a row has no rules.
CREATE TABLE path_rules (
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    version     integer NOT NULL,
    rules       jsonb NOT NULL,
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, version)
);
