-- migrate:up
-- What can be ordered. An order keeps the version it was sold under; a new version ends the one before it.
CREATE TABLE catalogue_item (
    code text NOT NULL CHECK (code ~ '^[a-z0-9_]{1,40}$'),
    version smallint NOT NULL CHECK (version > 0),
    assist text NOT NULL CHECK (assist IN ('clean', 'meal', 'bath', 'walk', 'emergency', 'medical')),
    name_zh text NOT NULL,
    name_en text NOT NULL,
    duration_minutes smallint NOT NULL CHECK (duration_minutes BETWEEN 1 AND 1440),
    skills text[] NOT NULL,
    -- How long the promised window of arrival is unless the order says otherwise.
    window_minutes smallint NOT NULL CHECK (window_minutes BETWEEN 10 AND 1440),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to > valid_from),
    PRIMARY KEY (code, version),
    EXCLUDE USING gist (code WITH =, tstzrange(valid_from, valid_to) WITH &&)
);
INSERT INTO catalogue_item VALUES
    ('meal', 1, 'meal', '助餐（送餐上门）', 'Meal delivery', 15, '{meal_delivery}', 60, '2020-01-01Z', NULL),
    ('bath', 1, 'bath', '助浴（上门助浴）', 'Assisted bath', 60, '{bathing}', 120, '2020-01-01Z', NULL),
    ('escort', 1, 'medical', '助医（陪同就医）', 'Medical escort', 180, '{medical_escort}', 60, '2020-01-01Z', NULL);

-- Promises and offers by assist: seconds from the order to its acceptance, how long an offer stands, to how many at once.
CREATE TABLE order_policy (
    assist text PRIMARY KEY CHECK (assist IN ('clean', 'meal', 'bath', 'walk', 'emergency', 'medical')),
    accept_seconds integer NOT NULL CHECK (accept_seconds > 0),
    offer_seconds integer NOT NULL CHECK (offer_seconds > 0),
    offers_at_once smallint NOT NULL CHECK (offers_at_once > 0),
    -- How much longer than planned a visit may last before a person looks.
    overrun_seconds integer NOT NULL DEFAULT 1800 CHECK (overrun_seconds > 0),
    -- A visit that nobody confirmed counts as confirmed after this time.
    confirm_seconds integer NOT NULL DEFAULT 86400 CHECK (confirm_seconds > 0)
);
INSERT INTO order_policy (assist, accept_seconds, offer_seconds, offers_at_once) VALUES
    ('clean', 600, 90, 1), ('meal', 600, 90, 1), ('bath', 600, 90, 1),
    ('walk', 600, 90, 1), ('emergency', 600, 90, 3), ('medical', 600, 90, 2);

-- What holds for each assist. Figures stand in for rows that somebody deleted: an order without a policy is dealt with
-- all the same.
CREATE VIEW assist_policy AS
SELECT known.assist,
       COALESCE(order_policy.accept_seconds, 600) AS accept_seconds,
       COALESCE(order_policy.offer_seconds, 90) AS offer_seconds,
       COALESCE(order_policy.offers_at_once, 1::smallint) AS offers_at_once,
       COALESCE(order_policy.overrun_seconds, 1800) AS overrun_seconds,
       COALESCE(order_policy.confirm_seconds, 86400) AS confirm_seconds
FROM (VALUES ('clean'), ('meal'), ('bath'), ('walk'), ('emergency'), ('medical')) AS known (assist)
LEFT JOIN order_policy ON order_policy.assist = known.assist;

-- What makes one candidate better than another: minutes of travel, and what a visit already taken today and an earlier
-- visit to the same elder are worth in such minutes.
CREATE TABLE ranking_policy (
    task text PRIMARY KEY CHECK (task IN ('order', 'alarm')),
    travel_weight real NOT NULL CHECK (travel_weight >= 0),
    load_minutes real NOT NULL CHECK (load_minutes >= 0),
    familiarity_minutes real NOT NULL CHECK (familiarity_minutes >= 0)
);
INSERT INTO ranking_policy VALUES ('order', 1, 5, 6), ('alarm', 1, 0, 1);

