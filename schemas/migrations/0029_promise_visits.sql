-- migrate:up
-- When a promise of the order can next be broken, and which breaches have been told of; as an alarm's (0021).
ALTER TABLE service_order
    ADD COLUMN sla_due_at timestamptz,
    ADD COLUMN breaches text[] NOT NULL DEFAULT '{}',
    -- When the worker will begin, by where she is and what she still has to do before; and how sure the window is.
    ADD COLUMN predicted_at timestamptz,
    ADD COLUMN risk text CHECK (risk IN ('none', 'tight', 'late')),
    -- When somebody else is looked for who would be in time; null: no need.
    ADD COLUMN hand_over_at timestamptz;
CREATE INDEX service_order_hand_over ON service_order (hand_over_at) WHERE hand_over_at IS NOT NULL;
UPDATE service_order SET sla_due_at = accept_due_at WHERE ended_at IS NULL AND NOT is_test;
CREATE INDEX service_order_promise ON service_order (sla_due_at) WHERE sla_due_at IS NOT NULL;

-- One row. A worker is late by so many minutes after the window before she counts as not coming, if she has not even set
-- out; a visit is tight when its slack is less, and somebody else looked for when it will be later than its window by
-- more than hand_over_minutes (null: never); complaints are decided within so many days and taken for so many after.
CREATE TABLE visit_policy (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    no_show_minutes smallint NOT NULL DEFAULT 20 CHECK (no_show_minutes BETWEEN 0 AND 240),
    tight_minutes smallint NOT NULL DEFAULT 10 CHECK (tight_minutes BETWEEN 0 AND 120),
    hand_over_minutes smallint DEFAULT 3 CHECK (hand_over_minutes BETWEEN 0 AND 240),
    late_cancel_minutes smallint NOT NULL DEFAULT 120 CHECK (late_cancel_minutes BETWEEN 0 AND 2880),
    decide_days smallint NOT NULL DEFAULT 3 CHECK (decide_days BETWEEN 1 AND 60),
    complain_days smallint NOT NULL DEFAULT 30 CHECK (complain_days BETWEEN 1 AND 365)
);
INSERT INTO visit_policy DEFAULT VALUES;

-- Who pays what for a visit that did not take place, in percent of what the elder's side would have paid and of the
-- provider's rate. A rule is never changed: a new one ends it, and each case keeps the rule by which it was decided.
CREATE TABLE pay_rule (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason text NOT NULL CHECK (reason IN (
        'elder_absent', 'elder_refused', 'late_cancel', 'unsafe', 'unfit', 'worker_unwell', 'worker_no_show', 'other')),
    blame text NOT NULL CHECK (blame IN ('elder', 'provider', 'district', 'nobody')),
    elder_percent smallint NOT NULL CHECK (elder_percent BETWEEN 0 AND 100),
    provider_percent smallint NOT NULL CHECK (provider_percent BETWEEN 0 AND 100),
    -- What the provider is charged for it, in percent of its rate.
    penalty_percent smallint NOT NULL DEFAULT 0 CHECK (penalty_percent BETWEEN 0 AND 200),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account
);
CREATE UNIQUE INDEX pay_rule_standing ON pay_rule (reason) WHERE valid_to IS NULL;
CREATE TRIGGER pay_rule_stays BEFORE UPDATE ON pay_rule
    FOR EACH ROW WHEN (to_jsonb(NEW) - '{valid_to,ended_by}'::text[] <> to_jsonb(OLD) - '{valid_to,ended_by}'::text[])
    EXECUTE FUNCTION refuse_policy_change();
INSERT INTO pay_rule (reason, blame, elder_percent, provider_percent, penalty_percent, valid_from) VALUES
    ('elder_absent', 'elder', 50, 50, 0, '2020-01-01Z'),
    ('elder_refused', 'elder', 50, 50, 0, '2020-01-01Z'),
    ('late_cancel', 'elder', 30, 30, 0, '2020-01-01Z'),
    ('unsafe', 'nobody', 0, 50, 0, '2020-01-01Z'),
    ('unfit', 'nobody', 0, 50, 0, '2020-01-01Z'),
    ('worker_unwell', 'provider', 0, 0, 0, '2020-01-01Z'),
    ('worker_no_show', 'provider', 0, 0, 50, '2020-01-01Z'),
    ('other', 'nobody', 0, 0, 0, '2020-01-01Z');

