-- A replay of one project's letters alone may be seen and stopped by that project's tokens; null
-- for one whose selection named no project.
ALTER TABLE replays ADD COLUMN project_id integer;
UPDATE replays SET project_id = projects.id FROM projects
WHERE projects.name = selection ->> 'project';
CREATE INDEX replays_project ON replays (project_id, id DESC);
