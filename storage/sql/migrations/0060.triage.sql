-- A group is a fingerprint's, or a merge's, whose fingerprint is null. Members of a merge say so in
-- merged_into and go on to count their own events; the merge's numbers are those of its members,
-- its users their union, its words and its number those of lead_id, one of them. Only who is in no
-- merge is triaged: status, since status_at, and what belongs to it. touched_at: since when a
-- person has decided something on it.
ALTER TABLE groups
    ALTER COLUMN fingerprint DROP NOT NULL,
    ADD COLUMN number bigint,
    ADD COLUMN merged_into uuid,
    ADD COLUMN lead_id uuid,
    ADD COLUMN status_at timestamptz,
    ADD COLUMN resolved_version text,
    ADD COLUMN resolved_after boolean NOT NULL DEFAULT false,
    ADD COLUMN ignored_until timestamptz,
    ADD COLUMN ignored_count bigint,
    ADD COLUMN ignored_users bigint,
    ADD COLUMN assignee text,
    ADD COLUMN touched_at timestamptz,
    ADD CONSTRAINT groups_status CHECK (status IN ('open', 'regressed', 'resolved', 'ignored')),
    ADD CONSTRAINT groups_kind CHECK ((fingerprint IS NULL) = (lead_id IS NOT NULL)),
    ADD CONSTRAINT groups_merged CHECK (fingerprint IS NOT NULL OR merged_into IS NULL);

-- Lists are of a project; one of all projects takes the first of each.
DROP INDEX groups_last_seen;
DROP INDEX groups_first_seen;
DROP INDEX groups_count;
DROP INDEX groups_users;
CREATE INDEX groups_project_first_seen ON groups (project_id, first_seen DESC, id DESC);
CREATE INDEX groups_project_count ON groups (project_id, count DESC, id DESC);
CREATE INDEX groups_project_users ON groups (project_id, users DESC, id DESC);
CREATE UNIQUE INDEX groups_number ON groups (project_id, number);
CREATE INDEX groups_members ON groups (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX groups_decided ON groups (project_id, status, last_seen DESC, id DESC)
    WHERE status <> 'open';
CREATE INDEX groups_assigned ON groups (project_id, assignee) WHERE assignee IS NOT NULL;
CREATE INDEX groups_ignored_until ON groups (ignored_until) WHERE ignored_until IS NOT NULL;
CREATE INDEX groups_unnumbered ON groups (project_id) WHERE number IS NULL AND lead_id IS NULL;

-- The last number given to a group of a project.
CREATE TABLE group_numbers (
    project_id  integer PRIMARY KEY,
    last        bigint NOT NULL
);
UPDATE groups SET number = numbered.number FROM (
    SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY first_seen, id) AS number
    FROM groups
) AS numbered WHERE numbered.id = groups.id;
INSERT INTO group_numbers SELECT project_id, max(number) FROM groups GROUP BY project_id;

-- The hour of a UUIDv7, in whole hours since 1970 (RFC 9562, section 5.7: 48 bits of milliseconds).
CREATE FUNCTION id_hour(id uuid) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 3600000)::integer;

-- Rows that there are, by fingerprint's group, hour of the id and version ('' for none). A row goes
-- with the last event it counts, so there are never more of them than events.
CREATE TABLE group_hours (
    group_id  uuid NOT NULL,
    hour      integer NOT NULL,
    version   text NOT NULL,
    events    bigint NOT NULL,
    PRIMARY KEY (group_id, hour, version)
) WITH (fillfactor = 80);

-- Their sum over the hours. first_seen and last_seen are exact as long as nothing is taken out,
-- then to the hour.
CREATE TABLE group_versions (
    group_id    uuid NOT NULL,
    version     text NOT NULL,
    project_id  integer NOT NULL,
    events      bigint NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    PRIMARY KEY (group_id, version)
) WITH (fillfactor = 80);
CREATE INDEX group_versions_project ON group_versions (project_id, version);

-- Versions of a project that events of any type came in. ordering is events/versions.py's; null: by
-- first sight. last_seen is told to the hour.
CREATE TABLE releases (
    project_id  integer NOT NULL,
    version     text NOT NULL,
    ordering    text COLLATE "C",
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    PRIMARY KEY (project_id, version)
);
CREATE INDEX releases_ordered ON releases (project_id, ordering);
CREATE INDEX releases_seen ON releases (project_id, first_seen DESC, version DESC);

