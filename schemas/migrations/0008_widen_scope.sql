-- migrate:up
-- A worker's right is to a visit or an alarm, from its acceptance until it ends or is given to another, and never to the
-- register of elders. As in the first version, times are among the columns so that conditions on them find their index
-- in every part of the union. OFFSET 0 keeps the planner from beginning with everybody who lives in an organisation: the
-- cost is to follow the orders asked for, not the register.
CREATE INDEX membership_org ON membership (org_code) WHERE org_code IS NOT NULL;
CREATE INDEX account_staff ON account (id) WHERE role IN ('operator', 'supervisor');

CREATE OR REPLACE FUNCTION timed_alarm_audience(at timestamptz)
RETURNS TABLE (alarm_id bigint, raised_at timestamptz, ended_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    LEFT JOIN household ON household.id = alarm.household_id
    LEFT JOIN org_unit AS home ON home.code = household.org_code
    JOIN org_unit AS top ON CASE WHEN home.code IS NULL THEN top.parent_code IS NULL ELSE starts_with(home.path, top.path) END
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    JOIN elder ON elder.id = alarm.elder_id OR (alarm.elder_id IS NULL AND elder.household_id = alarm.household_id)
    JOIN membership ON membership.elder_id = elder.id
    JOIN account ON account.id = membership.account_id
    WHERE account.role = 'family' AND account.disabled_at IS NULL AND alarm.state <> 'pending' AND NOT alarm.is_test
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    JOIN worker ON worker.id = alarm.responder_id
    JOIN account ON account.id = worker.account_id
    WHERE account.role = 'worker' AND account.disabled_at IS NULL AND alarm.ended_at IS NULL;
END;

CREATE FUNCTION timed_order_audience(at timestamptz)
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

CREATE FUNCTION order_audience(at timestamptz)
RETURNS TABLE (order_id bigint, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT audience.order_id, audience.account_id, audience.role FROM timed_order_audience(at) AS audience;
END;

CREATE FUNCTION open_order_audience(at timestamptz)
RETURNS TABLE (order_id bigint, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT audience.order_id, audience.account_id, audience.role FROM timed_order_audience(at) AS audience
    WHERE audience.ended_at IS NULL;
END;

-- Staff see the people of providers that serve any part of what they answer for.
CREATE FUNCTION worker_audience(at timestamptz)
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

-- migrate:down
DROP FUNCTION worker_audience(timestamptz), open_order_audience(timestamptz), order_audience(timestamptz);
DROP FUNCTION timed_order_audience(timestamptz);
DROP INDEX membership_org, account_staff;
CREATE OR REPLACE FUNCTION timed_alarm_audience(at timestamptz)
RETURNS TABLE (alarm_id bigint, raised_at timestamptz, ended_at timestamptz, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    LEFT JOIN household ON household.id = alarm.household_id
    LEFT JOIN org_unit AS home ON home.code = household.org_code
    JOIN org_unit AS top ON CASE WHEN home.code IS NULL THEN top.parent_code IS NULL ELSE starts_with(home.path, top.path) END
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT alarm.id, alarm.raised_at, alarm.ended_at, account.id, account.role
    FROM alarm
    JOIN elder ON CASE WHEN alarm.elder_id IS NOT NULL THEN elder.id = alarm.elder_id
                       ELSE elder.household_id = alarm.household_id END
    JOIN membership ON membership.elder_id = elder.id
    JOIN account ON account.id = membership.account_id
    WHERE account.role = 'family' AND account.disabled_at IS NULL AND alarm.state <> 'pending' AND NOT alarm.is_test
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at);
END;
