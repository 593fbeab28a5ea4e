-- migrate:up
-- Where meals are cooked. A provider's own kitchen serves its workers alone; without one anybody may be sent there.
CREATE TABLE kitchen (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    org_code text NOT NULL REFERENCES org_unit,
    lat double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    provider_id integer REFERENCES provider,
    -- From leaving the kitchen to the door.
    hot_minutes smallint NOT NULL DEFAULT 60 CHECK (hot_minutes BETWEEN 5 AND 240),
    closed_at timestamptz
);

-- How many meals she can carry at once, and what elders think of her visits, from 1 to 5, kept by the engine; null until
-- anybody said so.
ALTER TABLE worker
    ADD COLUMN carries smallint NOT NULL DEFAULT 20 CHECK (carries > 0),
    ADD COLUMN rating real CHECK (rating BETWEEN 1 AND 5);

ALTER TABLE service_order
    ADD COLUMN kitchen_id integer REFERENCES kitchen,
    -- When its meal is to leave the kitchen, by the day of the worker who has it.
    ADD COLUMN pickup_at timestamptz,
    -- The plan in which its visit was promised.
    ADD COLUMN plan_id bigint,
    -- Until when whoever sees it in the hall may take it.
    ADD COLUMN hall_until timestamptz,
    -- The lead's and the companion's: two workers come.
    ADD COLUMN together boolean NOT NULL DEFAULT false,
    -- Where it is: the home, or else the nearest place above it that is on the map. Kept here, because a search reads some
    -- thousand visits, and to look up the home of each took longer than everything else.
    ADD COLUMN place_lat double precision,
    ADD COLUMN place_lon double precision;
CREATE FUNCTION place_of_elder(of_elder integer)
RETURNS TABLE (lat double precision, lon double precision)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT COALESCE(household.lat, point.lat), COALESCE(household.lon, point.lon)
    FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    LEFT JOIN LATERAL (
        SELECT above.lat, above.lon FROM org_unit AS above
        WHERE starts_with(home.path, above.path) AND above.lat IS NOT NULL AND above.lon IS NOT NULL
        ORDER BY length(above.path) DESC LIMIT 1
    ) AS point ON household.lat IS NULL OR household.lon IS NULL
    WHERE elder.id = of_elder;
END;
-- Where what is delivered to an elder comes from: the nearest kitchen of the district that is open; for a provider's worker
-- only one at which she may fetch.
CREATE FUNCTION nearest_kitchen(of_elder integer, to_lat double precision, to_lon double precision, for_provider integer)
RETURNS integer
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT kitchen.id
    FROM kitchen
    JOIN org_unit AS unit ON unit.code = kitchen.org_code
    JOIN elder ON elder.id = of_elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE kitchen.closed_at IS NULL AND split_part(unit.path, '/', 1) = split_part(home.path, '/', 1)
      AND (for_provider IS NULL OR kitchen.provider_id IS NULL OR kitchen.provider_id = for_provider)
    ORDER BY point(kitchen.lon * cosd(kitchen.lat), kitchen.lat) <-> point(to_lon * cosd(kitchen.lat), to_lat), kitchen.id
    LIMIT 1;
END;
CREATE FUNCTION place_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT place.lat, place.lon INTO NEW.place_lat, NEW.place_lon FROM place_of_elder(NEW.elder_id) AS place;
    NEW.together := NEW.lead_id IS NOT NULL;
    IF NEW.kitchen_id IS NULL AND (
        SELECT from_kitchen FROM catalogue_item WHERE code = NEW.item_code AND version = NEW.item_version) THEN
        NEW.kitchen_id := nearest_kitchen(NEW.elder_id, NEW.place_lat, NEW.place_lon, NULL);
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION pair_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE service_order SET together = true WHERE id = NEW.lead_id;
    RETURN NULL;
END $$;
CREATE TRIGGER service_order_paired AFTER INSERT ON service_order
    FOR EACH ROW WHEN (NEW.lead_id IS NOT NULL) EXECUTE FUNCTION pair_orders();