INSERT INTO group_hours
SELECT group_id, id_hour(id), coalesce(version, ''), count(*) FROM crash_events
WHERE group_id IS NOT NULL GROUP BY 1, 2, 3;
INSERT INTO group_versions
SELECT group_id, coalesce(version, ''), min(project_id), count(*),
    to_timestamp(min(id_hour(id)) * 3600), to_timestamp(max(id_hour(id)) * 3600)
FROM crash_events WHERE group_id IS NOT NULL GROUP BY 1, 2;
INSERT INTO releases (project_id, version, first_seen, last_seen)
SELECT project_id, version, to_timestamp(min(hour) * 3600), to_timestamp(max(hour) * 3600) FROM (
    SELECT project_id, version, id_hour(id) AS hour FROM crash_events WHERE version IS NOT NULL
    UNION ALL
    SELECT project_id, version, id_hour(id) FROM rum_events WHERE version IS NOT NULL
) AS seen GROUP BY 1, 2;

-- What happened to a group: decisions, comments, regressions. actor null: the system. Comments are
-- blanked where they are taken back, all else is only added to.
CREATE TABLE group_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id   uuid NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text,
    action     text NOT NULL,
    detail     jsonb NOT NULL,
    action_id  uuid
);
CREATE INDEX group_history_group ON group_history (group_id, id DESC);
CREATE INDEX group_history_regressed ON group_history ((detail ->> 'version'))
    WHERE action = 'regressed';

-- Fingerprints of which no further event is stored. They outlive their group.
CREATE TABLE discarded_fingerprints (
    group_id     uuid PRIMARY KEY,
    project_id   integer NOT NULL,
    type         text NOT NULL,
    fingerprint  text NOT NULL,
    title        text NOT NULL,
    culprit      text,
    reason       text NOT NULL,
    actor        text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX discarded_fingerprints_project ON discarded_fingerprints (project_id, at DESC);

-- A tombstone without an erasure is that of an event which was left out on its way because its
-- fingerprint, discarded_as, is discarded. Its bytes in pack_id bind nobody, so gone_at is set: they
-- go when the pack is merged, or when they are to be erased.
ALTER TABLE tombstones
    ALTER COLUMN erasure_id DROP NOT NULL,
    ADD COLUMN discarded_as uuid,
    ADD CONSTRAINT tombstones_why CHECK (erasure_id IS NOT NULL OR discarded_as IS NOT NULL);
CREATE INDEX tombstones_discarded ON tombstones (discarded_as) WHERE discarded_as IS NOT NULL;
CREATE INDEX tombstones_left_out ON tombstones (pack_id) WHERE erasure_id IS NULL;
CREATE INDEX tombstones_left_out_of ON tombstones (project_id) WHERE erasure_id IS NULL;

-- A decision on groups that were chosen once, when it was made: `frozen` until it is confirmed,
-- `running`, `finished`; `undoing`, `undone`. query: what chose them, null for a list of ids.
CREATE TABLE triage_actions (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    project_id   integer NOT NULL,
    actor        text NOT NULL,
    verb         text NOT NULL,
    options      jsonb NOT NULL,
    query        text,
    state        text NOT NULL CHECK (state IN
        ('frozen', 'running', 'finished', 'undoing', 'undone')),
    finished_at  timestamptz,
    undone_by    text
);
CREATE INDEX triage_actions_listed ON triage_actions (project_id, id DESC);
CREATE INDEX triage_actions_under_way ON triage_actions (id)
    WHERE state IN ('running', 'undoing');
CREATE INDEX triage_actions_frozen ON triage_actions (at) WHERE state = 'frozen';

-- Its groups in their order, and how each stood before and after; null before it was its turn.
CREATE TABLE triage_items (
    action_id  uuid NOT NULL REFERENCES triage_actions ON DELETE CASCADE,
    place      integer NOT NULL,
    group_id   uuid NOT NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN
        ('waiting', 'done', 'skipped', 'undone', 'kept')),
    before     jsonb,
    after      jsonb,
    why        text,
    PRIMARY KEY (action_id, place)
);
CREATE INDEX triage_items_state ON triage_items (action_id, state, place);

-- Named queries of the group list: a person's own, or, owner null, of all who see the project.
CREATE TABLE saved_views (
    id          uuid PRIMARY KEY,
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    owner       text,
    name        text NOT NULL,
    query       text NOT NULL,
    sort        text NOT NULL,
    made_by     text NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX saved_views_name ON saved_views (project_id, coalesce(owner, ''), name);
