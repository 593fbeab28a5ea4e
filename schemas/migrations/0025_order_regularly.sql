-- migrate:up
-- The figures of ordering, one row.
CREATE TABLE ordering_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- How many days before its day a schedule's visit is ordered: early enough for the next day's plan.
    days_ahead smallint NOT NULL DEFAULT 2 CHECK (days_ahead BETWEEN 1 AND 30),
    -- Between these hours of the district's clock windows are proposed.
    first_hour smallint NOT NULL DEFAULT 7 CHECK (first_hour BETWEEN 0 AND 23),
    last_hour smallint NOT NULL DEFAULT 20 CHECK (last_hour BETWEEN 1 AND 24),
    -- Nobody can be there earlier than so many minutes from now.
    notice_minutes smallint NOT NULL DEFAULT 30 CHECK (notice_minutes >= 0),
    -- Within so many minutes another press of the green button means the same.
    joins_minutes smallint NOT NULL DEFAULT 15 CHECK (joins_minutes > 0),
    -- Within so many seconds somebody calls back who pressed it and for whom nothing is agreed.
    call_back_seconds integer NOT NULL DEFAULT 900 CHECK (call_back_seconds > 0),
    CHECK (last_hour > first_hour)
);
INSERT INTO ordering_policy DEFAULT VALUES;

-- What relatives do not order themselves, in any version.
CREATE TABLE staff_only_item (
    item_code text PRIMARY KEY
);
INSERT INTO staff_only_item VALUES ('wellbeing_check');

