-- migrate:up
-- What homes themselves tell: motion, bed, entrance door, water, and where elders who wander are. Figures are minutes unless
-- their names say otherwise.

-- When stillness becomes an alarm. A home's limit at an hour follows its own past days; see dispatch/stillness.py.
CREATE TABLE movement_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    stretch real NOT NULL CHECK (stretch >= 1),
    patience_minutes smallint NOT NULL CHECK (patience_minutes >= 0),
    patience_hours smallint NOT NULL CHECK (patience_hours BETWEEN 1 AND 6),
    least_minutes smallint NOT NULL CHECK (least_minutes > 0),
    most_minutes smallint NOT NULL CHECK (most_minutes BETWEEN 1 AND 1440),
    days_kept smallint NOT NULL CHECK (days_kept BETWEEN 1 AND 366),
    days_needed smallint NOT NULL CHECK (days_needed > 0),
    -- The share of days with the longest stillness that is not taken for usual.
    days_set_aside real NOT NULL CHECK (days_set_aside >= 0 AND days_set_aside < 1),
    -- Somebody who left the bed at night is expected to move or to lie down again within this time.
    left_bed_minutes smallint NOT NULL CHECK (left_bed_minutes > 0),
    night_from smallint NOT NULL CHECK (night_from BETWEEN 0 AND 23),
    night_until smallint NOT NULL CHECK (night_until BETWEEN 0 AND 23),
    -- Nobody may be at home after the entrance door was the last that moved.
    away_minutes smallint NOT NULL CHECK (away_minutes > 0),
    -- Sensors silent for longer say nothing about movement.
    heard_minutes smallint NOT NULL CHECK (heard_minutes > 0),
    repeat_minutes smallint NOT NULL CHECK (repeat_minutes > 0)
);
INSERT INTO movement_policy VALUES (true, 1.5, 60, 1, 120, 900, 28, 7, 0.1, 45, 22, 6, 720, 15, 720);

-- What is usual at each hour until enough of a home's own days are known: what 95 % of 40 days of three wrist actigraphs
-- stayed below (example_01, 02 and 04 of pyActigraphy 1.2.2; a minute of 300 counts or more is a movement that a sensor in
-- the room would see, and times without the watch are left out).
CREATE TABLE movement_default (
    hour smallint PRIMARY KEY CHECK (hour BETWEEN 0 AND 23),
    minutes smallint NOT NULL CHECK (minutes BETWEEN 0 AND 1440)
);
INSERT INTO movement_default
SELECT row_number() OVER () - 1, minutes
FROM unnest('{152,212,256,300,354,405,461,504,510,43,49,51,53,57,71,109,162,45,47,48,83,80,112,129}'::smallint[]) AS minutes;

