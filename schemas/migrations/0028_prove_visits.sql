-- migrate:up
-- How near and how sure a phone must be at check-in: of the nearest unit above the home that has a row of its own, else
-- of its kind of area. Metres.
CREATE TABLE check_in_policy (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text UNIQUE CHECK (kind IN ('district', 'street', 'town', 'centre', 'station')),
    org_code text UNIQUE REFERENCES org_unit,
    radius_m integer NOT NULL CHECK (radius_m BETWEEN 20 AND 5000),
    accuracy_m integer NOT NULL CHECK (accuracy_m BETWEEN 20 AND 5000),
    CHECK (num_nonnulls(kind, org_code) = 1)
);
-- Farms of a town lie apart, and its valleys see fewer satellites.
INSERT INTO check_in_policy (kind, radius_m, accuracy_m) VALUES ('street', 300, 500), ('town', 800, 1000);

-- What else holds for visits; one row.
CREATE TABLE proof_policy (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- The share of completed visits after which somebody calls back; of workers who are new, or of whom something was
    -- found in the last 30 days.
    call_back_share real NOT NULL DEFAULT 0.05 CHECK (call_back_share BETWEEN 0 AND 1),
    call_back_share_watched real NOT NULL DEFAULT 0.25 CHECK (call_back_share_watched BETWEEN 0 AND 1),
    new_visits smallint NOT NULL DEFAULT 10 CHECK (new_visits >= 0),
    -- Which visits are drawn follows from this and the order's number, and cannot be foretold without it.
    draw_seed bigint NOT NULL DEFAULT floor(random() * 9007199254740992),
    call_back_hours smallint NOT NULL DEFAULT 24 CHECK (call_back_hours > 0),
    -- From which score of 30 days a supervisor looks at a worker.
    review_score smallint NOT NULL DEFAULT 100 CHECK (review_score > 0),
    review_hours smallint NOT NULL DEFAULT 72 CHECK (review_hours > 0),
    -- How old a step may be that a phone took without a network, and how far its clock may be ahead of ours.
    offline_hours smallint NOT NULL DEFAULT 24 CHECK (offline_hours > 0),
    ahead_minutes smallint NOT NULL DEFAULT 5 CHECK (ahead_minutes >= 0),
    back_entry_days smallint NOT NULL DEFAULT 3 CHECK (back_entry_days > 0),
    keep_photo_days smallint NOT NULL DEFAULT 180 CHECK (keep_photo_days > 0),
    -- How many times faster than life visits and ways pass in a demonstration; in service it is 1.
    pace real NOT NULL DEFAULT 1 CHECK (pace >= 1)
);
INSERT INTO proof_policy DEFAULT VALUES;

-- What makes a visit suspicious, how much each counts, and where it begins; a pattern without a row is not looked for.
CREATE TABLE fraud_pattern (
    pattern text PRIMARY KEY CHECK (pattern IN (
        'same_photo', 'impossible_travel', 'too_short', 'clustered', 'vague_position', 'code_elsewhere',
        'back_entries', 'capture_time', 'ended_together', 'evidence_missing', 'not_taken_place')),
    weight smallint NOT NULL CHECK (weight > 0),
    limits jsonb NOT NULL DEFAULT '{}'
);
INSERT INTO fraud_pattern VALUES
    ('same_photo', 60, '{"bits": 3}'),
    ('impossible_travel', 40, '{"kmh": 120, "least_m": 1500}'),
    ('too_short', 25, '{}'),
    ('clustered', 40, '{"within_m": 15, "apart_m": 100, "homes": 3}'),
    ('vague_position', 15, '{"accuracy_m": 200, "share": 0.3, "least": 6}'),
    ('code_elsewhere', 50, '{}'),
    ('back_entries', 20, '{"share": 0.2, "least": 2}'),
    ('capture_time', 30, '{"minutes": 15}'),
    ('ended_together', 25, '{"visits": 3, "minutes": 4}'),
    ('evidence_missing', 15, '{}'),
    ('not_taken_place', 100, '{}');

ALTER TABLE service_order
    ADD COLUMN checked_in_by text CHECK (checked_in_by IN ('gps', 'code', 'back_entry')),
    -- The phone's own times of the steps that were taken without a network: {"checked_in": "2026-…Z", …}.
    ADD COLUMN phone_times jsonb NOT NULL DEFAULT '{}',
    -- What is not as it should be about a completed visit, and what the worker or whoever asked for it said of that.
    ADD COLUMN flags text[] NOT NULL DEFAULT '{}'
        CHECK (flags <@ ARRAY ['evidence_missing', 'short', 'offline', 'back_entry']),
    ADD COLUMN flag_reason text,
    -- What the elder's side tells the worker at the end, so that the visit is confirmed at once.
    ADD COLUMN confirm_code text CHECK (confirm_code ~ '^[0-9]{4}$'),
    ADD COLUMN confirm_tries smallint NOT NULL DEFAULT 0,
    ADD COLUMN confirmed_how text CHECK (confirmed_how IN ('staff', 'family', 'code', 'silence')),
    -- When the engine looks at a completed visit for what is suspicious.
    ADD COLUMN examine_at timestamptz,
    -- Not paid for while a supervisor looks, and never once fraud is confirmed.
    ADD COLUMN payment_held text CHECK (payment_held IN ('review', 'fraud'));
