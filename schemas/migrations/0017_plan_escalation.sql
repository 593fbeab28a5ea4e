-- migrate:up
-- Whom an unanswered alarm calls, and when. A policy is never changed: a new version ends the one before it. Null is
-- "whichever"; the most specific policy that fits is taken: the elder's, then the nearest unit's, the kind's, the
-- severity's, the day's, the time of day's.
DROP VIEW severity_policy;
DROP TABLE escalation_policy;
CREATE VIEW severity_policy AS
SELECT known.severity,
       COALESCE(sla_policy.answer_seconds, 60) AS answer_seconds,
       sla_policy.dispatch_seconds,
       sla_policy.on_scene_seconds,
       COALESCE(sla_policy.stale_seconds, 300) AS stale_seconds,
       COALESCE(sla_policy.offer_seconds, 30) AS offer_seconds,
       COALESCE(sla_policy.offers_at_once, 3::smallint) AS offers_at_once
FROM (VALUES ('emergency'), ('urgent'), ('advisory'), ('technical')) AS known (severity)
LEFT JOIN sla_policy ON sla_policy.severity = known.severity;

CREATE TABLE rota (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_code text NOT NULL REFERENCES org_unit,
    name text NOT NULL CHECK (name <> ''),
    -- Hours before a shift begins at which everybody on it must be reachable.
    check_hours smallint NOT NULL DEFAULT 12 CHECK (check_hours BETWEEN 1 AND 168),
    created_at timestamptz NOT NULL,
    created_by integer NOT NULL REFERENCES account,
    ended_at timestamptz,
    ended_by integer REFERENCES account,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX rota_name ON rota (org_code, name) WHERE ended_at IS NULL;

-- Shifts that follow each other without end: a shift begins at each hand-over of every `every_days`-th day since
-- `first_day`, by the district's clock, and is worked by the turns in their order, again and again. The topmost layer in
-- which somebody works is who is on.
CREATE TABLE rota_layer (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rota_id integer NOT NULL REFERENCES rota,
    position smallint NOT NULL CHECK (position BETWEEN 1 AND 20),
    first_day date NOT NULL,
    every_days smallint NOT NULL DEFAULT 1 CHECK (every_days BETWEEN 1 AND 28),
    hand_over time[] NOT NULL CHECK (cardinality(hand_over) BETWEEN 1 AND 24),
    turns smallint NOT NULL CHECK (turns BETWEEN 1 AND 366),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    set_by integer NOT NULL REFERENCES account,
    ended_by integer REFERENCES account,
    EXCLUDE USING gist (rota_id WITH =, position WITH =, tstzrange(valid_from, valid_to) WITH &&)
);

-- Who works in a turn. A turn without anybody is a shift that this layer does not work.
CREATE TABLE rota_turn (
    layer_id integer NOT NULL REFERENCES rota_layer,
    turn smallint NOT NULL CHECK (turn >= 0),
    account_id integer NOT NULL REFERENCES account,
    PRIMARY KEY (layer_id, turn, account_id)
);
CREATE INDEX rota_turn_account ON rota_turn (account_id);

-- Two who exchange what they work: agreed, it becomes one override for each side.
CREATE TABLE rota_swap (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rota_id integer NOT NULL REFERENCES rota,
    asked_by integer NOT NULL REFERENCES account,
    asked_at timestamptz NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    partner_id integer NOT NULL REFERENCES account CHECK (partner_id <> asked_by),
    -- What the asker works for the partner in return; null for nothing.
    return_starts_at timestamptz,
    return_ends_at timestamptz CHECK (return_ends_at > return_starts_at),
    note text,
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'agreed', 'refused', 'withdrawn')),
    answered_at timestamptz,
    CHECK ((return_starts_at IS NULL) = (return_ends_at IS NULL)),
    CHECK ((state = 'asked') = (answered_at IS NULL))
);
CREATE INDEX rota_swap_rota ON rota_swap (rota_id, starts_at);

