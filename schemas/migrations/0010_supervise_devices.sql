-- migrate:up
-- An alarm is about the caller of a device, about the device itself when it is technical, or about a unit of the
-- organisation: a street that went dark, the district whose messages are late.
ALTER TABLE alarm ADD COLUMN org_code text REFERENCES org_unit;
ALTER TABLE alarm ALTER COLUMN device_key DROP NOT NULL;
ALTER TABLE alarm
    ADD CONSTRAINT alarm_source CHECK (num_nonnulls(device_key, org_code) = 1),
    ADD CONSTRAINT alarm_org_alone CHECK (org_code IS NULL OR num_nonnulls(elder_id, household_id) = 0);
ALTER TABLE alarm ALTER COLUMN subject SET EXPRESSION AS (
    CASE WHEN org_code IS NOT NULL THEN 'org:' || org_code
         WHEN severity = 'technical' THEN 'device:' || device_key
         WHEN elder_id IS NOT NULL THEN 'elder:' || elder_id
         WHEN household_id IS NOT NULL THEN 'household:' || household_id
         ELSE 'device:' || device_key END);

-- An alarm of a unit is seen by staff whose subtree contains it; a technical one by no relative.
CREATE OR REPLACE FUNCTION timed_alarm_audience(at timestamptz)
RETURNS TABLE (alarm_id bigint, raised_at timestamptz, ended_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    LEFT JOIN household ON household.id = alarm.household_id
    LEFT JOIN org_unit AS home ON home.code = COALESCE(household.org_code, alarm.org_code)
    JOIN org_unit AS top ON CASE WHEN home.code IS NULL THEN top.parent_code IS NULL ELSE starts_with(home.path, top.path) END
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    JOIN elder ON elder.id = alarm.elder_id OR (alarm.elder_id IS NULL AND elder.household_id = alarm.household_id)
    JOIN membership ON membership.elder_id = elder.id
    JOIN account ON account.id = membership.account_id
    WHERE account.role = 'family' AND account.disabled_at IS NULL AND alarm.state <> 'pending' AND NOT alarm.is_test
      AND alarm.severity <> 'technical'
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    JOIN worker ON worker.id = alarm.responder_id
    JOIN account ON account.id = worker.account_id
    WHERE account.role = 'worker' AND account.disabled_at IS NULL AND alarm.ended_at IS NULL;
END;

-- What is expected of each kind of device. Seconds between two signs of life, and of silence until it is lost; the
-- battery in % at which it is low, and full enough again; seconds by which a clock may be off, and be right again.
CREATE TABLE supervision_policy (
    kind text PRIMARY KEY,
    heartbeat_seconds integer NOT NULL CHECK (heartbeat_seconds > 0),
    lost_seconds integer NOT NULL,
    battery_low real NOT NULL DEFAULT 15,
    battery_charged real NOT NULL DEFAULT 25,
    clock_off_seconds integer NOT NULL DEFAULT 120 CHECK (clock_off_seconds > 0),
    clock_right_seconds integer NOT NULL DEFAULT 60 CHECK (clock_right_seconds >= 0),
    CHECK (lost_seconds >= 2 * heartbeat_seconds),
    CHECK (battery_charged > battery_low),
    CHECK (clock_off_seconds > clock_right_seconds)
);
INSERT INTO supervision_policy (kind, heartbeat_seconds, lost_seconds) VALUES
    ('hub', 60, 180),
    ('wearable', 300, 900),
    ('button', 900, 2700);

-- What holds for every device; a kind without a row of its own is supervised as a button is.
CREATE VIEW supervised_device AS
SELECT device.key, device.id, device.kind, device.revoked_at,
       COALESCE(policy.heartbeat_seconds, 900) AS heartbeat_seconds,
       COALESCE(policy.lost_seconds, 2700) AS lost_seconds,
       COALESCE(policy.battery_low, 15::real) AS battery_low,
       COALESCE(policy.battery_charged, 25::real) AS battery_charged,
       COALESCE(policy.clock_off_seconds, 120) AS clock_off_seconds,
       COALESCE(policy.clock_right_seconds, 60) AS clock_right_seconds
FROM device
LEFT JOIN supervision_policy AS policy ON policy.kind = device.kind;

-- A street is dark when of the devices of one kind that were there lately this share, and at least so many, fell
-- silent; it is light again when no more than the other share of those that were lost still is.
CREATE TABLE dark_street_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    min_devices integer NOT NULL DEFAULT 10 CHECK (min_devices > 1),
    dark_share real NOT NULL DEFAULT 0.3 CHECK (dark_share > 0 AND dark_share <= 1),
    light_share real NOT NULL DEFAULT 0.1 CHECK (light_share >= 0),
    window_seconds integer NOT NULL DEFAULT 1800 CHECK (window_seconds > 0),
    CHECK (light_share < dark_share)
);
INSERT INTO dark_street_policy DEFAULT VALUES;