-- What an elder was assessed to need. It is ended, never edited; its items are schedules.
CREATE TABLE care_plan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder ON DELETE CASCADE,
    need text NOT NULL CHECK (need <> ''),
    first_day date NOT NULL,
    last_day date CHECK (last_day >= first_day),
    -- Who agreed to it for the elder's side, and when.
    signed_by text NOT NULL CHECK (signed_by <> ''),
    signed_on date NOT NULL,
    review_every_days smallint NOT NULL DEFAULT 180 CHECK (review_every_days BETWEEN 7 AND 730),
    reviewed_at timestamptz,
    reviewed_by integer REFERENCES account,
    review_note text,
    made_at timestamptz NOT NULL,
    made_by integer NOT NULL REFERENCES account,
    ended_at timestamptz,
    ended_by integer REFERENCES account,
    end_reason text,
    -- When somebody is asked to review it.
    due_at timestamptz,
    CHECK ((ended_at IS NULL) = (due_at IS NOT NULL))
);
CREATE INDEX care_plan_due ON care_plan (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX care_plan_elder ON care_plan (elder_id, id);

-- What is ordered regularly: the days by the district's calendar. It is ended and made anew, never edited.
CREATE TABLE order_schedule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder ON DELETE CASCADE,
    plan_id bigint REFERENCES care_plan,
    item_code text NOT NULL,
    -- 1 is Monday.
    weekdays smallint[] NOT NULL CHECK (
        cardinality(weekdays) BETWEEN 1 AND 7 AND weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
    -- Weeks are counted from the one of the first day.
    every_weeks smallint NOT NULL DEFAULT 1 CHECK (every_weeks BETWEEN 1 AND 52),
    first_day date NOT NULL,
    last_day date CHECK (last_day >= first_day),
    from_time time NOT NULL,
    -- Null: the item's usual window.
    window_minutes smallint CHECK (window_minutes BETWEEN 10 AND 1440),
    on_holidays text NOT NULL CHECK (on_holidays IN ('keep', 'skip', 'move')),
    skills text[] NOT NULL DEFAULT '{}',
    note text,
    made_at timestamptz NOT NULL,
    made_by integer NOT NULL REFERENCES account,
    replaces_id bigint REFERENCES order_schedule,
    -- While it is paused its days pass without an order.
    paused_at timestamptz,
    paused_by integer REFERENCES account,
    pause_reason text,
    ended_at timestamptz,
    ended_by integer REFERENCES account,
    end_reason text,
    -- Until which day it was decided; when the engine looks again.
    decided_until date NOT NULL,
    due_at timestamptz,
    CHECK (ended_at IS NULL OR due_at IS NULL),
    CHECK (ended_at IS NOT NULL OR due_at IS NOT NULL),
    CHECK ((paused_at IS NULL) = (pause_reason IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX order_schedule_due ON order_schedule (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX order_schedule_elder ON order_schedule (elder_id, id);
CREATE INDEX order_schedule_plan ON order_schedule (plan_id) WHERE plan_id IS NOT NULL;

-- What staff said about one of a schedule's days: left out where there is no other day.
CREATE TABLE schedule_exception (
    schedule_id bigint NOT NULL REFERENCES order_schedule ON DELETE CASCADE,
    day date NOT NULL,
    moved_to date,
    from_time time,
    reason text NOT NULL CHECK (reason <> ''),
    set_at timestamptz NOT NULL,
    set_by integer NOT NULL REFERENCES account,
    PRIMARY KEY (schedule_id, day),
    CHECK (moved_to IS NOT NULL OR from_time IS NULL)
);

-- What became of each of a schedule's days: the key keeps a day from being ordered twice.
CREATE TABLE schedule_day (
    schedule_id bigint NOT NULL REFERENCES order_schedule ON DELETE CASCADE,
    day date NOT NULL,
    takes_place date,
    outcome text NOT NULL CHECK (outcome IN ('ordered', 'holiday', 'away', 'paused', 'exception', 'refused')),
    refusal text,
    order_id bigint REFERENCES service_order,
    at timestamptz NOT NULL,
    PRIMARY KEY (schedule_id, day),
    CHECK ((outcome = 'ordered') = (order_id IS NOT NULL)),
    CHECK ((outcome = 'refused') = (refusal IS NOT NULL))
);

-- What is brought about by the green button of an elder, and of the home's devices where she answers for the home.
CREATE TABLE green_button (
    elder_id integer PRIMARY KEY REFERENCES elder ON DELETE CASCADE,
    item_code text NOT NULL,
    for_home boolean NOT NULL,
    note text,
    set_at timestamptz NOT NULL,
    set_by integer NOT NULL REFERENCES account
);

-- A press of a green button, from its recording until an order or a task stands.
CREATE TABLE service_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_event_id bigint NOT NULL UNIQUE REFERENCES device_event,
    device_key integer NOT NULL REFERENCES device,
    elder_id integer REFERENCES elder,
    household_id integer REFERENCES household,
    pressed_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'ordered', 'joined', 'call_back')),
    order_id bigint REFERENCES service_order,
    task_id bigint REFERENCES task,
    due_at timestamptz,
    CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CHECK ((state = 'waiting') = (num_nonnulls(order_id, task_id) = 0))
);
CREATE INDEX service_request_due ON service_request (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX service_request_elder ON service_request (elder_id, pressed_at);
CREATE INDEX service_request_home ON service_request (household_id, pressed_at);

-- Which alarms bring somebody to the door, unless they are over by then.
CREATE TABLE alarm_order_policy (
    kind text PRIMARY KEY,
    item_code text NOT NULL,
    -- From the alarm to the order: the time in which an operator telephones.
    after_seconds integer NOT NULL CHECK (after_seconds >= 0),
    window_minutes smallint NOT NULL CHECK (window_minutes BETWEEN 10 AND 1440)
);
INSERT INTO alarm_order_policy VALUES ('water_low', 'wellbeing_check', 1800, 60);
ALTER TABLE alarm ADD COLUMN order_due_at timestamptz;
CREATE INDEX alarm_order_due ON alarm (order_due_at) WHERE order_due_at IS NOT NULL;

ALTER TABLE call
    DROP CONSTRAINT call_outcome_check,
    ADD CONSTRAINT call_outcome_check CHECK (outcome IN (
        'help_needed', 'all_well', 'passed_on', 'no_answer', 'engaged', 'silent', 'wrong_number', 'test_call', 'ordered',
        'other'));

ALTER TABLE task
    DROP CONSTRAINT task_kind_check,
    ADD CONSTRAINT task_kind_check CHECK (kind IN (
        'call_back', 'missed_call', 'breach_review', 'rota_gap', 'unreachable', 'audit',
        'unfilled_order', 'visit_call_back', 'back_entry', 'fraud_review', 'complaint', 'certificate', 'settlement',
        'service_request', 'plan_review'));

-- migrate:down
DROP TABLE service_request, green_button, schedule_day, schedule_exception, order_schedule, care_plan, ordering_policy,
    alarm_order_policy, staff_only_item;
DELETE FROM event WHERE task_id IN (SELECT id FROM task WHERE kind IN ('service_request', 'plan_review'))
    OR kind = 'alarm.ordered';
DELETE FROM task WHERE kind IN ('service_request', 'plan_review');
ALTER TABLE task
    DROP CONSTRAINT task_kind_check,
    ADD CONSTRAINT task_kind_check CHECK (kind IN (
        'call_back', 'missed_call', 'breach_review', 'rota_gap', 'unreachable', 'audit',
        'unfilled_order', 'visit_call_back', 'back_entry', 'fraud_review', 'complaint', 'certificate', 'settlement'));
UPDATE call SET outcome = 'other' WHERE outcome = 'ordered';
ALTER TABLE call
    DROP CONSTRAINT call_outcome_check,
    ADD CONSTRAINT call_outcome_check CHECK (outcome IN (
        'help_needed', 'all_well', 'passed_on', 'no_answer', 'engaged', 'silent', 'wrong_number', 'test_call', 'other'));
ALTER TABLE alarm DROP COLUMN order_due_at;