-- A home's own least limit, as staff set it, with its history.
CREATE TABLE movement_limit (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    household_id integer NOT NULL REFERENCES household,
    least_minutes smallint NOT NULL CHECK (least_minutes BETWEEN 15 AND 1440),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    set_by integer NOT NULL REFERENCES account,
    ended_by integer REFERENCES account,
    CHECK ((valid_to IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX movement_limit_current ON movement_limit (household_id) WHERE valid_to IS NULL;
CREATE INDEX movement_limit_household ON movement_limit (household_id, id);

-- What is known of each home whose sensors speak; due_at is when somebody has to look whether it still moves.
CREATE TABLE home_watch (
    household_id integer PRIMARY KEY REFERENCES household ON DELETE CASCADE,
    -- The device that told last.
    device_key integer NOT NULL REFERENCES device,
    -- The newest of the samples that come whether anything moves or not; null where sensors speak only when they see something.
    heard_at timestamptz,
    -- Since when the sensors have been heard without a gap.
    watched_since timestamptz,
    moved_at timestamptz,
    in_bed boolean,
    bed_changed_at timestamptz,
    door_opened_at timestamptz,
    signalled_at timestamptz,
    alarm_id bigint REFERENCES alarm,
    due_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX home_watch_due ON home_watch (due_at);

-- The longest stillness in minutes reached within each hour of a day of the district's clock.
CREATE TABLE home_day (
    household_id integer NOT NULL REFERENCES household ON DELETE CASCADE,
    day date NOT NULL,
    longest smallint[] NOT NULL CHECK (cardinality(longest) = 24),
    PRIMARY KEY (household_id, day)
);

-- The last word of each sensor behind a device, in our own words; '' is the device itself.
CREATE TABLE home_sensor (
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    sensor text NOT NULL,
    heard_at timestamptz NOT NULL,
    battery real,
    said jsonb NOT NULL,
    PRIMARY KEY (device_key, sensor)
) WITH (fillfactor = 70);

-- Shanghai's rule for elders who live alone: less than 0.01 m³ of water in 12 hours calls for a visit.
CREATE TABLE water_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    least_m3 double precision NOT NULL CHECK (least_m3 > 0),
    hours smallint NOT NULL CHECK (hours BETWEEN 1 AND 48),
    heard_minutes smallint NOT NULL CHECK (heard_minutes > 0),
    repeat_hours smallint NOT NULL CHECK (repeat_hours > 0)
);
INSERT INTO water_policy VALUES (true, 0.01, 12, 60, 24);

CREATE TABLE water_meter (
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    -- Which meter behind the device; '' is the device itself.
    sensor text NOT NULL,
    household_id integer NOT NULL REFERENCES household ON DELETE CASCADE,
    at timestamptz NOT NULL,
    m3 double precision NOT NULL,
    signalled_at timestamptz,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (device_key, sensor)
) WITH (fillfactor = 70);
CREATE INDEX water_meter_due ON water_meter (due_at);
CREATE INDEX water_meter_household ON water_meter (household_id);

-- The first reading of a meter in each quarter of an hour, for some days.
CREATE TABLE water_mark (
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    sensor text NOT NULL,
    slot timestamptz NOT NULL,
    at timestamptz NOT NULL,
    m3 double precision NOT NULL,
    PRIMARY KEY (device_key, sensor, slot)
);

-- How many positions outside in a row make an exit; margin and return are metres beyond and within the fence, so that a
-- position on the line does not ring again and again.
CREATE TABLE geofence_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    fixes smallint NOT NULL CHECK (fixes BETWEEN 1 AND 10),
    within_minutes smallint NOT NULL CHECK (within_minutes > 0),
    margin_m real NOT NULL CHECK (margin_m >= 0),
    return_m real NOT NULL CHECK (return_m >= 0),
    repeat_minutes smallint NOT NULL CHECK (repeat_minutes > 0),
    -- The hours in which the entrance door of somebody with a fence is not expected to open.
    door_from smallint NOT NULL CHECK (door_from BETWEEN 0 AND 23),
    door_until smallint NOT NULL CHECK (door_until BETWEEN 0 AND 23)
);
INSERT INTO geofence_policy VALUES (true, 2, 30, 30, 30, 120, 22, 6);

-- Where an elder who wanders may be: a circle, with its history. One at a time.
CREATE TABLE geofence (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder,
    lat double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    radius_m real NOT NULL CHECK (radius_m BETWEEN 50 AND 50000),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    -- Null for fences that came with the registry.
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account,
    CHECK ((valid_to IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX geofence_current ON geofence (elder_id) WHERE valid_to IS NULL;
CREATE INDEX geofence_elder ON geofence (elder_id, id);

-- How an elder stands to the present fence: positions outside in a row, and the alarm they raised.
CREATE TABLE geofence_watch (
    geofence_id integer PRIMARY KEY REFERENCES geofence ON DELETE CASCADE,
    at timestamptz NOT NULL,
    outside smallint NOT NULL,
    outside_since timestamptz,
    signalled_at timestamptz,
    alarm_id bigint REFERENCES alarm
) WITH (fillfactor = 70);

-- How old a home sensor's word or a position may be and still raise an alarm: what was kept while the home was offline is
-- history. Kinds without a row raise whatever the age.
CREATE TABLE sensor_policy (
    kind text PRIMARY KEY CHECK (kind IN ('sos', 'fall', 'leak', 'smoke', 'gas', 'wandering')),
    max_age_minutes integer NOT NULL CHECK (max_age_minutes > 0)
);
INSERT INTO sensor_policy VALUES
    ('sos', 1440), ('fall', 1440), ('smoke', 60), ('gas', 60), ('leak', 360), ('wandering', 30);

-- What staff order when a home is still or uses no water.
INSERT INTO catalogue_item (code, version, assist, name_zh, name_en, duration_minutes, skills, window_minutes, valid_from)
VALUES ('wellbeing_check', 1, 'emergency', '助急（上门探视）', 'Wellbeing check', 20, '{}', 60, '2020-01-01Z')
ON CONFLICT (code, version) DO UPDATE SET valid_to = NULL;

-- migrate:down
-- An item that was ordered stays in the catalogue, ended: orders keep the version they were sold under.
UPDATE catalogue_item SET valid_to = '2020-01-02Z'
WHERE code = 'wellbeing_check' AND EXISTS (SELECT FROM service_order WHERE item_code = 'wellbeing_check');
DELETE FROM catalogue_item
WHERE code = 'wellbeing_check' AND NOT EXISTS (SELECT FROM service_order WHERE item_code = 'wellbeing_check');
DROP TABLE sensor_policy, geofence_watch, geofence, geofence_policy, water_mark, water_meter, water_policy, home_sensor,
    home_day, home_watch, movement_limit, movement_default, movement_policy;