-- What supervision concluded about each device that was ever heard. `version` counts the changes: whoever writes must
-- name the one that was read, and of two who conclude at once the second changes nothing.
CREATE TABLE device_supervision (
    device_key integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 7),
    version bigint NOT NULL DEFAULT 1,
    online boolean NOT NULL,
    -- Online since it was heard again, offline since it was last heard.
    since timestamptz NOT NULL,
    battery_low boolean NOT NULL DEFAULT false,
    clock_wrong boolean NOT NULL DEFAULT false,
    firmware text,
    firmware_since timestamptz,
    -- Conditions nobody has been told of yet, and when to look whether somebody should be.
    untold text[] NOT NULL DEFAULT '{}',
    look_at timestamptz,
    -- The alarm of the dark street in which this device fell silent.
    dark_alarm_id bigint REFERENCES alarm,
    CHECK ((look_at IS NULL) = (untold = '{}'))
) WITH (fillfactor = 80);
CREATE INDEX device_supervision_look ON device_supervision (look_at, device_key) WHERE look_at IS NOT NULL;
CREATE INDEX device_supervision_dark ON device_supervision (dark_alarm_id) WHERE dark_alarm_id IS NOT NULL;

-- Since when, without a gap, ingest has heard whatever devices of a shard said. Silence before that says nothing.
CREATE TABLE shard_listening (
    lane_group text NOT NULL CHECK (lane_group IN ('telemetry', 'event')),
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 7),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until >= since),
    PRIMARY KEY (lane_group, shard)
) WITH (fillfactor = 50);

-- Devices whose own time is steadily off, in seconds (ahead is positive). Right clocks have no row.
CREATE TABLE device_clock (
    device_key integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    off_seconds real NOT NULL,
    since timestamptz NOT NULL
);

-- Every message moves last_seen_at: without an index on it the row is rewritten in place, and no index with it. Whoever
-- looks for the silent goes through the table, which is small.
DROP INDEX device_presence_last_seen;

-- migrate:down
CREATE INDEX device_presence_last_seen ON device_presence (last_seen_at);
DROP TABLE device_clock, shard_listening, device_supervision, dark_street_policy;
DROP VIEW supervised_device;
DROP TABLE supervision_policy;
CREATE OR REPLACE FUNCTION timed_alarm_audience(at timestamptz)
RETURNS TABLE (alarm_id bigint, raised_at timestamptz, ended_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    LEFT JOIN household ON household.id = alarm.household_id
    LEFT JOIN org_unit AS home ON home.code = household.org_code
    JOIN org_unit AS top ON CASE WHEN home.code IS NULL THEN top.parent_code IS NULL ELSE starts_with(home.path, top.path) END
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    JOIN elder ON elder.id = alarm.elder_id OR (alarm.elder_id IS NULL AND elder.household_id = alarm.household_id)
    JOIN membership ON membership.elder_id = elder.id
    JOIN account ON account.id = membership.account_id
    WHERE account.role = 'family' AND account.disabled_at IS NULL AND alarm.state <> 'pending' AND NOT alarm.is_test
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    JOIN worker ON worker.id = alarm.responder_id
    JOIN account ON account.id = worker.account_id
    WHERE account.role = 'worker' AND account.disabled_at IS NULL AND alarm.ended_at IS NULL;
END;
-- What the earlier schema cannot say goes: alarms of units, and of two devices of one caller all but the first.
CREATE TEMPORARY TABLE unsayable ON COMMIT DROP AS
SELECT id FROM alarm WHERE org_code IS NOT NULL OR severity = 'technical';
DELETE FROM event WHERE alarm_id IN (SELECT id FROM unsayable);
UPDATE device_event SET alarm_id = NULL WHERE alarm_id IN (SELECT id FROM unsayable);
DELETE FROM command WHERE alarm_id IN (SELECT id FROM unsayable);
DELETE FROM offer WHERE alarm_id IN (SELECT id FROM unsayable);
DELETE FROM alarm_event WHERE alarm_id IN (SELECT id FROM unsayable);
DELETE FROM alarm WHERE id IN (SELECT id FROM unsayable);
ALTER TABLE alarm ALTER COLUMN subject SET EXPRESSION AS (
    CASE WHEN elder_id IS NOT NULL THEN 'elder:' || elder_id
         WHEN household_id IS NOT NULL THEN 'household:' || household_id
         ELSE 'device:' || device_key END);
ALTER TABLE alarm DROP CONSTRAINT alarm_source, DROP CONSTRAINT alarm_org_alone, DROP COLUMN org_code;
ALTER TABLE alarm ALTER COLUMN device_key SET NOT NULL;
