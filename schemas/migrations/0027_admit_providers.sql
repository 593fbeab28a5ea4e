-- migrate:up
-- An applicant is of the pool and gets nothing yet. `due_at` is when the engine looks at a provider next: the end of a timed
-- suspension, or the next day of the district, on which documents run out.
ALTER TABLE provider
    DROP CONSTRAINT provider_state_check,
    ADD CONSTRAINT provider_state_check CHECK (state IN ('applied', 'admitted', 'suspended', 'exited')),
    ADD COLUMN suspended_until timestamptz,
    ADD COLUMN contact_name text,
    ADD COLUMN contact_phone text,
    ADD COLUMN address text,
    -- Most visits on one day of the district, and most at the same time; null: no limit.
    ADD COLUMN orders_a_day integer CHECK (orders_a_day > 0),
    ADD COLUMN orders_at_once integer CHECK (orders_at_once > 0),
    -- Of the latest appraisal, 0 to 100; null: not appraised yet.
    ADD COLUMN score smallint CHECK (score BETWEEN 0 AND 100),
    -- Offers whatever the catalogue has; else only what provider_service names.
    ADD COLUMN every_service boolean NOT NULL DEFAULT true,
    ADD COLUMN due_at timestamptz NOT NULL DEFAULT '2020-01-01Z',
    ADD CONSTRAINT provider_suspended CHECK (suspended_until IS NULL OR state = 'suspended');
CREATE INDEX provider_due ON provider (due_at);

-- Everything that was decided about a provider, by whom and why; nobody when a time was up.
CREATE TABLE provider_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id integer NOT NULL REFERENCES provider,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor_id integer REFERENCES account,
    reason text,
    until timestamptz,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX provider_event_provider ON provider_event (provider_id, id);
CREATE TRIGGER provider_event_append_only BEFORE UPDATE OR DELETE ON provider_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER provider_event_append_only_all BEFORE TRUNCATE ON provider_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE provider_document (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id integer NOT NULL REFERENCES provider ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('business_licence', 'food_licence', 'insurance', 'contract', 'other')),
    number text NOT NULL,
    issuer text,
    valid_from date NOT NULL,
    -- The last day; null: until further notice.
    valid_to date CHECK (valid_to >= valid_from),
    added_at timestamptz NOT NULL,
    checked_by integer NOT NULL REFERENCES account,
    revoked_at timestamptz,
    revoked_by integer REFERENCES account,
    revoked_reason text,
    CHECK (num_nulls(revoked_at, revoked_by, revoked_reason) IN (0, 3))
);
CREATE INDEX provider_document_provider ON provider_document (provider_id);

-- Where a provider serves, and from when until when.
ALTER TABLE provider_area
    DROP CONSTRAINT provider_area_pkey,
    ADD COLUMN valid_from timestamptz NOT NULL DEFAULT '2020-01-01Z',
    ADD COLUMN valid_to timestamptz CHECK (valid_to >= valid_from),
    ADD COLUMN set_by integer REFERENCES account,
    ADD COLUMN ended_by integer REFERENCES account,
    ADD CONSTRAINT provider_area_once
        EXCLUDE USING gist (provider_id WITH =, org_code WITH =, tstzrange(valid_from, valid_to) WITH &&);
CREATE INDEX provider_area_provider ON provider_area (provider_id);

-- What a provider does, where it does not do everything, and at what rate, where it is not the catalogue's, in fen.
CREATE TABLE provider_service (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id integer NOT NULL REFERENCES provider ON DELETE CASCADE,
    item_code text NOT NULL,
    provider_fen integer CHECK (provider_fen >= 0),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account,
    EXCLUDE USING gist (provider_id WITH =, item_code WITH =, tstzrange(valid_from, valid_to) WITH &&)
);
-- How far a provider's own rate may lie from the catalogue's, in percent of it.
CREATE TABLE rate_bound (
    assist text PRIMARY KEY CHECK (assist IN ('clean', 'meal', 'bath', 'walk', 'emergency', 'medical')),
    least_percent smallint NOT NULL CHECK (least_percent >= 0),
    most_percent smallint NOT NULL CHECK (most_percent >= least_percent)
);
INSERT INTO rate_bound VALUES
    ('clean', 80, 120), ('meal', 80, 120), ('bath', 80, 120), ('walk', 80, 120), ('emergency', 80, 120),
    ('medical', 80, 120);