-- Somebody was not there: the elder's side at the door, or the worker. Kept with the rule and what it came to, in fen;
-- a supervisor who sees it otherwise adds a row that stands in for it.
CREATE TABLE no_show (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES service_order,
    worker_id integer REFERENCES worker,
    at timestamptz NOT NULL,
    reason text NOT NULL,
    blame text NOT NULL CHECK (blame IN ('elder', 'provider', 'district', 'nobody')),
    rule_id integer NOT NULL REFERENCES pay_rule,
    elder_fen integer NOT NULL CHECK (elder_fen >= 0),
    provider_fen integer NOT NULL CHECK (provider_fen >= 0),
    penalty_fen integer NOT NULL CHECK (penalty_fen >= 0),
    evidence jsonb NOT NULL DEFAULT '{}',
    -- Null: the engine, by the rule.
    decided_by integer REFERENCES account,
    note text,
    replaces bigint UNIQUE REFERENCES no_show
);
CREATE INDEX no_show_order ON no_show (order_id);
CREATE INDEX no_show_at ON no_show (at);
CREATE TRIGGER no_show_append_only BEFORE UPDATE OR DELETE ON no_show
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What somebody has to complain of about a visit, and what a supervisor decided.
CREATE TABLE complaint (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES service_order,
    elder_id integer NOT NULL REFERENCES elder,
    worker_id integer REFERENCES worker,
    provider_id integer REFERENCES provider,
    kind text NOT NULL CHECK (kind IN (
        'late', 'not_come', 'poor_work', 'too_short', 'rude', 'overcharged', 'damage', 'privacy', 'safety', 'other')),
    words text NOT NULL,
    complainer text NOT NULL CHECK (complainer IN ('elder', 'family', 'staff')),
    made_at timestamptz NOT NULL,
    made_by integer NOT NULL REFERENCES account,
    due_at timestamptz NOT NULL,
    verdict text CHECK (verdict IN ('upheld', 'dismissed')),
    decided_at timestamptz,
    decided_by integer REFERENCES account,
    answer text,
    refund_fen integer NOT NULL DEFAULT 0 CHECK (refund_fen >= 0),
    penalty_fen integer NOT NULL DEFAULT 0 CHECK (penalty_fen >= 0),
    rework_id bigint REFERENCES service_order,
    CHECK (num_nulls(verdict, decided_at, decided_by, answer) IN (0, 4)),
    CHECK (verdict = 'upheld' OR (refund_fen = 0 AND penalty_fen = 0 AND rework_id IS NULL))
);
CREATE INDEX complaint_order ON complaint (order_id);
CREATE INDEX complaint_elder ON complaint (elder_id, id);
CREATE INDEX complaint_open ON complaint (due_at) WHERE verdict IS NULL;
ALTER TABLE access_log ADD COLUMN complaint_id bigint;

-- A worker who was given up may have been there without a network: a supervisor looks at the case again.
ALTER TABLE task
    DROP CONSTRAINT task_kind_check,
    ADD CONSTRAINT task_kind_check CHECK (kind IN (
        'call_back', 'missed_call', 'breach_review', 'rota_gap', 'unreachable', 'audit',
        'unfilled_order', 'visit_call_back', 'back_entry', 'fraud_review', 'complaint', 'certificate', 'settlement',
        'service_request', 'plan_review', 'no_show_review'));

-- migrate:down
DELETE FROM event WHERE task_id IN (SELECT id FROM task WHERE kind = 'no_show_review');
DELETE FROM task WHERE kind = 'no_show_review';
ALTER TABLE task
    DROP CONSTRAINT task_kind_check,
    ADD CONSTRAINT task_kind_check CHECK (kind IN (
        'call_back', 'missed_call', 'breach_review', 'rota_gap', 'unreachable', 'audit',
        'unfilled_order', 'visit_call_back', 'back_entry', 'fraud_review', 'complaint', 'certificate', 'settlement',
        'service_request', 'plan_review'));
ALTER TABLE access_log DROP COLUMN complaint_id;
DROP TABLE complaint, no_show, pay_rule, visit_policy;
ALTER TABLE service_order
    DROP COLUMN sla_due_at, DROP COLUMN breaches, DROP COLUMN predicted_at, DROP COLUMN risk, DROP COLUMN hand_over_at;
