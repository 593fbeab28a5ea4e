-- migrate:up
-- Given to the broker once more. One that ingest still cannot use comes back, and stands among the others again.
ALTER TABLE dead_letter ADD COLUMN redriven_at timestamptz;
CREATE INDEX dead_letter_redriven ON dead_letter (redriven_at) WHERE redriven_at IS NOT NULL;

-- Somebody at the machine itself, by the name of their system account, has no account of ours.
ALTER TABLE access_log
    ALTER COLUMN account_id DROP NOT NULL,
    ADD COLUMN host_user text,
    ADD CONSTRAINT access_log_somebody CHECK (num_nonnulls(account_id, host_user) = 1);

-- How far an ingest process is behind, as it says itself once a second: the longest that a message it took from the broker
-- waited to be stored, those still waiting included.
ALTER TABLE ingest_member
    ADD COLUMN lag_seconds real NOT NULL DEFAULT 0,
    ADD COLUMN reported_at timestamptz;

-- How each lane group is doing, as the watch over it last judged. A lane group is late when it lags or nobody works for
-- some of its shards, behind once it was late for long enough, and no longer behind once it was steady for long enough.
CREATE TABLE ingest_lag (
    lane_group text PRIMARY KEY CHECK (lane_group IN ('telemetry', 'event')),
    checked_at timestamptz NOT NULL,
    lag_seconds real NOT NULL,
    shards_unserved smallint NOT NULL,
    late_since timestamptz,
    steady_since timestamptz,
    behind_since timestamptz
);

-- migrate:down
DROP TABLE ingest_lag;
ALTER TABLE ingest_member DROP COLUMN lag_seconds, DROP COLUMN reported_at;
DELETE FROM access_log WHERE account_id IS NULL;
ALTER TABLE access_log DROP CONSTRAINT access_log_somebody, DROP COLUMN host_user, ALTER COLUMN account_id SET NOT NULL;
DROP INDEX dead_letter_redriven;
ALTER TABLE dead_letter DROP COLUMN redriven_at;
