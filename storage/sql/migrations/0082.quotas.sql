-- How many events of a type a project may send: a day and a month (UTC), beyond which they are
-- accepted, dropped and counted; and a minute, beyond which they are refused. Null: no bound.
CREATE TABLE quotas (
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    type        text NOT NULL,
    day         bigint CHECK (day >= 0),
    month       bigint CHECK (month >= 0),
    minute      bigint CHECK (minute > 0),
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, type)
);