-- For a time somebody else works, nobody does, or somebody works as well.
CREATE TABLE rota_override (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rota_id integer NOT NULL REFERENCES rota,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    absent_id integer REFERENCES account,
    substitute_id integer REFERENCES account,
    reason text,
    swap_id integer REFERENCES rota_swap,
    set_at timestamptz NOT NULL,
    set_by integer NOT NULL REFERENCES account,
    withdrawn_at timestamptz,
    withdrawn_by integer REFERENCES account,
    CHECK (num_nonnulls(absent_id, substitute_id) > 0 AND absent_id IS DISTINCT FROM substitute_id),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX rota_override_rota ON rota_override (rota_id, ends_at) WHERE withdrawn_at IS NULL;

-- What one shift tells the next, and who of the next has read it.
CREATE TABLE handover_note (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rota_id integer NOT NULL REFERENCES rota,
    author_id integer NOT NULL REFERENCES account,
    at timestamptz NOT NULL,
    note text NOT NULL CHECK (note <> ''),
    -- When the shift that is told begins.
    for_shift_at timestamptz NOT NULL
);
CREATE INDEX handover_note_rota ON handover_note (rota_id, for_shift_at);
CREATE TABLE handover_receipt (
    note_id integer NOT NULL REFERENCES handover_note,
    account_id integer NOT NULL REFERENCES account,
    at timestamptz NOT NULL,
    PRIMARY KEY (note_id, account_id)
);

-- What the check before a shift found.
CREATE TABLE shift_check (
    rota_id integer NOT NULL REFERENCES rota,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    checked_at timestamptz NOT NULL,
    account_ids integer[] NOT NULL,
    -- Who of them cannot be reached by two ways.
    unreachable_ids integer[] NOT NULL,
    PRIMARY KEY (rota_id, starts_at)
);

CREATE TABLE escalation_policy (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Names the policy through its versions.
    code text NOT NULL CHECK (code ~ '^[a-z0-9_-]{1,40}$'),
    version integer NOT NULL CHECK (version > 0),
    name text NOT NULL CHECK (name <> ''),
    org_code text REFERENCES org_unit,
    elder_id integer REFERENCES elder,
    kind text,
    severity text CHECK (severity IN ('emergency', 'urgent', 'advisory', 'technical')),
    day_kind text NOT NULL DEFAULT 'any' CHECK (day_kind IN ('any', 'workday', 'holiday')),
    -- The district's time of day from which and until which it holds; until is earlier than from across midnight.
    from_time time,
    until_time time CHECK (until_time <> from_time),
    -- How often the steps are gone through again, and how long after the last one.
    repeats smallint NOT NULL CHECK (repeats BETWEEN 0 AND 100),
    repeat_seconds integer NOT NULL CHECK (repeat_seconds BETWEEN 10 AND 86400),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    -- Null for those that came with the service.
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account,
    UNIQUE (code, version),
    CHECK ((from_time IS NULL) = (until_time IS NULL)),
    CHECK (elder_id IS NULL OR org_code IS NULL)
);
CREATE UNIQUE INDEX escalation_policy_current ON escalation_policy (code) WHERE valid_to IS NULL;

CREATE TABLE escalation_step (
    policy_id integer NOT NULL REFERENCES escalation_policy,
    position smallint NOT NULL CHECK (position BETWEEN 1 AND 50),
    -- From the alarm, or from the moment at which it was raised again.
    after_seconds integer NOT NULL CHECK (after_seconds BETWEEN 0 AND 604800),
    PRIMARY KEY (policy_id, position),
    UNIQUE (policy_id, after_seconds)
);

CREATE TABLE escalation_target (
    policy_id integer NOT NULL,
    position smallint NOT NULL,
    rank smallint NOT NULL CHECK (rank > 0),
    kind text NOT NULL CHECK (kind IN (
        'seat', 'role', 'rota', 'contact', 'family', 'street_centre', 'grid_worker', 'account')),
    -- The how-manieth seat or contact.
    number smallint CHECK (number BETWEEN 1 AND 20),
    role text CHECK (role IN ('operator', 'supervisor')),
    -- Of which unit: the one the alarm is about, its street, its district, or a named one.
    level text CHECK (level IN ('unit', 'street', 'district')),
    org_code text REFERENCES org_unit,
    rota_id integer REFERENCES rota,
    account_id integer REFERENCES account,
    PRIMARY KEY (policy_id, position, rank),
    FOREIGN KEY (policy_id, position) REFERENCES escalation_step,
    CHECK ((number IS NOT NULL) = (kind IN ('seat', 'contact'))),
    CHECK ((role IS NOT NULL) = (kind = 'role')),
    CHECK (num_nonnulls(level, org_code) = CASE WHEN kind = 'role' THEN 1 ELSE 0 END),
    CHECK ((rota_id IS NOT NULL) = (kind = 'rota')),
    CHECK ((account_id IS NOT NULL) = (kind = 'account'))
);

CREATE FUNCTION refuse_policy_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a policy is replaced by a new version, never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER escalation_step_stays BEFORE UPDATE ON escalation_step
    FOR EACH ROW EXECUTE FUNCTION refuse_policy_change();
CREATE TRIGGER escalation_target_stays BEFORE UPDATE ON escalation_target
    FOR EACH ROW EXECUTE FUNCTION refuse_policy_change();
CREATE TRIGGER escalation_policy_stays BEFORE UPDATE ON escalation_policy
    FOR EACH ROW WHEN (to_jsonb(NEW) - '{valid_to,ended_by}'::text[] <> to_jsonb(OLD) - '{valid_to,ended_by}'::text[])
    EXECUTE FUNCTION refuse_policy_change();

INSERT INTO escalation_policy (code, version, name, severity, repeats, repeat_seconds, valid_from) VALUES
    ('emergency', 1, '紧急报警', 'emergency', 2, 60, '2020-01-01Z'),
    ('urgent', 1, '急迫报警', 'urgent', 1, 600, '2020-01-01Z'),
    ('advisory', 1, '提示报警', 'advisory', 0, 3600, '2020-01-01Z'),
    ('technical', 1, '技术报警', 'technical', 0, 14400, '2020-01-01Z');
INSERT INTO escalation_step (policy_id, position, after_seconds)
SELECT policy.id, step.position, step.after_seconds
FROM (VALUES ('emergency', 1, 0), ('emergency', 2, 20), ('emergency', 3, 40), ('emergency', 4, 60),
             ('urgent', 1, 0), ('urgent', 2, 60), ('urgent', 3, 180), ('urgent', 4, 600),
             ('advisory', 1, 1800), ('technical', 1, 14400)) AS step (code, position, after_seconds)
JOIN escalation_policy AS policy USING (code);
INSERT INTO escalation_target (policy_id, position, rank, kind, number, role, level)
SELECT policy.id, target.position, target.rank, target.kind, target.number, target.role, target.level
FROM (VALUES ('emergency', 1, 1, 'seat', 1, NULL, NULL),
             ('emergency', 2, 1, 'seat', 2, NULL, NULL),
             ('emergency', 3, 1, 'role', NULL, 'supervisor', 'district'),
             ('emergency', 4, 1, 'street_centre', NULL, NULL, NULL),
             ('emergency', 4, 2, 'contact', 1, NULL, NULL),
             ('emergency', 4, 3, 'contact', 2, NULL, NULL),
             ('emergency', 4, 4, 'family', NULL, NULL, NULL),
             ('urgent', 1, 1, 'seat', 1, NULL, NULL),
             ('urgent', 2, 1, 'seat', 2, NULL, NULL),
             ('urgent', 3, 1, 'role', NULL, 'supervisor', 'district'),
             ('urgent', 4, 1, 'street_centre', NULL, NULL, NULL),
             ('advisory', 1, 1, 'role', NULL, 'supervisor', 'district'),
             ('technical', 1, 1, 'role', NULL, 'supervisor', 'district'))
    AS target (code, position, rank, kind, number, role, level)
JOIN escalation_policy AS policy USING (code);

ALTER TABLE alarm
    -- Chosen when the first step comes due, and anew whenever the alarm is raised again.
    ADD COLUMN policy_id integer REFERENCES escalation_policy,
    -- The last step taken, 0 for none; and how often the steps were begun anew.
    ADD COLUMN escalation_position smallint NOT NULL DEFAULT 0,
    ADD COLUMN escalation_round smallint NOT NULL DEFAULT 0,
    -- From when the steps' seconds are counted.
    ADD COLUMN escalation_from timestamptz,
    -- Whom this round has called, by account; and the operator who was called last as a seat.
    ADD COLUMN escalation_called integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN called_operator integer REFERENCES account;
-- How much an operator has to do is counted over these.
CREATE INDEX alarm_called_operator ON alarm (called_operator) WHERE state = 'raised';
CREATE INDEX alarm_acknowledged_by ON alarm (acknowledged_by) WHERE ended_at IS NULL;

-- migrate:down
ALTER TABLE alarm DROP COLUMN policy_id, DROP COLUMN escalation_position, DROP COLUMN escalation_round,
    DROP COLUMN escalation_from, DROP COLUMN escalation_called, DROP COLUMN called_operator;
DROP INDEX alarm_acknowledged_by;
DROP TABLE escalation_target, escalation_step, escalation_policy;
DROP FUNCTION refuse_policy_change;
DROP TABLE shift_check, handover_receipt, handover_note, rota_override, rota_swap, rota_turn, rota_layer, rota;
CREATE TABLE escalation_policy (
    severity text NOT NULL REFERENCES sla_policy,
    level smallint NOT NULL CHECK (level > 0),
    after_seconds integer NOT NULL CHECK (after_seconds > 0),
    roles text[] NOT NULL,
    PRIMARY KEY (severity, level)
);
INSERT INTO escalation_policy VALUES
    ('emergency', 1, 20, '{second_seat}'),
    ('emergency', 2, 40, '{second_seat,supervisor}'),
    ('emergency', 3, 60, '{second_seat,supervisor,street_centre,family}'),
    ('urgent', 1, 60, '{second_seat}'),
    ('urgent', 2, 180, '{second_seat,supervisor}'),
    ('urgent', 3, 600, '{second_seat,supervisor,street_centre}'),
    ('advisory', 1, 1800, '{supervisor}'),
    ('technical', 1, 14400, '{supervisor}');
DROP VIEW severity_policy;
CREATE VIEW severity_policy AS
SELECT known.severity,
       COALESCE(sla_policy.answer_seconds, 60) AS answer_seconds,
       sla_policy.dispatch_seconds,
       sla_policy.on_scene_seconds,
       COALESCE(sla_policy.stale_seconds, 300) AS stale_seconds,
       COALESCE(first.after_seconds, 20) AS first_seconds,
       COALESCE(sla_policy.offer_seconds, 30) AS offer_seconds,
       COALESCE(sla_policy.offers_at_once, 3::smallint) AS offers_at_once
FROM (VALUES ('emergency'), ('urgent'), ('advisory'), ('technical')) AS known (severity)
LEFT JOIN sla_policy ON sla_policy.severity = known.severity
LEFT JOIN LATERAL (
    SELECT after_seconds FROM escalation_policy WHERE escalation_policy.severity = known.severity ORDER BY level LIMIT 1
) AS first ON true;
