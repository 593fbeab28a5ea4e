-- migrate:up
-- What is promised of an alarm, in seconds from the moment it rings. A policy is never changed: a new version ends the one
-- before it. Null is "whichever" for unit and kind, and "not promised" for seconds. The nearest unit's policy is taken, of
-- those the kind's own. Alarms keep the policy under which their clocks began.
CREATE TABLE promise_policy (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_code text REFERENCES org_unit,
    kind text,
    severity text NOT NULL CHECK (severity IN ('emergency', 'urgent', 'advisory', 'technical')),
    answer_seconds integer NOT NULL CHECK (answer_seconds BETWEEN 1 AND 2592000),
    -- Somebody was asked to go, has said yes, is there; the alarm has an outcome.
    dispatch_seconds integer CHECK (dispatch_seconds BETWEEN 1 AND 2592000),
    accept_seconds integer CHECK (accept_seconds BETWEEN 1 AND 2592000),
    on_scene_seconds integer CHECK (on_scene_seconds BETWEEN 1 AND 2592000),
    resolve_seconds integer CHECK (resolve_seconds BETWEEN 1 AND 2592000),
    note text,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    -- Null for those that came with the service.
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account,
    CHECK (answer_seconds <= LEAST(dispatch_seconds, accept_seconds, on_scene_seconds, resolve_seconds)),
    CHECK (dispatch_seconds <= LEAST(accept_seconds, on_scene_seconds, resolve_seconds)),
    CHECK (accept_seconds <= LEAST(on_scene_seconds, resolve_seconds)),
    CHECK (on_scene_seconds <= resolve_seconds)
);
CREATE UNIQUE INDEX promise_policy_standing ON promise_policy (org_code, kind, severity) NULLS NOT DISTINCT
    WHERE valid_to IS NULL;
CREATE TRIGGER promise_policy_stays BEFORE UPDATE ON promise_policy
    FOR EACH ROW WHEN (to_jsonb(NEW) - '{valid_to,ended_by}'::text[] <> to_jsonb(OLD) - '{valid_to,ended_by}'::text[])
    EXECUTE FUNCTION refuse_policy_change();
INSERT INTO promise_policy (severity, answer_seconds, dispatch_seconds, accept_seconds, on_scene_seconds, resolve_seconds,
                            valid_from)
SELECT policy.severity, policy.answer_seconds, chain.dispatch,
       CASE WHEN more.accept BETWEEN chain.dispatch AND chain.on_scene THEN more.accept ELSE chain.dispatch END,
       chain.on_scene, GREATEST(more.resolve, policy.answer_seconds, chain.dispatch, chain.on_scene), '2020-01-01Z'
FROM sla_policy AS policy
JOIN (VALUES ('emergency', 300, 7200), ('urgent', 1200, 14400), ('advisory', NULL, 86400), ('technical', NULL, 604800))
    AS more (severity, accept, resolve) USING (severity)
CROSS JOIN LATERAL (
    SELECT CASE WHEN policy.dispatch_seconds IS NOT NULL
                THEN GREATEST(policy.dispatch_seconds, policy.answer_seconds) END AS dispatch,
           CASE WHEN policy.on_scene_seconds IS NOT NULL
                THEN GREATEST(policy.on_scene_seconds, policy.dispatch_seconds, policy.answer_seconds) END AS on_scene
) AS chain;

