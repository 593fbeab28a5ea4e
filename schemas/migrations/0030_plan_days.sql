-- migrate:up
-- How a district plans its days: when the next one is planned (district time), for how many seconds, what it costs in
-- seconds of travel to move a visit that was promised and what it is worth that a known worker comes, and the break of
-- whoever works longer than so many minutes.
CREATE TABLE planning_policy (
    org_code text PRIMARY KEY REFERENCES org_unit,
    plan_at time NOT NULL DEFAULT '18:00',
    -- At most; a small day takes less.
    seconds smallint NOT NULL DEFAULT 300 CHECK (seconds BETWEEN 1 AND 3600),
    -- What a plan leaves free, because a day never goes as planned: before the end of each window (never more than three
    -- quarters of it), beyond each visit's duration in percent, and of the time that a meal stays hot.
    spare_minutes smallint NOT NULL DEFAULT 12 CHECK (spare_minutes BETWEEN 0 AND 120),
    longer_percent smallint NOT NULL DEFAULT 8 CHECK (longer_percent BETWEEN 0 AND 100),
    hot_spare_minutes smallint NOT NULL DEFAULT 15 CHECK (hot_spare_minutes BETWEEN 0 AND 60),
    moved_seconds integer NOT NULL DEFAULT 1200 CHECK (moved_seconds >= 0),
    known_seconds integer NOT NULL DEFAULT 120 CHECK (known_seconds >= 0),
    break_minutes smallint NOT NULL DEFAULT 30 CHECK (break_minutes BETWEEN 0 AND 120),
    break_after_minutes smallint NOT NULL DEFAULT 360 CHECK (break_after_minutes > 0),
    break_from time NOT NULL DEFAULT '10:30',
    break_to time NOT NULL DEFAULT '14:30' CHECK (break_to > break_from),
    -- A plan is carried out as soon as it is made; otherwise a person looks at it first.
    at_once boolean NOT NULL DEFAULT true,
    -- Today is planned anew when somebody is missing, so many minutes after the last time at the earliest; null: never.
    again_minutes smallint DEFAULT 15 CHECK (again_minutes > 0)
);

-- A plan of one day of a district: asked for, being made under a lease, made, carried out.
CREATE TABLE day_plan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_code text NOT NULL REFERENCES org_unit,
    day date NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN (
        'queued', 'solving', 'ready', 'applying', 'applied', 'discarded', 'failed')),
    reason text NOT NULL CHECK (reason IN ('nightly', 'by_hand', 'changed')),
    asked_at timestamptz NOT NULL,
    -- Null: the engine.
    asked_by integer REFERENCES account,
    seconds smallint NOT NULL CHECK (seconds BETWEEN 1 AND 3600),
    seed integer NOT NULL DEFAULT 1,
    at_once boolean NOT NULL,
    tries smallint NOT NULL DEFAULT 0,
    due_at timestamptz,
    solved_at timestamptz,
    applied_at timestamptz,
    applied_by integer REFERENCES account,
    error text,
    figures jsonb,
    CHECK ((due_at IS NULL) = (state NOT IN ('queued', 'solving', 'applying')))
);
CREATE UNIQUE INDEX day_plan_nightly ON day_plan (org_code, day) WHERE reason = 'nightly';
CREATE UNIQUE INDEX day_plan_under_way ON day_plan (org_code, day) WHERE state IN ('queued', 'solving', 'applying');
CREATE INDEX day_plan_due ON day_plan (due_at) WHERE due_at IS NOT NULL;

-- What a plan says of each order, and what became of it.
CREATE TABLE day_plan_visit (
    plan_id bigint NOT NULL REFERENCES day_plan ON DELETE CASCADE,
    order_id bigint NOT NULL REFERENCES service_order,
    -- Null: left out, for the reason.
    worker_id integer REFERENCES worker,
    planned_at timestamptz,
    pickup_at timestamptz,
    reason text,
    -- It was somebody else's until the plan was carried out.
    moved boolean NOT NULL DEFAULT false,
    outcome text CHECK (outcome IN ('promised', 'moved', 'kept', 'left_out', 'refused', 'changed')),
    refusal text,
    PRIMARY KEY (plan_id, order_id),
    CHECK (num_nulls(worker_id, planned_at) IN (0, 2)),
    CHECK ((worker_id IS NULL) = (reason IS NOT NULL))
);
CREATE INDEX day_plan_visit_order ON day_plan_visit (order_id);

ALTER TABLE service_order
    ADD CONSTRAINT service_order_plan FOREIGN KEY (plan_id) REFERENCES day_plan,
    -- A plan of its day was carried out without it: it is looked for as other orders are.
    ADD COLUMN plan_left_at timestamptz;

-- migrate:down
ALTER TABLE service_order DROP CONSTRAINT service_order_plan, DROP COLUMN plan_left_at;
DROP TABLE day_plan_visit, day_plan, planning_policy;