CREATE INDEX service_order_examine ON service_order (examine_at) WHERE examine_at IS NOT NULL;
CREATE INDEX service_order_checked_in ON service_order (worker_id, checked_in_at) WHERE checked_in_at IS NOT NULL;

-- What of an item's list was ticked. A tick can be taken back until the visit is completed.
CREATE TABLE visit_tick (
    order_id bigint NOT NULL REFERENCES service_order,
    code text NOT NULL CHECK (code ~ '^[a-z0-9_]{1,40}$'),
    at timestamptz NOT NULL,
    captured_at timestamptz,
    account_id integer NOT NULL REFERENCES account,
    PRIMARY KEY (order_id, code)
);

-- A photograph as evidence. Its hashes outlive the picture, so that an old one is still known again.
CREATE TABLE visit_photo (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES service_order,
    worker_id integer NOT NULL REFERENCES worker,
    received_at timestamptz NOT NULL,
    -- By the phone, and by the camera as written into the file.
    captured_at timestamptz,
    exif_at timestamptz,
    exif_lat double precision CHECK (exif_lat BETWEEN -90 AND 90),
    exif_lon double precision CHECK (exif_lon BETWEEN -180 AND 180),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    -- Null for a picture in which there is nothing to recognise.
    perceptual bigint,
    width integer NOT NULL,
    height integer NOT NULL,
    UNIQUE (order_id, sha256)
);
CREATE INDEX visit_photo_sha256 ON visit_photo (sha256);
CREATE INDEX visit_photo_perceptual ON visit_photo (perceptual) WHERE perceptual IS NOT NULL;
CREATE INDEX visit_photo_worker ON visit_photo (worker_id, received_at);

-- The file as it came, with whatever the camera wrote into it; nobody is served it so.
CREATE TABLE visit_image (
    photo_id bigint PRIMARY KEY REFERENCES visit_photo ON DELETE CASCADE,
    received_at timestamptz NOT NULL,
    content bytea NOT NULL CHECK (length(content) <= 2097152)
);
ALTER TABLE visit_image ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX visit_image_received ON visit_image (received_at);

-- Vital signs that a worker measured before a service.
CREATE TABLE visit_measurement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES service_order,
    at timestamptz NOT NULL,
    account_id integer NOT NULL REFERENCES account,
    -- {"sbp": 128, …} in the units of readings.
    signs jsonb NOT NULL
);
CREATE INDEX visit_measurement_order ON visit_measurement (order_id, at);

-- The code on the inside of a home's door. Only its hash is kept; making a new one ends the one before it.
CREATE TABLE door_code (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    household_id integer NOT NULL REFERENCES household,
    code_hash bytea NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    made_at timestamptz NOT NULL,
    made_by integer NOT NULL REFERENCES account,
    ended_at timestamptz CHECK (ended_at >= made_at)
);
CREATE UNIQUE INDEX door_code_current ON door_code (household_id) WHERE ended_at IS NULL;

-- Every step that a phone reported afterwards, with what became of it; what could not be done stays as evidence.
CREATE TABLE visit_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id integer NOT NULL REFERENCES worker,
    -- The phone's name for it: sent again it is the same step.
    client_id text NOT NULL,
    order_id bigint NOT NULL,
    step text NOT NULL,
    captured_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    refusal text,
    UNIQUE (worker_id, client_id)
);
CREATE INDEX visit_step_order ON visit_step (order_id);

-- A visit that is to be entered afterwards; the order's task is its approval.
CREATE TABLE back_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES service_order,
    asked_at timestamptz NOT NULL,
    asked_by integer NOT NULL REFERENCES account,
    reason text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL CHECK (ended_at > began_at),
    decided_at timestamptz,
    decided_by integer REFERENCES account CHECK (decided_by <> asked_by),
    approved boolean,
    CHECK ((decided_at IS NULL) = (approved IS NULL))
);
CREATE UNIQUE INDEX back_entry_open ON back_entry (order_id) WHERE decided_at IS NULL;

