-- migrate:up
-- Who may see whom is said here once; every route and the feed join these functions. Workers are not in them:
-- their right comes from accepted work, not from an organisation.
CREATE FUNCTION elder_audience(at timestamptz)
RETURNS TABLE (elder_id integer, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT elder.id, account.id, account.role
    FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    JOIN org_unit AS top ON starts_with(home.path, top.path)
    JOIN membership ON membership.org_code = top.code
    JOIN account ON account.id = membership.account_id
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at)
    UNION
    SELECT membership.elder_id, account.id, account.role
    FROM membership
    JOIN account ON account.id = membership.account_id
    WHERE account.role = 'family' AND account.disabled_at IS NULL AND membership.elder_id IS NOT NULL
      AND membership.valid_from <= at AND (membership.valid_to IS NULL OR membership.valid_to > at);
END;

-- An alarm of a device that nobody wears is seen by those who answer for a whole district. The alarm's own times are
-- among the columns because a condition on a column is carried into both halves of the union, where it finds its index;
-- a condition on a joined alarm would not be.
CREATE FUNCTION timed_alarm_audience(at timestamptz)
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

CREATE FUNCTION alarm_audience(at timestamptz)
RETURNS TABLE (alarm_id bigint, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT audience.alarm_id, audience.account_id, audience.role FROM timed_alarm_audience(at) AS audience;
END;

CREATE FUNCTION open_alarm_audience(at timestamptz)
RETURNS TABLE (alarm_id bigint, account_id integer, role text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT audience.alarm_id, audience.account_id, audience.role FROM timed_alarm_audience(at) AS audience
    WHERE audience.ended_at IS NULL;
END;

-- migrate:down
DROP FUNCTION open_alarm_audience(timestamptz), alarm_audience(timestamptz);
DROP FUNCTION timed_alarm_audience(timestamptz), elder_audience(timestamptz);