ALTER TABLE worker
    ADD COLUMN left_at timestamptz,
    ADD COLUMN left_reason text,
    ADD CONSTRAINT worker_left CHECK ((left_at IS NULL) = (left_reason IS NULL));

CREATE TABLE worker_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id integer NOT NULL REFERENCES worker ON DELETE CASCADE,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor_id integer REFERENCES account,
    reason text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX worker_event_worker ON worker_event (worker_id, id);

ALTER TABLE worker_skill
    DROP CONSTRAINT worker_skill_pkey,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN issuer text,
    ADD COLUMN added_at timestamptz,
    ADD COLUMN checked_by integer REFERENCES account,
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN revoked_by integer REFERENCES account,
    ADD COLUMN revoked_reason text,
    ADD CONSTRAINT worker_skill_revoked CHECK (num_nulls(revoked_at, revoked_by, revoked_reason) IN (0, 3));
CREATE UNIQUE INDEX worker_skill_once ON worker_skill (worker_id, skill, valid_from) WHERE revoked_at IS NULL;

-- A week's working hours, made into shifts ahead. `ends` not after `starts` is on the next day.
CREATE TABLE shift_template (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id integer NOT NULL REFERENCES worker ON DELETE CASCADE,
    -- 1 is Monday.
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    starts time NOT NULL,
    ends time NOT NULL CHECK (ends <> starts),
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to >= valid_from),
    -- The last day for which shifts were made: one that somebody took away is not made again.
    made_until date,
    set_by integer REFERENCES account
);
CREATE INDEX shift_template_worker ON shift_template (worker_id);
ALTER TABLE worker_shift ADD COLUMN template_id bigint REFERENCES shift_template ON DELETE SET NULL;

CREATE TABLE worker_leave (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id integer NOT NULL REFERENCES worker ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('sick', 'holiday', 'training', 'other')),
    starts_at timestamptz NOT NULL,
    -- Null: until somebody says that she is back.
    ends_at timestamptz CHECK (ends_at >= starts_at),
    note text,
    reported_at timestamptz NOT NULL,
    reported_by integer REFERENCES account,
    EXCLUDE USING gist (worker_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
);

ALTER TABLE exclusion ADD COLUMN ended_reason text;
CREATE INDEX exclusion_worker ON exclusion (worker_id);

-- How early a promise beyond a certificate's end is given to somebody else, when supervisors are told that one ends, and
-- how far ahead shifts are made; in days.
CREATE TABLE pool_policy (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    redispatch_days smallint NOT NULL CHECK (redispatch_days >= 0),
    first_warning_days smallint NOT NULL CHECK (first_warning_days > 0),
    last_warning_days smallint NOT NULL CHECK (last_warning_days BETWEEN 0 AND first_warning_days),
    shift_days smallint NOT NULL CHECK (shift_days BETWEEN 1 AND 366)
);
INSERT INTO pool_policy VALUES (true, 3, 30, 7, 60);