-- What was found about a visit, with what shows it. A supervisor who finds no fraud dismisses it.
CREATE TABLE fraud_finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES service_order,
    worker_id integer NOT NULL REFERENCES worker,
    pattern text NOT NULL,
    weight smallint NOT NULL,
    at timestamptz NOT NULL,
    evidence jsonb NOT NULL,
    -- The task by which a supervisor looked at it, and what came of that.
    task_id bigint REFERENCES task,
    verdict text CHECK (verdict IN ('confirmed_fraud', 'no_fraud')),
    UNIQUE (order_id, pattern)
);
CREATE INDEX fraud_finding_worker ON fraud_finding (worker_id, at);
CREATE INDEX fraud_finding_task ON fraud_finding (task_id) WHERE task_id IS NOT NULL;

-- What the elder's side says of a visit.
CREATE TABLE visit_rating (
    order_id bigint PRIMARY KEY REFERENCES service_order,
    worker_id integer NOT NULL REFERENCES worker,
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    words text,
    -- Written by a relative herself, or told to staff by the elder.
    side text NOT NULL CHECK (side IN ('family', 'elder')),
    rated_at timestamptz NOT NULL,
    rated_by integer NOT NULL REFERENCES account
);
CREATE INDEX visit_rating_worker ON visit_rating (worker_id, rated_at);

-- How the elders' side rates each worker who was ever rated. Ten ratings of 4.5 are mixed in, so that the first one does
-- not decide.
CREATE VIEW worker_rating AS
SELECT worker_id, count(*) AS ratings, round(avg(stars), 2) AS mean,
       round((sum(stars) + 45.0) / (count(*) + 10), 2) AS weighed
FROM visit_rating GROUP BY worker_id;

-- A worker's own call for help is about her; it belongs to the unit where she is, and two of one street are two.
ALTER TABLE alarm
    ADD COLUMN about_worker_id integer REFERENCES worker,
    ADD CONSTRAINT alarm_about_worker CHECK (about_worker_id IS NULL OR org_code IS NOT NULL);
ALTER TABLE alarm ALTER COLUMN subject SET EXPRESSION AS (
    CASE WHEN about_worker_id IS NOT NULL THEN 'worker:' || about_worker_id
         WHEN org_code IS NOT NULL THEN 'org:' || org_code
         WHEN severity = 'technical' THEN 'device:' || device_key
         WHEN elder_id IS NOT NULL THEN 'elder:' || elder_id
         WHEN household_id IS NOT NULL THEN 'household:' || household_id
         ELSE 'device:' || device_key END);

-- Limits of check-in at a home of this unit.
CREATE FUNCTION check_in_limits(home text)
RETURNS TABLE (radius_m integer, accuracy_m integer)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT policy.radius_m, policy.accuracy_m
    FROM org_unit AS unit
    JOIN org_unit AS above ON starts_with(unit.path, above.path)
    JOIN check_in_policy AS policy ON policy.org_code = above.code OR policy.kind = above.kind
    WHERE unit.code = home
    ORDER BY policy.org_code IS NULL, length(above.path) DESC
    LIMIT 1;
END;

-- migrate:down
-- The earlier schema knows no alarms about workers: those that ring are called off, and all become a unit's.
ALTER TABLE alarm DISABLE TRIGGER USER;
UPDATE alarm
SET state = 'cancelled', ended_at = raised_at, due_at = NULL, due_reason = NULL, shelved_reason = NULL,
    claimed_by = NULL, claimed_seat = NULL, claimed_until = NULL, response_state = NULL, response_due_at = NULL,
    responder_id = NULL
WHERE about_worker_id IS NOT NULL AND ended_at IS NULL;
UPDATE alarm SET kind = 'engine_stuck' WHERE kind = 'worker_sos';
ALTER TABLE alarm ENABLE TRIGGER USER;
ALTER TABLE alarm ALTER COLUMN subject SET EXPRESSION AS (
    CASE WHEN org_code IS NOT NULL THEN 'org:' || org_code
         WHEN severity = 'technical' THEN 'device:' || device_key
         WHEN elder_id IS NOT NULL THEN 'elder:' || elder_id
         WHEN household_id IS NOT NULL THEN 'household:' || household_id
         ELSE 'device:' || device_key END);
ALTER TABLE alarm DROP CONSTRAINT alarm_about_worker, DROP COLUMN about_worker_id;
DROP FUNCTION check_in_limits(text);
DROP VIEW worker_rating;
DROP TABLE visit_rating, fraud_finding, back_entry, visit_step, door_code, visit_measurement, visit_image, visit_photo,
    visit_tick;
DROP INDEX service_order_checked_in, service_order_examine;
ALTER TABLE service_order
    DROP COLUMN checked_in_by, DROP COLUMN phone_times, DROP COLUMN flags, DROP COLUMN flag_reason,
    DROP COLUMN confirm_code, DROP COLUMN confirm_tries, DROP COLUMN confirmed_how, DROP COLUMN examine_at,
    DROP COLUMN payment_held;
DROP TABLE fraud_pattern, proof_policy, check_in_policy;
