-- migrate:up
-- Which state of an alarm may follow which: schemas/states.py says it, a test compares, and the database refuses others.
CREATE TABLE alarm_step (
    from_state text NOT NULL,
    to_state text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO alarm_step VALUES
    ('pending', 'raised'), ('pending', 'cancelled'),
    ('raised', 'acknowledged'), ('raised', 'dispatched'), ('raised', 'on_scene'), ('raised', 'shelved'),
    ('raised', 'cancelled'),
    ('acknowledged', 'raised'), ('acknowledged', 'dispatched'), ('acknowledged', 'shelved'), ('acknowledged', 'resolved'),
    ('dispatched', 'raised'), ('dispatched', 'acknowledged'), ('dispatched', 'on_scene'), ('dispatched', 'resolved'),
    ('on_scene', 'raised'), ('on_scene', 'resolved'),
    ('shelved', 'raised'), ('shelved', 'acknowledged'), ('shelved', 'resolved'),
    ('resolved', 'closed');

-- The figures by which alarms are followed, one row.
CREATE TABLE lifecycle_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- How long a claim is shown.
    claim_seconds integer NOT NULL DEFAULT 30 CHECK (claim_seconds > 0),
    -- How long after its last alarm ended an incident still takes in a new alarm of its subject.
    join_seconds integer NOT NULL DEFAULT 1800 CHECK (join_seconds >= 0),
    -- The longest time for which an alarm can be put aside.
    shelve_seconds integer NOT NULL DEFAULT 86400 CHECK (shelve_seconds > 0),
    -- Until when, in the district's time, somebody has called back on the day after a severe alarm.
    call_back_at time NOT NULL DEFAULT '18:00',
    -- So many homes of one building within so many metres and seconds are one group.
    group_homes smallint NOT NULL DEFAULT 3 CHECK (group_homes > 1),
    group_metres integer NOT NULL DEFAULT 60 CHECK (group_metres >= 0),
    group_seconds integer NOT NULL DEFAULT 900 CHECK (group_seconds > 0)
);
INSERT INTO lifecycle_policy DEFAULT VALUES;

-- A desk at which somebody sits who answers alarms. One that is no longer used stays, for the timelines that name it.
CREATE TABLE seat (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_code text NOT NULL REFERENCES org_unit,
    name text NOT NULL CHECK (name <> ''),
    retired_at timestamptz,
    UNIQUE (org_code, name)
);
ALTER TABLE session ADD COLUMN seat_id integer REFERENCES seat;
CREATE INDEX session_seat ON session (seat_id) WHERE seat_id IS NOT NULL;

-- Alarms that belong together although they are about different subjects: homes of one building, a dark street.
CREATE TABLE incident_group (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('building', 'dark_street')),
    org_code text NOT NULL REFERENCES org_unit,
    place text NOT NULL,
    opened_at timestamptz NOT NULL
);