-- When the engine looks next at what a worker was asked and has promised. A table of its own, because whoever accepts holds
-- her worker row after an order, and this is written before orders are looked at. Whatever may make her unfit brings the
-- look on at once, also when it was changed by hand.
CREATE TABLE worker_watch (
    worker_id integer PRIMARY KEY REFERENCES worker ON DELETE CASCADE,
    due_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX worker_watch_due ON worker_watch (due_at);
INSERT INTO worker_watch SELECT id, '2020-01-01Z' FROM worker;

CREATE FUNCTION watch_again(ids integer[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO worker_watch
    SELECT worker.id, '2020-01-01Z' FROM worker WHERE worker.id = ANY(ids) ORDER BY worker.id
    ON CONFLICT (worker_id) DO UPDATE SET due_at = EXCLUDED.due_at
$$;
CREATE FUNCTION watch_changed_worker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_again(ARRAY[NEW.id]);
    RETURN NULL;
END $$;
CREATE FUNCTION watch_worker_of() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_again(ARRAY[NEW.worker_id]);
    RETURN NULL;
END $$;
CREATE FUNCTION watch_workers_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_again(ARRAY(SELECT DISTINCT worker_id FROM before));
    RETURN NULL;
END $$;
CREATE FUNCTION watch_workers_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_again(ARRAY(SELECT id FROM worker WHERE account_id = NEW.id));
    RETURN NULL;
END $$;
CREATE FUNCTION watch_workers_of_provider() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_again(ARRAY(SELECT id FROM worker WHERE provider_id = OLD.id));
    RETURN NULL;
END $$;
CREATE FUNCTION watch_workers_of_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_again(ARRAY(SELECT id FROM worker WHERE provider_id = OLD.provider_id));
    RETURN NULL;
END $$;
CREATE TRIGGER worker_watched AFTER INSERT ON worker FOR EACH ROW EXECUTE FUNCTION watch_changed_worker();
CREATE TRIGGER worker_left_watched AFTER UPDATE OF left_at ON worker
    FOR EACH ROW WHEN (NEW.left_at IS DISTINCT FROM OLD.left_at) EXECUTE FUNCTION watch_changed_worker();
CREATE TRIGGER account_watched AFTER UPDATE OF disabled_at ON account
    FOR EACH ROW WHEN (NEW.disabled_at IS DISTINCT FROM OLD.disabled_at) EXECUTE FUNCTION watch_workers_of_account();
CREATE TRIGGER provider_watched AFTER UPDATE OF state, every_service ON provider
    FOR EACH ROW WHEN (NEW.state <> OLD.state OR NEW.every_service <> OLD.every_service)
    EXECUTE FUNCTION watch_workers_of_provider();
CREATE TRIGGER provider_area_watched AFTER UPDATE OR DELETE ON provider_area
    FOR EACH ROW EXECUTE FUNCTION watch_workers_of_part();
CREATE TRIGGER provider_service_watched AFTER UPDATE OR DELETE ON provider_service
    FOR EACH ROW EXECUTE FUNCTION watch_workers_of_part();
CREATE TRIGGER worker_leave_watched AFTER INSERT OR UPDATE ON worker_leave
    FOR EACH ROW EXECUTE FUNCTION watch_worker_of();
CREATE TRIGGER exclusion_watched AFTER INSERT ON exclusion FOR EACH ROW EXECUTE FUNCTION watch_worker_of();
CREATE TRIGGER worker_skill_changed AFTER UPDATE ON worker_skill REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION watch_workers_before();
CREATE TRIGGER worker_skill_deleted AFTER DELETE ON worker_skill REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION watch_workers_before();
CREATE TRIGGER worker_shift_changed AFTER UPDATE ON worker_shift REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION watch_workers_before();
CREATE TRIGGER worker_shift_deleted AFTER DELETE ON worker_shift REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION watch_workers_before();

-- Somebody is on the way who may not come any more: only a person can say whether she goes on.
ALTER TABLE service_order
    DROP CONSTRAINT service_order_attention_check,
    ADD CONSTRAINT service_order_attention_check CHECK (attention IN (
        'nobody_eligible', 'nobody_accepted', 'late', 'overrun', 'elder_away', 'likely_late', 'companion_missing',
        'unfit', 'no_show', 'worker_lapsed'));

-- Staff see the providers that serve, or want to serve, any part of what they answer for, and their people.
CREATE FUNCTION provider_audience(at timestamptz)
RETURNS TABLE (provider_id integer, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT provider_area.provider_id, account.id, account.role
    FROM provider_area
    JOIN org_unit AS area ON area.code = provider_area.org_code
    JOIN org_unit AS top ON starts_with(area.path, top.path) OR starts_with(top.path, area.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
      AND (provider_area.valid_to IS NULL OR provider_area.valid_to > at);
END;
CREATE OR REPLACE FUNCTION worker_audience(at timestamptz)
RETURNS TABLE (worker_id integer, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT worker.id, account.id, account.role
    FROM worker
    JOIN provider_area ON provider_area.provider_id = worker.provider_id
    JOIN org_unit AS area ON area.code = provider_area.org_code
    JOIN org_unit AS top ON starts_with(area.path, top.path) OR starts_with(top.path, area.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
      AND (provider_area.valid_to IS NULL OR provider_area.valid_to > at);
END;

CREATE OR REPLACE FUNCTION provider_terms(of_provider integer, of_item text, on_day date)
RETURNS TABLE (offers boolean, most integer)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT provider.every_service OR of_item IS NULL OR EXISTS (
               SELECT FROM provider_service
               WHERE provider_service.provider_id = provider.id AND provider_service.item_code = of_item
                 AND provider_service.valid_from < (on_day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
                 AND (provider_service.valid_to IS NULL
                      OR provider_service.valid_to > on_day::timestamp AT TIME ZONE 'Asia/Shanghai')),
           provider.orders_a_day
    FROM provider WHERE provider.id = of_provider;
END;

-- migrate:down
CREATE OR REPLACE FUNCTION provider_terms(of_provider integer, of_item text, on_day date)
RETURNS TABLE (offers boolean, most integer)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT true, NULL::integer;
END;
CREATE OR REPLACE FUNCTION worker_audience(at timestamptz)
RETURNS TABLE (worker_id integer, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT worker.id, account.id, account.role
    FROM worker
    JOIN provider_area ON provider_area.provider_id = worker.provider_id
    JOIN org_unit AS area ON area.code = provider_area.org_code
    JOIN org_unit AS top ON starts_with(area.path, top.path) OR starts_with(top.path, area.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at);
END;
DROP FUNCTION provider_audience(timestamptz);
UPDATE service_order SET attention = NULL, attention_at = NULL, attention_detail = '{}' WHERE attention = 'worker_lapsed';
ALTER TABLE service_order
    DROP CONSTRAINT service_order_attention_check,
    ADD CONSTRAINT service_order_attention_check CHECK (attention IN (
        'nobody_eligible', 'nobody_accepted', 'late', 'overrun', 'elder_away', 'likely_late', 'companion_missing',
        'unfit', 'no_show'));
DROP TRIGGER worker_watched ON worker;
DROP TRIGGER worker_left_watched ON worker;
DROP TRIGGER account_watched ON account;
DROP TRIGGER provider_watched ON provider;
DROP TRIGGER provider_area_watched ON provider_area;
DROP INDEX provider_area_provider;
DROP TRIGGER exclusion_watched ON exclusion;
DROP TRIGGER worker_skill_changed ON worker_skill;
DROP TRIGGER worker_skill_deleted ON worker_skill;
DROP TRIGGER worker_shift_changed ON worker_shift;
DROP TRIGGER worker_shift_deleted ON worker_shift;
DROP TABLE worker_watch, pool_policy, worker_leave, worker_event;
ALTER TABLE worker_shift DROP COLUMN template_id;
DROP TABLE shift_template, rate_bound, provider_service, provider_document, provider_event;
DROP FUNCTION watch_changed_worker, watch_worker_of, watch_workers_before, watch_workers_of_account,
    watch_workers_of_provider, watch_workers_of_part, watch_again;
DROP INDEX exclusion_worker, worker_skill_once;
ALTER TABLE exclusion DROP COLUMN ended_reason;
-- The earlier schema knows no revoked certificates, no ended areas and no applicants.
DELETE FROM worker_skill WHERE revoked_at IS NOT NULL;
ALTER TABLE worker_skill
    DROP CONSTRAINT worker_skill_revoked, DROP COLUMN id, DROP COLUMN issuer, DROP COLUMN added_at,
    DROP COLUMN checked_by, DROP COLUMN revoked_at, DROP COLUMN revoked_by, DROP COLUMN revoked_reason,
    ADD PRIMARY KEY (worker_id, skill, valid_from);
ALTER TABLE worker DROP CONSTRAINT worker_left, DROP COLUMN left_at, DROP COLUMN left_reason;
DELETE FROM provider_area WHERE valid_to IS NOT NULL;
ALTER TABLE provider_area
    DROP CONSTRAINT provider_area_once, DROP COLUMN valid_from, DROP COLUMN valid_to, DROP COLUMN set_by,
    DROP COLUMN ended_by, ADD PRIMARY KEY (provider_id, org_code);
DROP INDEX provider_due;
UPDATE provider SET state = 'suspended' WHERE state = 'applied';
ALTER TABLE provider
    DROP CONSTRAINT provider_suspended, DROP COLUMN suspended_until, DROP COLUMN contact_name,
    DROP COLUMN contact_phone, DROP COLUMN address, DROP COLUMN orders_a_day, DROP COLUMN orders_at_once,
    DROP COLUMN score, DROP COLUMN every_service, DROP COLUMN due_at,
    DROP CONSTRAINT provider_state_check,
    ADD CONSTRAINT provider_state_check CHECK (state IN ('admitted', 'suspended', 'exited'));
