-- Project 0 is the system's own: its events are the canaries that prove progress. It has no keys,
-- and lists for people leave it out.
INSERT INTO projects (id, name) OVERRIDING SYSTEM VALUE VALUES (0, 'sluice-system');
