-- migrate:up
-- A claim code is on the sticker of the box; only its SHA-256 is kept.
ALTER TABLE device
    ADD COLUMN claim_hash bytea UNIQUE CHECK (octet_length(claim_hash) = 32),
    ADD COLUMN revoked_reason text CHECK (revoked_reason IN ('stolen', 'lost', 'broken', 'retired')),
    ADD COLUMN revoked_by integer REFERENCES account;
CREATE INDEX device_revoked ON device (revoked_at) WHERE revoked_at IS NOT NULL;

-- Who gave a device to whom, and who took it back; null for what came from a file.
ALTER TABLE device_assignment
    ADD COLUMN assigned_by integer REFERENCES account,
    ADD COLUMN ended_by integer REFERENCES account;

-- What the broker and device-auth turned away, by the name that was given. A name that no device has is kept too, since
-- it may be a mistyped sticker; device-auth bounds how many.
CREATE TABLE device_refusal (
    device_id text NOT NULL CHECK (device_id ~ '^[A-Za-z0-9_-]{1,40}$'),
    reason text NOT NULL CHECK (reason IN ('unknown_device', 'wrong_secret', 'revoked', 'wrong_client_id', 'plain_text',
                                           'publish', 'subscribe')),
    times bigint NOT NULL,
    -- Those of the present spell, which ends with ten quiet minutes.
    recent bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    -- A topic that was refused.
    sample text,
    -- When an alarm last told of it.
    told_at timestamptz,
    PRIMARY KEY (device_id, reason)
);
CREATE INDEX device_refusal_last ON device_refusal (reason, last_at);

-- device-auth learns of a revoked credential at once, however it was revoked.
CREATE FUNCTION notify_device_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('anban_device', '');
    RETURN NULL;
END $$;
CREATE TRIGGER device_changed AFTER INSERT OR DELETE OR UPDATE OF id, secret_hash, revoked_at ON device
    FOR EACH STATEMENT EXECUTE FUNCTION notify_device_changed();

-- Equality on a device finds its way faster here than in the index that keeps assignments from overlapping.
CREATE INDEX device_assignment_device ON device_assignment (device_key, valid_from);

-- The units of the organisation that each of the staff answers for.
CREATE FUNCTION staff_units(at timestamptz)
RETURNS TABLE (account_id integer, path text, is_root boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT account.id, top.path, top.parent_code IS NULL
    FROM membership
    JOIN account ON account.id = membership.account_id
    JOIN org_unit AS top ON top.code = membership.org_code
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at);
END;

-- Staff see the devices of the homes they answer for; those in store are seen by who answers for a whole district.
CREATE FUNCTION device_audience(at timestamptz)
RETURNS TABLE (device_key integer, account_id integer)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT device.key, unit.account_id
    FROM device
    LEFT JOIN device_assignment AS assigned
      ON assigned.device_key = device.key AND assigned.valid_from <= at
     AND (assigned.valid_to IS NULL OR assigned.valid_to > at)
    LEFT JOIN elder ON elder.id = assigned.elder_id
    LEFT JOIN household ON household.id = COALESCE(assigned.household_id, elder.household_id)
    LEFT JOIN org_unit AS home ON home.code = household.org_code
    JOIN staff_units(at) AS unit ON CASE WHEN home.code IS NULL THEN unit.is_root ELSE starts_with(home.path, unit.path) END;
END;

-- migrate:down
DROP FUNCTION device_audience(timestamptz);
DROP FUNCTION staff_units(timestamptz);
DROP INDEX device_assignment_device;
DROP TRIGGER device_changed ON device;
DROP FUNCTION notify_device_changed();
DROP TABLE device_refusal;
ALTER TABLE device_assignment DROP COLUMN assigned_by, DROP COLUMN ended_by;
DROP INDEX device_revoked;
ALTER TABLE device DROP COLUMN claim_hash, DROP COLUMN revoked_reason, DROP COLUMN revoked_by;
