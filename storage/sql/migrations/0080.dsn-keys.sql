-- The key itself, where it stands in a project's DSN: browsers show it to everybody, and a person
-- who sets an SDK up must be able to read it again. Every project has one.
ALTER TABLE api_keys ADD COLUMN public_key text;
CREATE INDEX api_keys_public ON api_keys (project_id, created_at DESC)
    WHERE public_key IS NOT NULL AND revoked_at IS NULL;

WITH made AS (
    SELECT id, replace(gen_random_uuid()::text, '-', '') AS key FROM projects
    WHERE id > 0 AND erased_at IS NULL
)
INSERT INTO api_keys (hash, project_id, prefix, public_key)
SELECT sha256(convert_to(key, 'UTF8')), id, left(key, 6), key FROM made;
