-- migrate:up
CREATE TABLE account (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL UNIQUE CHECK (username = lower(username)),
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('operator', 'supervisor', 'worker', 'family', 'administrator')),
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

-- What an account may see: an organisation's subtree, or one elder (family). Workers get theirs from accepted work.
CREATE TABLE membership (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL REFERENCES account ON DELETE CASCADE,
    org_code text REFERENCES org_unit,
    elder_id integer REFERENCES elder,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    CHECK (num_nonnulls(org_code, elder_id) = 1)
);
CREATE INDEX membership_account ON membership (account_id);
CREATE INDEX membership_elder ON membership (elder_id) WHERE elder_id IS NOT NULL;

CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    account_id integer NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_expires ON session (expires_at);
CREATE INDEX session_account ON session (account_id);

-- Whoever is let in again later must sign in again: old cookies, used meanwhile or not, stay worthless.
CREATE FUNCTION end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM session WHERE account_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_disabled AFTER UPDATE OF disabled_at ON account
    FOR EACH ROW WHEN (NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION end_sessions();

CREATE TABLE login_failure (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX login_failure_username ON login_failure (username, at);
CREATE INDEX login_failure_address ON login_failure (address, at);

-- Every read of health or location data, and every change of a session. `elder_ids` are all elders shown, `elder_id`
-- and `alarm_id` what was asked for: who saw elder 7 is `WHERE elder_ids @> '{7}'`.
CREATE TABLE access_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    account_id integer NOT NULL REFERENCES account,
    action text NOT NULL,
    elder_id integer,
    alarm_id bigint,
    elder_ids integer[] NOT NULL,
    detail jsonb
);
CREATE INDEX access_log_elders ON access_log USING gin (elder_ids);

-- migrate:down
DROP TABLE access_log, login_failure, session, membership, account;
DROP FUNCTION end_sessions;
