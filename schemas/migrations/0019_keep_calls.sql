-- migrate:up
-- A telephone number as it is compared, however it was typed: digits only, without the prefix of mainland China and the
-- leading 0 of its area codes; a foreign one keeps '+' and its country. What follows 转, x, # or a comma is an extension.
CREATE FUNCTION phone_key(number text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT NULLIF(CASE
        WHEN plain ~ '^\+[0-9]' AND plain !~ '^\+86' THEN '+' || translate(plain, '+', '')
        ELSE regexp_replace(regexp_replace(translate(plain, '+', ''), '^86(?=[0-9]{10,})', ''), '^0+', '')
    END, '')
    FROM (SELECT regexp_replace(
        regexp_replace(
            translate(regexp_replace(number, '(转|[xX#,;，；]).*$', ''), '０１２３４５６７８９＋', '0123456789+'),
            '[^0-9+]', '', 'g'),
        '^00', '+') AS plain) AS written;
END;

-- What a stranger must know to help, and what an ambulance must be told.
ALTER TABLE elder
    ADD COLUMN medicines text[] NOT NULL DEFAULT '{}',
    ADD COLUMN allergies text[] NOT NULL DEFAULT '{}';
ALTER TABLE household
    ADD COLUMN phone text,
    ADD COLUMN door_note text,
    ADD COLUMN key_holder text,
    ADD COLUMN key_holder_phone text;
CREATE INDEX elder_phone ON elder (phone_key(phone));
CREATE INDEX elder_contact_phone ON elder_contact (phone_key(phone));
CREATE INDEX household_phone ON household (phone_key(phone));
CREATE INDEX household_key_holder_phone ON household (phone_key(key_holder_phone));

-- The figures of telephony, one row. The area code is that of numbers written without one.
CREATE TABLE call_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    area_code text NOT NULL DEFAULT '23' CHECK (area_code ~ '^[1-9][0-9]{1,2}$'),
    -- A call that its provider has not begun to place by then is not placed any more: the operator dials by hand.
    place_seconds integer NOT NULL DEFAULT 20 CHECK (place_seconds > 0),
    -- A call about which nothing more is heard: how long it may ring, and how long it may last.
    ring_seconds integer NOT NULL DEFAULT 180 CHECK (ring_seconds > 0),
    talk_seconds integer NOT NULL DEFAULT 14400 CHECK (talk_seconds > 0),
    -- Within so many seconds somebody calls back whom nobody answered.
    call_back_seconds integer NOT NULL DEFAULT 300 CHECK (call_back_seconds > 0)
);
INSERT INTO call_policy DEFAULT VALUES;

-- The numbers under which a unit is called.
CREATE TABLE phone_line (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL CHECK (phone_key(number) IS NOT NULL),
    org_code text NOT NULL REFERENCES org_unit,
    name text NOT NULL CHECK (name <> '')
);
CREATE UNIQUE INDEX phone_line_number ON phone_line (phone_key(number));
-- The telephone on the desk, as the provider names it.
ALTER TABLE seat ADD COLUMN extension text CHECK (extension ~ '^[0-9A-Za-z_.-]{1,40}$');
CREATE UNIQUE INDEX seat_extension ON seat (extension) WHERE retired_at IS NULL;