CREATE TABLE service_order (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder,
    item_code text NOT NULL,
    item_version smallint NOT NULL,
    state text NOT NULL CHECK (state IN (
        'requested', 'offered', 'accepted', 'en_route', 'checked_in', 'in_service',
        'completed', 'confirmed', 'settled', 'cancelled', 'failed')),
    is_test boolean NOT NULL,
    skills text[] NOT NULL,
    duration_minutes smallint NOT NULL,
    window_from timestamptz NOT NULL,
    window_to timestamptz NOT NULL CHECK (window_to > window_from),
    note text,
    requested_at timestamptz NOT NULL,
    requested_by integer NOT NULL REFERENCES account,
    accept_due_at timestamptz NOT NULL,
    worker_id integer REFERENCES worker,
    accepted_at timestamptz,
    departed_at timestamptz,
    checked_in_at timestamptz,
    begun_at timestamptz,
    completed_at timestamptz,
    confirmed_at timestamptz,
    confirmed_by integer REFERENCES account,
    ended_at timestamptz,
    end_reason text,
    -- Where the worker stood at both ends of the visit, and how far from the home, in metres.
    checked_in_lat double precision,
    checked_in_lon double precision,
    checked_in_accuracy_m real,
    checked_in_distance_m real,
    completed_lat double precision,
    completed_lon double precision,
    completed_accuracy_m real,
    completed_distance_m real,
    -- Why a person must look at it, and what the engine found.
    attention text CHECK (attention IN ('nobody_eligible', 'nobody_accepted', 'late', 'overrun', 'elder_away')),
    attention_at timestamptz,
    attention_detail jsonb NOT NULL DEFAULT '{}',
    due_at timestamptz,
    due_reason text CHECK (due_reason IN ('assign', 'offer', 'arrive', 'finish', 'confirm')),
    FOREIGN KEY (item_code, item_version) REFERENCES catalogue_item (code, version),
    CHECK ((ended_at IS NULL) = (state NOT IN ('completed', 'confirmed', 'settled', 'cancelled', 'failed'))),
    CHECK (ended_at IS NOT NULL OR due_at IS NOT NULL),
    CHECK ((due_at IS NULL) = (due_reason IS NULL)),
    CHECK ((attention IS NULL) = (attention_at IS NULL)),
    CHECK (CASE WHEN state IN ('requested', 'offered') THEN worker_id IS NULL
                WHEN state = 'cancelled' THEN true
                ELSE worker_id IS NOT NULL END)
) WITH (fillfactor = 80);
CREATE INDEX service_order_due ON service_order (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX service_order_open ON service_order (id) WHERE ended_at IS NULL;
CREATE INDEX service_order_elder ON service_order (elder_id, id);
CREATE INDEX service_order_worker ON service_order (worker_id, window_from) WHERE worker_id IS NOT NULL;
CREATE INDEX service_order_requested ON service_order (requested_at);

CREATE TABLE order_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES service_order,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor_id integer REFERENCES account,
    note text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX order_event_order ON order_event (order_id, id);

-- One question to one worker; 'lost' is an answer that came after somebody else's. Who has the task now is said by the
-- order or the alarm: when it was given to another, both offers were accepted once.
CREATE TABLE offer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint REFERENCES service_order,
    alarm_id bigint REFERENCES alarm,
    worker_id integer NOT NULL REFERENCES worker,
    state text NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'expired', 'withdrawn', 'lost')),
    offered_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > offered_at),
    answered_at timestamptz,
    decline_reason text CHECK (decline_reason IN ('busy', 'too_far', 'unwell', 'other')),
    -- Why this worker: place in the ranking, minutes and metres of travel, load, familiarity, cost.
    reasons jsonb NOT NULL,
    CHECK (num_nonnulls(order_id, alarm_id) = 1)
);
CREATE UNIQUE INDEX offer_open_order ON offer (order_id, worker_id) WHERE state = 'open' AND order_id IS NOT NULL;
CREATE UNIQUE INDEX offer_open_alarm ON offer (alarm_id, worker_id) WHERE state = 'open' AND alarm_id IS NOT NULL;
CREATE INDEX offer_order ON offer (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX offer_alarm ON offer (alarm_id) WHERE alarm_id IS NOT NULL;
CREATE INDEX offer_worker_open ON offer (worker_id) WHERE state = 'open';

-- Who goes to an alarm. The search has a deadline of its own beside that of the escalation.
ALTER TABLE alarm
    ADD COLUMN response_state text CHECK (response_state IN ('searching', 'found', 'nobody')),
    ADD COLUMN response_due_at timestamptz,
    ADD COLUMN response_detail jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN responder_id integer REFERENCES worker,
    ADD CHECK ((response_state = 'searching') = (response_due_at IS NOT NULL)),
    ADD CHECK ((response_state = 'found') = (responder_id IS NOT NULL));
CREATE INDEX alarm_response_due ON alarm (response_due_at) WHERE response_due_at IS NOT NULL;
CREATE INDEX alarm_responder ON alarm (responder_id) WHERE responder_id IS NOT NULL AND ended_at IS NULL;

ALTER TABLE sla_policy
    ADD COLUMN offer_seconds integer NOT NULL DEFAULT 30 CHECK (offer_seconds > 0),
    ADD COLUMN offers_at_once smallint NOT NULL DEFAULT 3 CHECK (offers_at_once > 0);
-- Now that there are responders to send and a page for relatives, both promises and the chain's last link begin.
UPDATE sla_policy SET dispatch_seconds = 180, on_scene_seconds = 900 WHERE severity = 'emergency';
UPDATE sla_policy SET dispatch_seconds = 900, on_scene_seconds = 3600 WHERE severity = 'urgent';

UPDATE escalation_policy SET roles = roles || '{family}' WHERE severity = 'emergency' AND level = 3;
CREATE OR REPLACE VIEW severity_policy AS
SELECT known.severity,
       COALESCE(sla_policy.answer_seconds, 60) AS answer_seconds,
       sla_policy.dispatch_seconds,
       sla_policy.on_scene_seconds,
       COALESCE(sla_policy.stale_seconds, 300) AS stale_seconds,
       COALESCE(first.after_seconds, 20) AS first_seconds,
       COALESCE(sla_policy.offer_seconds, 30) AS offer_seconds,
       COALESCE(sla_policy.offers_at_once, 3::smallint) AS offers_at_once
FROM (VALUES ('emergency'), ('urgent'), ('advisory'), ('technical')) AS known (severity)
LEFT JOIN sla_policy ON sla_policy.severity = known.severity
LEFT JOIN LATERAL (
    SELECT after_seconds FROM escalation_policy WHERE escalation_policy.severity = known.severity ORDER BY level LIMIT 1
) AS first ON true;

ALTER TABLE event ADD COLUMN order_id bigint, ADD COLUMN offer_id bigint;
ALTER TABLE access_log ADD COLUMN order_id bigint;

-- migrate:down
ALTER TABLE access_log DROP COLUMN order_id;
DELETE FROM event WHERE order_id IS NOT NULL OR offer_id IS NOT NULL;
ALTER TABLE event DROP COLUMN order_id, DROP COLUMN offer_id;
DROP VIEW severity_policy;
UPDATE escalation_policy SET roles = array_remove(roles, 'family');
UPDATE sla_policy SET dispatch_seconds = NULL, on_scene_seconds = NULL;
ALTER TABLE sla_policy DROP COLUMN offer_seconds, DROP COLUMN offers_at_once;
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
DROP TABLE offer;
ALTER TABLE alarm DROP COLUMN response_state, DROP COLUMN response_due_at, DROP COLUMN response_detail,
    DROP COLUMN responder_id;
DROP VIEW assist_policy;
DROP TABLE order_event, service_order, ranking_policy, order_policy, catalogue_item;
