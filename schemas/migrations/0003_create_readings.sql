-- migrate:up
-- TimescaleDB where the server offers it, the server's own range partitions where it does not; same columns, same indexes.
DO $$
DECLARE
    columns constant text := $columns$
        at timestamptz NOT NULL,
        device_key integer NOT NULL,
        received_at timestamptz NOT NULL,
        boot text NOT NULL,
        seq bigint NOT NULL,
        sample smallint NOT NULL,
        hr real,
        spo2 real,
        rr real,
        temp real,
        sbp real,
        dbp real,
        steps integer,
        lat double precision,
        lon double precision,
        battery real,
        quality integer NOT NULL,
        extra jsonb
    $columns$;
    month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date - interval '2 months';
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        EXECUTE 'CREATE TABLE reading (' || columns || ')';
        PERFORM create_hypertable('reading', 'at', chunk_time_interval => interval '1 day', create_default_indexes => false);
    ELSE
        EXECUTE 'CREATE TABLE reading (' || columns || ') PARTITION BY RANGE (at)';
        CREATE TABLE reading_default PARTITION OF reading DEFAULT;
        FOR i IN 0..4 LOOP
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF reading FOR VALUES FROM (%L) TO (%L)',
                'reading_' || to_char(month + i * interval '1 month', 'YYYY_MM'),
                to_char(month + i * interval '1 month', 'YYYY-MM-DD"T00:00:00Z"'),
                to_char(month + (i + 1) * interval '1 month', 'YYYY-MM-DD"T00:00:00Z"')
            );
        END LOOP;
    END IF;
END
$$;
CREATE INDEX reading_device_at ON reading (device_key, at DESC);

-- Telemetry identity is (device, boot, seq): the highest seq stored, and a bitmap of the recent ones below it.
CREATE TABLE device_watermark (
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    boot text NOT NULL,
    high bigint NOT NULL,
    recent bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (device_key, boot)
) WITH (fillfactor = 70);

CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    times bigint NOT NULL DEFAULT 1,
    topic text NOT NULL,
    device_id text,
    reason text NOT NULL,
    detail text NOT NULL,
    -- The first 64 KiB; size and digest speak of the whole.
    payload bytea NOT NULL,
    payload_size integer NOT NULL,
    payload_sha256 bytea NOT NULL
);
CREATE UNIQUE INDEX dead_letter_identity ON dead_letter (md5(topic), reason, payload_sha256);

-- One row a lane group and shard: who may write for it, and the fencing number every commit checks.
CREATE TABLE shard_lease (
    lane_group text NOT NULL CHECK (lane_group IN ('telemetry', 'event')),
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 7),
    fence bigint NOT NULL DEFAULT 0,
    owner text,
    backend_pid integer,
    backend_start timestamptz,
    expires_at timestamptz,
    PRIMARY KEY (lane_group, shard)
);
INSERT INTO shard_lease (lane_group, shard)
SELECT lane_group, shard FROM unnest(ARRAY['telemetry', 'event']) AS lane_group, generate_series(0, 7) AS shard;

CREATE TABLE ingest_member (
    lane_group text NOT NULL,
    owner text NOT NULL,
    expires_at timestamptz NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    PRIMARY KEY (lane_group, owner)
);

-- migrate:down
-- A hypertable cannot be dropped along with other tables.
DROP TABLE reading;
DROP TABLE ingest_member, shard_lease, dead_letter, device_watermark;