UPDATE service_order SET together = true
WHERE lead_id IS NOT NULL OR id IN (SELECT lead_id FROM service_order WHERE lead_id IS NOT NULL);
CREATE TRIGGER service_order_placed BEFORE INSERT ON service_order FOR EACH ROW EXECUTE FUNCTION place_order();
CREATE FUNCTION move_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE service_order SET place_lat = place.lat, place_lon = place.lon
    FROM elder, LATERAL place_of_elder(elder.id) AS place
    WHERE service_order.elder_id = elder.id AND service_order.ended_at IS NULL
      AND (TG_TABLE_NAME = 'elder' AND elder.id = NEW.id OR TG_TABLE_NAME = 'household' AND elder.household_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER household_moved AFTER UPDATE OF lat, lon, org_code ON household
    FOR EACH ROW WHEN ((OLD.lat, OLD.lon, OLD.org_code) IS DISTINCT FROM (NEW.lat, NEW.lon, NEW.org_code))
    EXECUTE FUNCTION move_orders();
CREATE TRIGGER elder_moved AFTER UPDATE OF household_id ON elder
    FOR EACH ROW WHEN (OLD.household_id <> NEW.household_id) EXECUTE FUNCTION move_orders();
UPDATE service_order SET place_lat = place.lat, place_lon = place.lon
FROM elder, LATERAL place_of_elder(elder.id) AS place
WHERE service_order.elder_id = elder.id AND service_order.ended_at IS NULL;
CREATE INDEX service_order_day ON service_order (worker_id, window_from)
    WHERE worker_id IS NOT NULL AND state NOT IN ('requested', 'offered', 'cancelled', 'failed');
CREATE INDEX service_order_hall ON service_order (hall_until) WHERE state = 'offered' AND hall_until IS NOT NULL;

-- Weights are never changed: a new version ends the one before it. In minutes of travel: one more visit a day than the
-- workers of other providers have on average, a month's earnings twice as high as theirs, a star less than the best,
-- a day in which nothing may go wrong any more, a worker of the other sex than was wished for, and what it is worth that
-- she is the one who usually comes.
ALTER TABLE ranking_policy
    DROP CONSTRAINT ranking_policy_pkey,
    ADD COLUMN id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN usual_minutes real NOT NULL DEFAULT 0 CHECK (usual_minutes >= 0),
    ADD COLUMN balance_minutes real NOT NULL DEFAULT 0 CHECK (balance_minutes >= 0),
    ADD COLUMN earnings_minutes real NOT NULL DEFAULT 0 CHECK (earnings_minutes >= 0),
    ADD COLUMN rating_minutes real NOT NULL DEFAULT 0 CHECK (rating_minutes >= 0),
    ADD COLUMN risk_minutes real NOT NULL DEFAULT 0 CHECK (risk_minutes >= 0),
    ADD COLUMN sex_minutes real NOT NULL DEFAULT 0 CHECK (sex_minutes >= 0),
    -- More slack than this is as good as any.
    ADD COLUMN calm_minutes real NOT NULL DEFAULT 30 CHECK (calm_minutes > 0),
    -- So long before its window closes a visit is to begin, where anybody can manage that.
    ADD COLUMN spare_minutes real NOT NULL DEFAULT 0 CHECK (spare_minutes >= 0),
    ADD COLUMN note text,
    ADD COLUMN valid_from timestamptz NOT NULL DEFAULT '2020-01-01Z',
    ADD COLUMN valid_to timestamptz CHECK (valid_to >= valid_from),
    -- Null for those that came with the service.
    ADD COLUMN set_by integer REFERENCES account,
    ADD COLUMN ended_by integer REFERENCES account;
CREATE UNIQUE INDEX ranking_policy_standing ON ranking_policy (task) WHERE valid_to IS NULL;
UPDATE ranking_policy
SET usual_minutes = 4, balance_minutes = 1, earnings_minutes = 2, rating_minutes = 2, risk_minutes = 6, sex_minutes = 10,
    load_minutes = 1, spare_minutes = 10
WHERE task = 'order';

-- How orders of an assist find their worker, where the order itself does not say: hall_seconds is how long one stays in
-- the hall before somebody is asked, hall_most how many visits taken there a worker may have before her. What waits for
-- the plan of its day does so until the cut-off on the day before (district time) and the minutes that planning takes.
ALTER TABLE order_policy
    ADD COLUMN mode text NOT NULL DEFAULT 'sequence' CHECK (mode IN ('sequence', 'best', 'hall', 'plan')),
    ADD COLUMN hall_seconds integer NOT NULL DEFAULT 600 CHECK (hall_seconds > 0),
    ADD COLUMN hall_most smallint NOT NULL DEFAULT 3 CHECK (hall_most > 0),
    ADD COLUMN plan_cutoff time NOT NULL DEFAULT '18:00',
    ADD COLUMN plan_minutes smallint NOT NULL DEFAULT 60 CHECK (plan_minutes BETWEEN 1 AND 600),
    -- So long before its window an order that nobody takes becomes somebody's task.
    ADD COLUMN unfilled_seconds integer NOT NULL DEFAULT 7200 CHECK (unfilled_seconds > 0);
UPDATE order_policy SET mode = 'best' WHERE offers_at_once > 1;
CREATE OR REPLACE VIEW assist_policy AS
SELECT known.assist,
       COALESCE(order_policy.accept_seconds, 600) AS accept_seconds,
       COALESCE(order_policy.offer_seconds, 90) AS offer_seconds,
       COALESCE(order_policy.offers_at_once, 1::smallint) AS offers_at_once,
       COALESCE(order_policy.overrun_seconds, 1800) AS overrun_seconds,
       COALESCE(order_policy.confirm_seconds, 86400) AS confirm_seconds,
       COALESCE(order_policy.mode, 'sequence') AS policy_mode,
       COALESCE(order_policy.hall_seconds, 600) AS hall_seconds,
       COALESCE(order_policy.hall_most, 3::smallint) AS hall_most,
       COALESCE(order_policy.plan_cutoff, '18:00'::time) AS plan_cutoff,
       COALESCE(order_policy.plan_minutes, 60::smallint) AS plan_minutes,
       COALESCE(order_policy.unfilled_seconds, 7200) AS unfilled_seconds
FROM (VALUES ('clean'), ('meal'), ('bath'), ('walk'), ('emergency'), ('medical')) AS known (assist)
LEFT JOIN order_policy ON order_policy.assist = known.assist;

-- A search looks for somebody to take an order as well as to go to an alarm.
ALTER TABLE responder_search
    ALTER COLUMN alarm_id DROP NOT NULL,
    ADD COLUMN order_id bigint REFERENCES service_order,
    ADD COLUMN mode text CHECK (mode IN ('sequence', 'best', 'hall', 'plan')),
    -- The weights under which everybody was held against it.
    ADD COLUMN policy_id integer REFERENCES ranking_policy,
    ADD CONSTRAINT responder_search_subject CHECK (num_nonnulls(alarm_id, order_id) = 1);
CREATE INDEX responder_search_order ON responder_search (order_id, id) WHERE order_id IS NOT NULL;

ALTER TABLE offer
    -- How she came to it: asked, seen in the hall, promised by a plan.
    ADD COLUMN via text NOT NULL DEFAULT 'asked' CHECK (via IN ('asked', 'hall', 'plan'));
CREATE INDEX offer_taken ON offer (worker_id, answered_at) WHERE via = 'hall';

-- Whether a provider offers an item, and how many visits it takes on a day; null: as many as its workers can do.
CREATE FUNCTION provider_terms(of_provider integer, of_item text, on_day date)
RETURNS TABLE (offers boolean, most integer)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT true, NULL::integer;
END;

-- What a provider's workers earned in the last 30 days, kept by the engine for the balance between providers.
CREATE TABLE provider_standing (
    provider_id integer PRIMARY KEY REFERENCES provider ON DELETE CASCADE,
    workers integer NOT NULL,
    -- For each of its workers, in fen.
    earned_fen bigint NOT NULL,
    -- That, over what a worker of all providers together earned.
    share real NOT NULL CHECK (share >= 0),
    at timestamptz NOT NULL
);

-- Relatives see a visit by two workers as the one that was ordered.
CREATE OR REPLACE FUNCTION timed_order_audience(at timestamptz)
RETURNS TABLE (order_id bigint, requested_at timestamptz, ended_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT service_order.id, service_order.requested_at, service_order.ended_at, account.id, account.role
    FROM service_order
    CROSS JOIN LATERAL (
        SELECT org_unit.path FROM elder
        JOIN household ON household.id = elder.household_id
        JOIN org_unit ON org_unit.code = household.org_code
        WHERE elder.id = service_order.elder_id
        OFFSET 0
    ) AS home
    JOIN org_unit AS top ON starts_with(home.path, top.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT service_order.id, service_order.requested_at, service_order.ended_at, account.id, account.role
    FROM service_order
    JOIN membership ON membership.elder_id = service_order.elder_id
    JOIN account ON account.id = membership.account_id
    WHERE account.role = 'family' AND account.disabled_at IS NULL AND NOT service_order.is_test
      AND service_order.lead_id IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT service_order.id, service_order.requested_at, service_order.ended_at, account.id, account.role
    FROM service_order
    JOIN worker ON worker.id = service_order.worker_id
    JOIN account ON account.id = worker.account_id
    WHERE account.role = 'worker' AND account.disabled_at IS NULL
      AND service_order.state IN ('accepted', 'en_route', 'checked_in', 'in_service');
END;

-- migrate:down
CREATE OR REPLACE FUNCTION timed_order_audience(at timestamptz)
RETURNS TABLE (order_id bigint, requested_at timestamptz, ended_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT service_order.id, service_order.requested_at, service_order.ended_at, account.id, account.role
    FROM service_order
    CROSS JOIN LATERAL (
        SELECT org_unit.path FROM elder
        JOIN household ON household.id = elder.household_id
        JOIN org_unit ON org_unit.code = household.org_code
        WHERE elder.id = service_order.elder_id
        OFFSET 0
    ) AS home
    JOIN org_unit AS top ON starts_with(home.path, top.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT service_order.id, service_order.requested_at, service_order.ended_at, account.id, account.role
    FROM service_order
    JOIN membership ON membership.elder_id = service_order.elder_id
    JOIN account ON account.id = membership.account_id
    WHERE account.role = 'family' AND account.disabled_at IS NULL AND NOT service_order.is_test
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT service_order.id, service_order.requested_at, service_order.ended_at, account.id, account.role
    FROM service_order
    JOIN worker ON worker.id = service_order.worker_id
    JOIN account ON account.id = worker.account_id
    WHERE account.role = 'worker' AND account.disabled_at IS NULL
      AND service_order.state IN ('accepted', 'en_route', 'checked_in', 'in_service');
END;
DROP TABLE provider_standing;
DROP FUNCTION provider_terms(integer, text, date);
DROP INDEX offer_taken;
ALTER TABLE offer DROP COLUMN via;
UPDATE offer SET search_id = NULL WHERE search_id IN (SELECT id FROM responder_search WHERE order_id IS NOT NULL);
DELETE FROM responder_search WHERE order_id IS NOT NULL;
DROP INDEX responder_search_order;
ALTER TABLE responder_search
    DROP CONSTRAINT responder_search_subject, DROP COLUMN order_id, DROP COLUMN mode, DROP COLUMN policy_id,
    ALTER COLUMN alarm_id SET NOT NULL;
DROP VIEW assist_policy;
ALTER TABLE order_policy
    DROP COLUMN mode, DROP COLUMN hall_seconds, DROP COLUMN hall_most, DROP COLUMN plan_cutoff, DROP COLUMN plan_minutes,
    DROP COLUMN unfilled_seconds;
CREATE VIEW assist_policy AS
SELECT known.assist,
       COALESCE(order_policy.accept_seconds, 600) AS accept_seconds,
       COALESCE(order_policy.offer_seconds, 90) AS offer_seconds,
       COALESCE(order_policy.offers_at_once, 1::smallint) AS offers_at_once,
       COALESCE(order_policy.overrun_seconds, 1800) AS overrun_seconds,
       COALESCE(order_policy.confirm_seconds, 86400) AS confirm_seconds
FROM (VALUES ('clean'), ('meal'), ('bath'), ('walk'), ('emergency'), ('medical')) AS known (assist)
LEFT JOIN order_policy ON order_policy.assist = known.assist;
DELETE FROM ranking_policy WHERE valid_to IS NOT NULL;
UPDATE ranking_policy SET load_minutes = 5 WHERE task = 'order';
DROP INDEX ranking_policy_standing;
ALTER TABLE ranking_policy
    DROP COLUMN id, DROP COLUMN usual_minutes, DROP COLUMN balance_minutes, DROP COLUMN earnings_minutes,
    DROP COLUMN rating_minutes, DROP COLUMN risk_minutes, DROP COLUMN sex_minutes, DROP COLUMN calm_minutes, DROP COLUMN spare_minutes,
    DROP COLUMN note, DROP COLUMN valid_from, DROP COLUMN valid_to, DROP COLUMN set_by, DROP COLUMN ended_by,
    ADD PRIMARY KEY (task);
DROP INDEX service_order_hall;
DROP TRIGGER service_order_placed ON service_order;
DROP TRIGGER service_order_paired ON service_order;
DROP TRIGGER household_moved ON household;
DROP TRIGGER elder_moved ON elder;
DROP FUNCTION place_order(), pair_orders(), move_orders(), place_of_elder(integer),
    nearest_kitchen(integer, double precision, double precision, integer);
DROP INDEX service_order_day;
ALTER TABLE service_order
    DROP COLUMN kitchen_id, DROP COLUMN pickup_at, DROP COLUMN plan_id, DROP COLUMN hall_until, DROP COLUMN together,
    DROP COLUMN place_lat, DROP COLUMN place_lon;
ALTER TABLE worker DROP COLUMN carries, DROP COLUMN rating;
DROP TABLE kitchen;