-- What happens to one subject at one time: its first alarm opens an incident, and later ones join it. An incident is open
-- while one of its alarms is; nothing of it is stored twice. Whoever opens one takes the subject's next number, so that two
-- who open one at once find each other by the unique key.
CREATE TABLE incident (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    is_test boolean NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    elder_id integer REFERENCES elder,
    household_id integer REFERENCES household,
    device_key integer REFERENCES device,
    org_code text REFERENCES org_unit,
    opened_at timestamptz NOT NULL,
    group_id bigint REFERENCES incident_group,
    UNIQUE (subject, is_test, number)
);
CREATE INDEX incident_group_members ON incident (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX incident_elder ON incident (elder_id, id) WHERE elder_id IS NOT NULL;

ALTER TABLE alarm
    ADD COLUMN incident_id bigint REFERENCES incident,
    ADD COLUMN claimed_by integer REFERENCES account,
    ADD COLUMN claimed_seat integer REFERENCES seat,
    ADD COLUMN claimed_until timestamptz,
    -- Why it is put aside; until when is its deadline.
    ADD COLUMN shelved_reason text,
    ADD COLUMN outcome_cause text,
    -- Raised about a home whose building may be in trouble, and not yet looked at together with its neighbours.
    ADD COLUMN to_group boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT alarm_state_check,
    DROP CONSTRAINT alarm_due_reason_check,
    ADD CONSTRAINT alarm_state_check CHECK (state IN (
        'pending', 'raised', 'acknowledged', 'dispatched', 'on_scene', 'shelved', 'resolved', 'closed', 'cancelled')),
    ADD CONSTRAINT alarm_due_reason_check CHECK (due_reason IN ('confirm', 'escalate', 'realarm', 'close', 'unshelve')),
    ADD CONSTRAINT alarm_claimed CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
    ADD CONSTRAINT alarm_shelved CHECK ((state = 'shelved') = (shelved_reason IS NOT NULL)
        AND (state = 'shelved') = (due_reason IS NOT DISTINCT FROM 'unshelve')),
    ADD CONSTRAINT alarm_cause CHECK (outcome_cause IS NULL OR outcome = 'false_alarm'),
    ADD CONSTRAINT alarm_outcome CHECK (state NOT IN ('resolved', 'closed') OR outcome IS NOT NULL);
CREATE INDEX alarm_claimed_until ON alarm (claimed_until) WHERE claimed_until IS NOT NULL;
-- Who was sent to what ended lately: it may wait for days to be closed.
CREATE INDEX alarm_left ON alarm (ended_at) WHERE state = 'resolved' AND responder_id IS NOT NULL;
CREATE INDEX alarm_to_group ON alarm (id) WHERE to_group;
CREATE INDEX alarm_of_building ON alarm (raised_at) WHERE kind IN ('smoke', 'gas', 'leak') AND NOT is_test;

-- What happened before: an alarm joined the ones before it unless all of them had ended half an hour earlier.
CREATE TEMPORARY TABLE earlier ON COMMIT DROP AS
SELECT id, subject, is_test, elder_id, household_id, device_key, org_code, raised_at,
       1 + count(*) FILTER (WHERE begins) OVER (PARTITION BY subject, is_test ORDER BY id) AS number
FROM (
    SELECT *, raised_at > max(COALESCE(ended_at, 'infinity')) OVER (
        PARTITION BY subject, is_test ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) + interval '30 minutes' AS begins
    FROM alarm
) AS marked;
INSERT INTO incident (subject, is_test, number, elder_id, household_id, device_key, org_code, opened_at)
SELECT DISTINCT ON (subject, is_test, number)
       subject, is_test, number, elder_id, household_id, device_key, org_code, raised_at
FROM earlier ORDER BY subject, is_test, number, id;
UPDATE alarm SET incident_id = incident.id
FROM earlier JOIN incident USING (subject, is_test, number)
WHERE alarm.id = earlier.id;
CREATE INDEX alarm_incident ON alarm (incident_id, id);

CREATE FUNCTION refuse_alarm_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM alarm_step WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'an alarm that is % cannot become %', OLD.state, NEW.state USING ERRCODE = 'check_violation',
            CONSTRAINT = 'alarm_step';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER alarm_step BEFORE UPDATE OF state ON alarm
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_alarm_step();

-- Who did what, when, from which seat: rows are added and never changed.
ALTER TABLE alarm_event ADD COLUMN seat_id integer REFERENCES seat;
ALTER TABLE order_event ADD COLUMN seat_id integer REFERENCES seat;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed nor deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER alarm_event_append_only BEFORE UPDATE OR DELETE ON alarm_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alarm_event_append_only_all BEFORE TRUNCATE ON alarm_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Something that a person must do by a time. `about` names it within its kind, so that it is asked for once.
CREATE TABLE task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('call_back', 'missed_call', 'breach_review', 'rota_gap', 'unreachable', 'audit')),
    about text,
    org_code text NOT NULL REFERENCES org_unit,
    elder_id integer REFERENCES elder,
    alarm_id bigint REFERENCES alarm,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    taken_by integer REFERENCES account,
    taken_at timestamptz,
    overdue_at timestamptz,
    done_by integer REFERENCES account,
    done_seat integer REFERENCES seat,
    done_at timestamptz,
    outcome text,
    note text,
    UNIQUE (kind, about),
    CHECK ((taken_by IS NULL) = (taken_at IS NULL)),
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX task_unsaid ON task (due_at) WHERE done_at IS NULL AND overdue_at IS NULL;
CREATE INDEX task_alarm ON task (alarm_id) WHERE alarm_id IS NOT NULL;
CREATE INDEX task_open_of_unit ON task (org_code) WHERE done_at IS NULL;
CREATE INDEX task_elder ON task (elder_id) WHERE elder_id IS NOT NULL;
ALTER TABLE event ADD COLUMN task_id bigint;
ALTER TABLE access_log ADD COLUMN task_id bigint;

-- A task is seen by staff whose subtree contains its unit.
CREATE FUNCTION timed_task_audience(at timestamptz)
RETURNS TABLE (task_id bigint, done_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT task.id, task.done_at, account.id, account.role
    FROM task
    JOIN org_unit AS home ON home.code = task.org_code
    JOIN org_unit AS top ON starts_with(home.path, top.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at);
END;

-- migrate:down
DROP FUNCTION timed_task_audience(timestamptz);
ALTER TABLE access_log DROP COLUMN task_id;
DELETE FROM event WHERE task_id IS NOT NULL OR kind LIKE 'task.%';
ALTER TABLE event DROP COLUMN task_id;
DROP TABLE task;
DROP TRIGGER alarm_event_append_only_all ON alarm_event;
DROP TRIGGER alarm_event_append_only ON alarm_event;
ALTER TABLE alarm_event DROP COLUMN seat_id;
ALTER TABLE order_event DROP COLUMN seat_id;
DROP TRIGGER alarm_step ON alarm;
DROP FUNCTION refuse_alarm_step, refuse_change;
-- What was put aside rings again: the earlier schema knows no other open state for it.
UPDATE alarm SET state = 'raised', due_reason = 'escalate', shelved_reason = NULL WHERE state = 'shelved';
ALTER TABLE alarm
    DROP COLUMN incident_id, DROP COLUMN claimed_by, DROP COLUMN claimed_seat, DROP COLUMN claimed_until,
    DROP COLUMN shelved_reason, DROP COLUMN outcome_cause, DROP COLUMN to_group,
    DROP CONSTRAINT alarm_outcome,
    DROP CONSTRAINT alarm_state_check,
    DROP CONSTRAINT alarm_due_reason_check,
    ADD CONSTRAINT alarm_state_check CHECK (state IN (
        'pending', 'raised', 'acknowledged', 'dispatched', 'on_scene', 'resolved', 'closed', 'cancelled')),
    ADD CONSTRAINT alarm_due_reason_check CHECK (due_reason IN ('confirm', 'escalate', 'realarm', 'close'));
DROP INDEX alarm_of_building, alarm_left;
DROP TABLE incident, incident_group;
ALTER TABLE session DROP COLUMN seat_id;
DROP TABLE seat, lifecycle_policy, alarm_step;
