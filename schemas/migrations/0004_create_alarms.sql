-- migrate:up
-- Seconds from the alarm to each promise. Dispatch and on-scene promises are null until there are responders to send:
-- a clock that nobody can stop would teach people to ignore clocks.
CREATE TABLE sla_policy (
    severity text PRIMARY KEY CHECK (severity IN ('emergency', 'urgent', 'advisory', 'technical')),
    answer_seconds integer NOT NULL,
    dispatch_seconds integer,
    on_scene_seconds integer,
    -- An acknowledgement without progress for this long raises the alarm again.
    stale_seconds integer NOT NULL
);
INSERT INTO sla_policy VALUES
    ('emergency', 60, NULL, NULL, 300),
    ('urgent', 180, NULL, NULL, 900),
    ('advisory', 1800, NULL, NULL, 14400),
    ('technical', 14400, NULL, NULL, 86400);

CREATE TABLE escalation_policy (
    severity text NOT NULL REFERENCES sla_policy,
    level smallint NOT NULL CHECK (level > 0),
    after_seconds integer NOT NULL CHECK (after_seconds > 0),
    roles text[] NOT NULL,
    PRIMARY KEY (severity, level)
);
-- Relatives join the chain when they have a page to be called to.
INSERT INTO escalation_policy VALUES
    ('emergency', 1, 20, '{second_seat}'),
    ('emergency', 2, 40, '{second_seat,supervisor}'),
    ('emergency', 3, 60, '{second_seat,supervisor,street_centre}'),
    ('urgent', 1, 60, '{second_seat}'),
    ('urgent', 2, 180, '{second_seat,supervisor}'),
    ('urgent', 3, 600, '{second_seat,supervisor,street_centre}'),
    ('advisory', 1, 1800, '{supervisor}'),
    ('technical', 1, 14400, '{supervisor}');

-- What holds for each severity. An emergency's figures stand in for rows that somebody deleted: an alarm without a policy
-- is raised and rings all the same.
CREATE VIEW severity_policy AS
SELECT known.severity,
       COALESCE(sla_policy.answer_seconds, 60) AS answer_seconds,
       sla_policy.dispatch_seconds,
       sla_policy.on_scene_seconds,
       COALESCE(sla_policy.stale_seconds, 300) AS stale_seconds,
       COALESCE(first.after_seconds, 20) AS first_seconds
FROM (VALUES ('emergency'), ('urgent'), ('advisory'), ('technical')) AS known (severity)
LEFT JOIN sla_policy ON sla_policy.severity = known.severity
LEFT JOIN LATERAL (
    SELECT after_seconds FROM escalation_policy WHERE escalation_policy.severity = known.severity ORDER BY level LIMIT 1
) AS first ON true;

CREATE TABLE alarm (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('emergency', 'urgent', 'advisory', 'technical')),
    state text NOT NULL CHECK (state IN (
        'pending', 'raised', 'acknowledged', 'dispatched', 'on_scene', 'resolved', 'closed', 'cancelled')),
    elder_id integer REFERENCES elder,
    household_id integer REFERENCES household,
    device_key integer NOT NULL REFERENCES device,
    is_test boolean NOT NULL,
    occurred_at timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    last_signal_at timestamptz NOT NULL,
    signal_count integer NOT NULL DEFAULT 1,
    answer_due_at timestamptz,
    dispatch_due_at timestamptz,
    on_scene_due_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by integer REFERENCES account,
    -- When somebody answered for the first time: the SLA clock stops here even if the alarm is raised again.
    answered_at timestamptz,
    dispatched_at timestamptz,
    on_scene_at timestamptz,
    escalation_level smallint NOT NULL DEFAULT 0,
    escalation_roles text[] NOT NULL DEFAULT '{}',
    due_at timestamptz,
    due_reason text CHECK (due_reason IN ('confirm', 'escalate', 'realarm', 'close')),
    ended_at timestamptz,
    resolved_by integer REFERENCES account,
    outcome text,
    details jsonb NOT NULL DEFAULT '{}',
    -- Whom the alarm is about: presses for the same subject and kind join one incident.
    subject text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN elder_id IS NOT NULL THEN 'elder:' || elder_id
             WHEN household_id IS NOT NULL THEN 'household:' || household_id
             ELSE 'device:' || device_key END) STORED,
    CHECK ((ended_at IS NULL) = (state NOT IN ('resolved', 'closed', 'cancelled'))),
    CHECK (ended_at IS NOT NULL OR due_at IS NOT NULL),
    CHECK ((due_at IS NULL) = (due_reason IS NULL))
) WITH (fillfactor = 80);
-- A test alarm is an incident of its own: it never takes in a real press.
CREATE UNIQUE INDEX alarm_open_subject ON alarm (subject, kind, is_test) WHERE ended_at IS NULL;
CREATE INDEX alarm_ended_subject ON alarm (subject, kind, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX alarm_due ON alarm (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX alarm_open ON alarm (id) WHERE ended_at IS NULL;
CREATE INDEX alarm_elder ON alarm (elder_id, id);
CREATE INDEX alarm_raised ON alarm (raised_at);

-- Every event a device sent, with its raw message; identity is (device, boot, seq).
CREATE TABLE device_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_key integer NOT NULL REFERENCES device,
    boot text NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    topic text NOT NULL,
    payload bytea NOT NULL,
    alarm_id bigint REFERENCES alarm,
    UNIQUE (device_key, boot, seq)
);
CREATE INDEX device_event_alarm ON device_event (alarm_id);
CREATE INDEX device_event_device_at ON device_event (device_key, at);

CREATE TABLE alarm_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id bigint NOT NULL REFERENCES alarm,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor_id integer REFERENCES account,
    note text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX alarm_event_alarm ON alarm_event (alarm_id, id);

-- Commands to devices: an outbox, published by dispatch at QoS 0 and repeated until acknowledged or expired.
CREATE TABLE command (
    id uuid PRIMARY KEY,
    device_key integer NOT NULL REFERENCES device,
    kind text NOT NULL CHECK (kind IN ('seen', 'talk', 'ring', 'locate')),
    alarm_id bigint REFERENCES alarm,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    next_try_at timestamptz,
    attempts smallint NOT NULL DEFAULT 0,
    acknowledged_at timestamptz,
    result text
);
CREATE INDEX command_due ON command (next_try_at) WHERE next_try_at IS NOT NULL;

-- What changed, in commit order: append takes an advisory lock as the last statement of its transaction.
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    alarm_id bigint,
    elder_id integer,
    account_id integer
);

-- A new epoch tells every screen that ids it remembers mean nothing any more.
CREATE TABLE feed_epoch (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch uuid NOT NULL
);
INSERT INTO feed_epoch (epoch) VALUES (gen_random_uuid());

-- migrate:down
DROP VIEW severity_policy;
DROP TABLE feed_epoch, event, command, alarm_event, device_event, alarm, escalation_policy, sla_policy;
