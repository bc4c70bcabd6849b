-- People who use the pages. email is in lower case. role: of the installation, null for none.
-- password_hash: argon2id in the PHC format, null until a link was used.
CREATE TABLE users (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email          text NOT NULL UNIQUE,
    name           text NOT NULL,
    role           text CHECK (role IN ('operator', 'admin')),
    password_hash  text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    disabled_at    timestamptz
);

CREATE TABLE memberships (
    project_id  integer NOT NULL REFERENCES projects ON DELETE CASCADE,
    user_id     integer NOT NULL REFERENCES users ON DELETE CASCADE,
    role        text NOT NULL CHECK (role IN ('viewer', 'member', 'admin')),
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

-- Links by which a person sets a password, once. One without a user makes the first administrator.
CREATE TABLE password_links (
    hash        bytea PRIMARY KEY,
    user_id     integer UNIQUE REFERENCES users ON DELETE CASCADE,
    made_by     text NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);

-- scope: the highest right that a token gives. One of a user gives no more than the user has.
-- used_at is told to the hour.
ALTER TABLE tokens
    ADD COLUMN id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN scope text NOT NULL DEFAULT 'admin'
        CHECK (scope IN ('read', 'triage', 'operate', 'admin')),
    ADD COLUMN user_id integer REFERENCES users ON DELETE CASCADE,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN used_at timestamptz;
CREATE INDEX tokens_user ON tokens (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX tokens_project ON tokens (project_id) WHERE project_id IS NOT NULL;

-- Browsers that are signed in, as a user or with a token. seen_at is told to the minute.
CREATE TABLE page_sessions (
    hash        bytea PRIMARY KEY,
    id          integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    user_id     integer REFERENCES users ON DELETE CASCADE,
    token_hash  bytea REFERENCES tokens ON DELETE CASCADE,
    began_at    timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    address     text NOT NULL,
    browser     text NOT NULL,
    CHECK ((user_id IS NULL) <> (token_hash IS NULL))
);
CREATE INDEX page_sessions_user ON page_sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX page_sessions_token ON page_sessions (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX page_sessions_seen ON page_sessions (seen_at);

-- Tries to sign in, by account and by address, each as a keyed hash. A crash may forget them.
CREATE UNLOGGED TABLE sign_in_tries (
    bucket  bytea PRIMARY KEY,
    tries   integer NOT NULL,
    until   timestamptz NOT NULL
);
CREATE INDEX sign_in_tries_until ON sign_in_tries (until);

ALTER TABLE api_keys
    ADD COLUMN id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN name text NOT NULL DEFAULT '';

-- From where: the address of who asked the web tier, empty for a command.
ALTER TABLE audit ADD COLUMN address text NOT NULL DEFAULT '';
