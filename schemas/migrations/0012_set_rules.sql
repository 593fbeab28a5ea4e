-- migrate:up
-- How many of how many samples must agree, within what time, before a rule's finding is an alarm; and how old a finding
-- may be to raise one at all: what comes later is history.
CREATE TABLE rule_policy (
    rule text PRIMARY KEY,
    needed smallint NOT NULL CHECK (needed >= 1),
    out_of smallint NOT NULL CHECK (out_of BETWEEN needed AND 8),
    within_seconds integer NOT NULL CHECK (within_seconds > 0),
    max_age_seconds integer NOT NULL CHECK (max_age_seconds BETWEEN 1 AND 86400)
);
INSERT INTO rule_policy VALUES
    ('news2_emergency', 2, 3, 900, 1800),
    ('news2_urgent', 2, 3, 900, 1800),
    ('threshold', 2, 3, 900, 1800),
    ('baseline', 3, 5, 1800, 1800);

-- The assessed grades of ability (GB/T 42195-2022). Who is not in it has not been assessed.
CREATE TABLE elder_care_level (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder ON DELETE CASCADE,
    level text NOT NULL CHECK (level IN ('independent', 'mild', 'moderate', 'severe', 'total')),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    set_by integer NOT NULL REFERENCES account,
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE UNIQUE INDEX elder_care_level_standing ON elder_care_level (elder_id) WHERE valid_to IS NULL;
CREATE INDEX elder_care_level_elder ON elder_care_level (elder_id, valid_from);
CREATE INDEX elder_care_level_valid_from ON elder_care_level (valid_from);

-- Limits for one elder, or for a district's elders of one care level. Never changed in place: a new row ends the last
-- one, so that what held when, and who set it, stays known. An elder's own row stands in for the care level's; without
-- low and high it says that there is no limit for this elder.
CREATE TABLE vitals_threshold (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer REFERENCES elder ON DELETE CASCADE,
    district_code text REFERENCES org_unit,
    care_level text CHECK (care_level IN ('independent', 'mild', 'moderate', 'severe', 'total')),
    vital text NOT NULL CHECK (vital IN ('hr', 'spo2', 'rr', 'temp', 'sbp', 'dbp')),
    severity text NOT NULL CHECK (severity IN ('advisory', 'urgent', 'emergency')),
    low double precision,
    high double precision,
    note text,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    set_by integer NOT NULL REFERENCES account,
    ended_by integer REFERENCES account,
    CHECK (num_nonnulls(elder_id, care_level) = 1),
    CHECK ((care_level IS NULL) = (district_code IS NULL)),
    CHECK (low <= high),
    CHECK (elder_id IS NOT NULL OR num_nonnulls(low, high) > 0),
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE UNIQUE INDEX vitals_threshold_of_elder ON vitals_threshold (elder_id, vital, severity)
    WHERE valid_to IS NULL AND elder_id IS NOT NULL;
CREATE UNIQUE INDEX vitals_threshold_of_level ON vitals_threshold (district_code, care_level, vital, severity)
    WHERE valid_to IS NULL AND care_level IS NOT NULL;
CREATE INDEX vitals_threshold_elder ON vitals_threshold (elder_id, valid_from) WHERE elder_id IS NOT NULL;
CREATE INDEX vitals_threshold_valid_from ON vitals_threshold (valid_from);
CREATE INDEX vitals_threshold_valid_to ON vitals_threshold (valid_to) WHERE valid_to IS NOT NULL;

-- How far outside an elder's own usual range a value is unusual, in the vital sign's unit, and after how many hours of
-- measurements the range is known.
CREATE TABLE baseline_policy (
    vital text PRIMARY KEY CHECK (vital IN ('hr', 'spo2', 'rr', 'temp', 'sbp', 'dbp')),
    margin real NOT NULL CHECK (margin >= 0),
    min_hours smallint NOT NULL CHECK (min_hours > 0)
);
INSERT INTO baseline_policy VALUES
    ('hr', 25, 72), ('spo2', 4, 72), ('rr', 8, 72), ('temp', 1.0, 72), ('sbp', 35, 24), ('dbp', 25, 24);

-- An elder's own limits, learnt from the last 14 days: the usual range with its margin. Null where too little is known.
CREATE TABLE vitals_baseline (
    elder_id integer PRIMARY KEY REFERENCES elder ON DELETE CASCADE,
    hr_low real, hr_high real, spo2_low real, spo2_high real, rr_low real, rr_high real,
    temp_low real, temp_high real, sbp_low real, sbp_high real, dbp_low real, dbp_high real,
    learned_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX vitals_baseline_learned ON vitals_baseline (learned_at);
CREATE INDEX vitals_baseline_changed ON vitals_baseline (changed_at);

-- migrate:down
DROP TABLE vitals_baseline, baseline_policy, vitals_threshold, elder_care_level, rule_policy;