-- The policy that holds now for an alarm of a severity and kind at a unit (null: at nobody's home). One row always: an
-- emergency's time to answer stands in where somebody has deleted the policies.
CREATE FUNCTION promised(of_severity text, of_kind text, at_unit text)
RETURNS TABLE (policy_id integer, answer_seconds integer, dispatch_seconds integer, accept_seconds integer,
               on_scene_seconds integer, resolve_seconds integer)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT found.id, COALESCE(found.answer_seconds, 60), found.dispatch_seconds, found.accept_seconds,
           found.on_scene_seconds, found.resolve_seconds
    FROM (VALUES (1)) AS always (one)
    LEFT JOIN LATERAL (
        SELECT policy.* FROM promise_policy AS policy
        LEFT JOIN org_unit AS unit ON unit.code = policy.org_code
        WHERE policy.valid_to IS NULL AND policy.severity = of_severity
          AND (policy.kind IS NULL OR policy.kind = of_kind)
          AND (policy.org_code IS NULL
               OR starts_with((SELECT home.path FROM org_unit AS home WHERE home.code = at_unit), unit.path))
        ORDER BY length(unit.path) DESC NULLS LAST, policy.kind NULLS LAST
        LIMIT 1
    ) AS found ON true;
END;

-- For what the clocks may stand still, for how long at most, and whether in an emergency too.
CREATE TABLE pause_reason (
    code text PRIMARY KEY CHECK (code ~ '^[a-z0-9_]{1,40}$'),
    name_zh text NOT NULL CHECK (name_zh <> ''),
    name_en text NOT NULL CHECK (name_en <> ''),
    most_minutes integer NOT NULL CHECK (most_minutes BETWEEN 1 AND 10080),
    in_emergency boolean NOT NULL,
    retired_at timestamptz
);
INSERT INTO pause_reason VALUES
    ('ambulance_under_way', '等待急救车', 'Waiting for the ambulance', 60, true),
    ('no_access', '无法入户，等待钥匙保管人', 'No access: waiting for who keeps the key', 60, true),
    ('road_blocked', '道路或天气受阻', 'Road or weather does not let anybody through', 120, true),
    ('elder_asks_later', '老人要求稍后', 'The elder asks to come later', 720, false),
    ('waiting_for_family', '等待家属', 'Waiting for the family', 240, false),
    ('waiting_for_part', '等待配件或换新设备', 'Waiting for a part or another device', 10080, false);

ALTER TABLE alarm
    ADD COLUMN promise_policy_id integer REFERENCES promise_policy,
    ADD COLUMN accept_due_at timestamptz,
    ADD COLUMN accepted_at timestamptz,
    ADD COLUMN resolve_due_at timestamptz,
    -- The desk at which somebody first answered.
    ADD COLUMN answered_seat integer REFERENCES seat,
    -- When somebody next looks whether a promise was broken; null once all are decided.
    ADD COLUMN sla_due_at timestamptz,
    -- Promises whose clock was settled before the alarm got worse, and those whose breach has been told.
    ADD COLUMN settled text[] NOT NULL DEFAULT '{}',
    ADD COLUMN breaches text[] NOT NULL DEFAULT '{}',
    -- Since when and until when at most the clocks stand still, and why.
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN paused_until timestamptz,
    ADD COLUMN pause_reason text REFERENCES pause_reason,
    ADD CONSTRAINT alarm_paused CHECK (num_nonnulls(paused_at, paused_until, pause_reason) IN (0, 3)),
    ADD CONSTRAINT alarm_pause_ends CHECK (paused_until > paused_at);
-- Until now somebody was said to be sent when a responder had accepted.
UPDATE alarm
SET accepted_at = dispatched_at, promise_policy_id = policy.id,
    accept_due_at = answer_due_at + make_interval(secs => policy.accept_seconds - policy.answer_seconds),
    resolve_due_at = answer_due_at + make_interval(secs => policy.resolve_seconds - policy.answer_seconds),
    sla_due_at = CASE WHEN ended_at IS NULL AND NOT is_test THEN answer_due_at END
FROM promise_policy AS policy WHERE policy.severity = alarm.severity;
CREATE INDEX alarm_sla_due ON alarm (sla_due_at) WHERE sla_due_at IS NOT NULL;

-- What became of the promises of an alarm that then got worse and made them anew: kept, or broken.
CREATE TABLE earlier_promise (
    alarm_id bigint NOT NULL REFERENCES alarm,
    promise text NOT NULL CHECK (promise IN ('answer', 'dispatch', 'accept', 'on_scene', 'resolve')),
    severity text NOT NULL,
    seconds integer NOT NULL,
    due_at timestamptz NOT NULL,
    met_at timestamptz,
    -- Where the clock stood: when it was met, else when the alarm got worse.
    stood_at timestamptz NOT NULL,
    seat_id integer REFERENCES seat,
    -- A breach of which nobody has been told.
    untold boolean NOT NULL,
    PRIMARY KEY (alarm_id, promise, due_at)
);
CREATE INDEX earlier_promise_untold ON earlier_promise (alarm_id) WHERE untold;

DROP VIEW severity_policy;
ALTER TABLE sla_policy DROP COLUMN answer_seconds, DROP COLUMN dispatch_seconds, DROP COLUMN on_scene_seconds;
CREATE VIEW severity_policy AS
SELECT known.severity,
       COALESCE(sla_policy.stale_seconds, 300) AS stale_seconds,
       COALESCE(sla_policy.offer_seconds, 30) AS offer_seconds,
       COALESCE(sla_policy.offers_at_once, 3::smallint) AS offers_at_once
FROM (VALUES ('emergency'), ('urgent'), ('advisory'), ('technical')) AS known (severity)
LEFT JOIN sla_policy ON sla_policy.severity = known.severity;

-- migrate:down
DROP VIEW severity_policy;
ALTER TABLE sla_policy
    ADD COLUMN answer_seconds integer NOT NULL DEFAULT 60,
    ADD COLUMN dispatch_seconds integer,
    ADD COLUMN on_scene_seconds integer;
ALTER TABLE sla_policy ALTER COLUMN answer_seconds DROP DEFAULT;
UPDATE sla_policy
SET answer_seconds = policy.answer_seconds, dispatch_seconds = policy.dispatch_seconds,
    on_scene_seconds = policy.on_scene_seconds
FROM promise_policy AS policy
WHERE policy.severity = sla_policy.severity AND num_nonnulls(policy.org_code, policy.kind, policy.valid_to) = 0;
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
DROP TABLE earlier_promise;
UPDATE alarm SET dispatched_at = accepted_at;
ALTER TABLE alarm
    DROP COLUMN promise_policy_id, DROP COLUMN accept_due_at, DROP COLUMN accepted_at, DROP COLUMN resolve_due_at,
    DROP COLUMN answered_seat, DROP COLUMN sla_due_at, DROP COLUMN settled, DROP COLUMN breaches,
    DROP COLUMN paused_at, DROP COLUMN paused_until, DROP COLUMN pause_reason;
DROP TABLE pause_reason;
DROP FUNCTION promised(text, text, text);
DROP TABLE promise_policy;