-- A conversation by telephone, whoever carries the voice. Its state follows from its times and from nothing else, so that
-- a provider's words may come late, twice and in any order. One that has not ended has a deadline.
CREATE TABLE call (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- How a provider knows a call that we place; a repeated attempt is made under the same key.
    key uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    direction text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    state text NOT NULL,
    -- The other side's number; null where the caller hides it.
    number text CHECK (number IS NOT NULL OR direction = 'inbound'),
    line text,
    -- Whose staff see it: the unit of the home it is about, or of the line that was called.
    org_code text NOT NULL REFERENCES org_unit,
    elder_id integer REFERENCES elder,
    alarm_id bigint REFERENCES alarm,
    -- Who is at the other end, as the register knew when it began.
    party text NOT NULL CHECK (party IN ('elder', 'household', 'contact', 'key_holder', 'emergency_service', 'unknown')),
    party_name text,
    account_id integer REFERENCES account,
    seat_id integer REFERENCES seat,
    -- Who carries it; 'hand' is a telephone that Anban knows nothing of.
    provider text NOT NULL,
    reference text,
    queued_at timestamptz NOT NULL,
    rang_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz,
    failed boolean NOT NULL DEFAULT false,
    cause text,
    recording text,
    outcome text CHECK (outcome IN (
        'help_needed', 'all_well', 'passed_on', 'no_answer', 'engaged', 'silent', 'wrong_number', 'test_call', 'other')),
    note text,
    attempts smallint NOT NULL DEFAULT 0,
    due_at timestamptz,
    due_reason text CHECK (due_reason IN ('place', 'lease', 'ring', 'end')),
    UNIQUE (provider, reference),
    CHECK (state = CASE
        WHEN ended_at IS NOT NULL AND answered_at IS NOT NULL THEN 'ended'
        WHEN failed THEN 'failed'
        WHEN ended_at IS NOT NULL THEN 'missed'
        WHEN answered_at IS NOT NULL THEN 'answered'
        WHEN rang_at IS NOT NULL THEN 'ringing'
        ELSE 'queued' END),
    CHECK (NOT failed OR ended_at IS NOT NULL),
    CHECK ((ended_at IS NULL) = (due_at IS NOT NULL)),
    CHECK ((due_at IS NULL) = (due_reason IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX call_due ON call (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX call_live ON call (id) WHERE ended_at IS NULL;
CREATE INDEX call_alarm ON call (alarm_id, id) WHERE alarm_id IS NOT NULL;
CREATE INDEX call_elder ON call (elder_id, id) WHERE elder_id IS NOT NULL;
CREATE INDEX call_queued ON call (queued_at);

-- Whom the register has under the number of an inbound call.
CREATE TABLE call_candidate (
    call_id bigint NOT NULL REFERENCES call ON DELETE CASCADE,
    elder_id integer NOT NULL REFERENCES elder ON DELETE CASCADE,
    party text NOT NULL CHECK (party IN ('elder', 'household', 'contact', 'key_holder')),
    party_name text,
    PRIMARY KEY (call_id, elder_id)
);

-- A call is seen by staff whose subtree contains its unit.
CREATE FUNCTION timed_call_audience(at timestamptz)
RETURNS TABLE (call_id bigint, ended_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT call.id, call.ended_at, account.id, account.role
    FROM call
    JOIN org_unit AS home ON home.code = call.org_code
    JOIN org_unit AS top ON starts_with(home.path, top.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at);
END;

-- What service levels are counted from: seconds until somebody answered (or until nobody did), and seconds of talk.
CREATE VIEW call_figure AS
SELECT id, direction, state, org_code, account_id, seat_id, alarm_id, elder_id, outcome, queued_at, answered_at, ended_at,
       GREATEST(0, EXTRACT(EPOCH FROM COALESCE(answered_at, ended_at) - queued_at))::float8 AS wait_seconds,
       CASE WHEN answered_at IS NOT NULL
            THEN GREATEST(0, EXTRACT(EPOCH FROM ended_at - answered_at))::float8 END AS talk_seconds
FROM call;

ALTER TABLE event ADD COLUMN call_id bigint;
ALTER TABLE access_log ADD COLUMN call_id bigint;

-- Who told a device what, and when it was given up.
ALTER TABLE command
    ADD COLUMN actor_id integer REFERENCES account,
    ADD COLUMN expired_at timestamptz;
CREATE INDEX command_alarm ON command (alarm_id, created_at) WHERE alarm_id IS NOT NULL;

-- Somebody who calls for help by telephone has neither pressed nor is a unit of the organisation.
ALTER TABLE alarm
    DROP CONSTRAINT alarm_source,
    ADD CONSTRAINT alarm_source CHECK (
        num_nonnulls(device_key, org_code) = 1 OR (num_nonnulls(device_key, org_code) = 0 AND elder_id IS NOT NULL));

-- What the emergency medical service (120) was told about an alarm.
CREATE TABLE handoff (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id bigint NOT NULL REFERENCES alarm,
    at timestamptz NOT NULL,
    account_id integer NOT NULL REFERENCES account,
    seat_id integer REFERENCES seat,
    summary jsonb NOT NULL,
    -- The number under which the service handles it, if it gave one.
    reference text,
    note text
);
CREATE INDEX handoff_alarm ON handoff (alarm_id, id);

-- migrate:down
DROP TABLE handoff;
-- The earlier schema knows no alarm without a device: the elder's own, or any, stands for the telephone.
UPDATE alarm SET device_key = COALESCE(
    (SELECT device_key FROM device_assignment WHERE device_assignment.elder_id = alarm.elder_id LIMIT 1),
    (SELECT min(key) FROM device))
WHERE num_nonnulls(device_key, org_code) = 0;
ALTER TABLE alarm
    DROP CONSTRAINT alarm_source,
    ADD CONSTRAINT alarm_source CHECK (num_nonnulls(device_key, org_code) = 1);
DROP INDEX command_alarm;
ALTER TABLE command DROP COLUMN actor_id, DROP COLUMN expired_at;
ALTER TABLE access_log DROP COLUMN call_id;
DELETE FROM event WHERE call_id IS NOT NULL OR kind LIKE 'call.%';
ALTER TABLE event DROP COLUMN call_id;
DROP VIEW call_figure;
DROP FUNCTION timed_call_audience(timestamptz);
DROP TABLE call_candidate, call, phone_line, call_policy;
DROP INDEX seat_extension;
ALTER TABLE seat DROP COLUMN extension;
DROP INDEX elder_phone, elder_contact_phone, household_phone, household_key_holder_phone;
ALTER TABLE household DROP COLUMN phone, DROP COLUMN door_note, DROP COLUMN key_holder, DROP COLUMN key_holder_phone;
ALTER TABLE elder DROP COLUMN medicines, DROP COLUMN allergies;
DROP FUNCTION phone_key(text);
