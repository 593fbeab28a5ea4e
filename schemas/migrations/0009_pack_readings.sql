-- migrate:up
-- How readings are laid out and how long they are kept: data, read by the housekeeping of `dispatch`.
CREATE TABLE storage_policy (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- A chunk's index should fit into a quarter of the memory: a day for 20,000 devices, an hour for 200,000.
    chunk_width interval NOT NULL DEFAULT '1 day'
        CHECK (chunk_width IN ('1 hour', '2 hours', '3 hours', '4 hours', '6 hours', '8 hours', '12 hours', '1 day')),
    made_ahead interval NOT NULL DEFAULT '3 days' CHECK (made_ahead BETWEEN '1 day' AND '30 days'),
    -- How long after its end a chunk is thought to be quiet, and its indexes are packed.
    pack_after interval NOT NULL DEFAULT '1 hour' CHECK (pack_after >= '0'),
    -- Only where the server can compress.
    compress_after interval NOT NULL DEFAULT '7 days' CHECK (compress_after >= '1 day'),
    -- A device may be 35 days late, and its redelivery is looked for among the readings until a day after that.
    keep_readings interval NOT NULL DEFAULT '60 days' CHECK (keep_readings >= '40 days'),
    keep_hourly interval NOT NULL DEFAULT '400 days' CHECK (keep_hourly >= '60 days'),
    keep_daily interval NOT NULL DEFAULT '5 years' CHECK (keep_daily >= '60 days')
);
INSERT INTO storage_policy DEFAULT VALUES;

ALTER TABLE reading RENAME TO reading_unpacked;
ALTER INDEX reading_device_at RENAME TO reading_unpacked_device_at;

-- Packed: columns from wide to narrow so that none is padded, vital signs in hundredths (the finest a sensor tells is
-- 0.01 °C), degrees in 1e-7 (1 cm), what is seldom there null. Everybody reads the view `vitals`.
DO $$
DECLARE
    columns constant text := $columns$
        at timestamptz NOT NULL,
        received_at timestamptz,
        long_seq bigint,
        device_key integer NOT NULL,
        seq integer,
        steps integer,
        lat integer,
        lon integer,
        hr smallint,
        spo2 smallint,
        rr smallint,
        temp smallint,
        battery smallint,
        sbp smallint,
        dbp smallint,
        sample smallint,
        quality smallint,
        boot text NOT NULL,
        extra jsonb
    $columns$;
    today timestamptz := date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    old text;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        EXECUTE 'CREATE TABLE reading (' || columns || ')';
        PERFORM create_hypertable('reading', 'at', chunk_time_interval => interval '1 day', create_default_indexes => false);
    ELSE
        FOR old IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading_unpacked'::regclass LOOP
            EXECUTE format('ALTER TABLE %s RENAME TO %I', old, 'unpacked_' || old);
        END LOOP;
        EXECUTE 'CREATE TABLE reading (' || columns || ') PARTITION BY RANGE (at)';
        CREATE TABLE reading_default PARTITION OF reading DEFAULT;
        FOR i IN -1..3 LOOP
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF reading FOR VALUES FROM (%L) TO (%L)',
                'reading_' || to_char((today + i * interval '1 day') AT TIME ZONE 'UTC', 'YYYYMMDD'),
                today + i * interval '1 day', today + (i + 1) * interval '1 day'
            );
        END LOOP;
    END IF;
END
$$;
CREATE INDEX reading_device_at ON reading (device_key, at);
-- Finds what came late, so that the hours it belongs to are summed up again.
CREATE INDEX reading_late ON reading (received_at) WHERE received_at IS NOT NULL;
-- Readings come nearly in the order of time: a few bytes a page find an hour in a day's chunk.
CREATE INDEX reading_at ON reading USING brin (at) WITH (pages_per_range = 64, autosummarize = on);

-- Chunks whose indexes were packed once they were quiet, and what that saved.
CREATE TABLE packed_chunk (
    chunk text PRIMARY KEY,
    packed_at timestamptz NOT NULL,
    bytes_before bigint NOT NULL,
    bytes_after bigint NOT NULL
);

INSERT INTO reading
SELECT at,
       CASE WHEN abs(extract(epoch FROM received_at - at)) >= 10 THEN received_at END,
       CASE WHEN seq >= 2147483648 THEN seq END,
       device_key,
       CASE WHEN seq < 2147483648 THEN seq END,
       steps, round(lat * 1e7), round(lon * 1e7),
       round(hr * 100), round(spo2 * 100), round(rr * 100), round(temp * 100), round(battery * 100),
       round(sbp * 100), round(dbp * 100), NULLIF(sample, 0), NULLIF(quality, 0), boot, extra
FROM reading_unpacked;
DROP TABLE reading_unpacked;

CREATE VIEW vitals AS
SELECT at,
       device_key,
       -- Its own time where it was received within ten seconds of that.
       COALESCE(received_at, at) AS received_at,
       boot,
       COALESCE(long_seq, seq) AS seq,
       COALESCE(sample, 0::smallint) AS sample,
       hr / 100::float8 AS hr,
       spo2 / 100::float8 AS spo2,
       rr / 100::float8 AS rr,
       temp / 100::float8 AS temp,
       sbp / 100::float8 AS sbp,
       dbp / 100::float8 AS dbp,
       steps,
       lat / 1e7::float8 AS lat,
       lon / 1e7::float8 AS lon,
       battery / 100::float8 AS battery,
       COALESCE(quality::integer, 0) AS quality,
       extra
FROM reading;

-- What was summed up so far where the server has no continuous aggregates: hours and days that began before these
-- times, and readings that came late before `late_until`; null is nothing yet. What is younger is summed up as it is read.
CREATE TABLE aggregate_mark (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    hours_until timestamptz,
    days_until timestamptz,
    late_until timestamptz
);
INSERT INTO aggregate_mark DEFAULT VALUES;

-- `vitals_hour` and `vitals_day` are continuous aggregates under TimescaleDB's own licence, elsewhere tables kept by the
-- housekeeping; `vitals_hourly` and `vitals_daily` say the same of either, up to this moment and in plain units.
-- A day is the district's: China has one time zone, 8 hours ahead, and no summer time.
DO $$
DECLARE
    signs constant text[] := ARRAY['hr', 'spo2', 'rr', 'temp', 'sbp', 'dbp'];
    of_readings constant text := 'count(*) AS samples, max(steps) AS steps, ' || (
        SELECT string_agg(format(
            'min(%1$s) AS %1$s_min, max(%1$s) AS %1$s_max, sum(%1$s) AS %1$s_sum, count(%1$s) AS %1$s_count', sign
        ), ', ') FROM unnest(signs) AS sign);
    of_hours constant text := 'sum(samples) AS samples, max(steps) AS steps, ' || (
        SELECT string_agg(format(
            'min(%1$s_min) AS %1$s_min, max(%1$s_max) AS %1$s_max, sum(%1$s_sum) AS %1$s_sum, '
            'sum(%1$s_count) AS %1$s_count', sign
        ), ', ') FROM unnest(signs) AS sign);
    stored constant text := 'samples bigint NOT NULL, steps integer, ' || (
        SELECT string_agg(format(
            '%1$s_min smallint, %1$s_max smallint, %1$s_sum bigint, %1$s_count integer NOT NULL', sign
        ), ', ') FROM unnest(signs) AS sign);
    names constant text := 'samples, steps, ' || (
        SELECT string_agg(format('%1$s_min, %1$s_max, %1$s_sum, %1$s_count', sign), ', ') FROM unnest(signs) AS sign);
    plain constant text := 'samples::integer AS samples, steps, ' || (
        SELECT string_agg(format(
            '(%1$s_min / 100::float8)::real AS %1$s_min, (%1$s_max / 100::float8)::real AS %1$s_max, '
            '(%1$s_sum / (100::float8 * NULLIF(%1$s_count, 0)))::real AS %1$s_avg, '
            '%1$s_count::integer AS %1$s_count', sign
        ), ', ') FROM unnest(signs) AS sign);
    month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        EXECUTE 'CREATE MATERIALIZED VIEW vitals_hour '
            'WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS '
            'SELECT device_key, time_bucket(''1 hour'', at, ''2000-01-01 00:00+08''::timestamptz) AS hour, ' || of_readings || ' FROM reading GROUP BY 1, 2 '
            'WITH NO DATA';
        EXECUTE 'CREATE MATERIALIZED VIEW vitals_day '
            'WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS '
            'SELECT device_key, time_bucket(''1 day'', hour, ''2000-01-01 00:00+08''::timestamptz) AS day, ' || of_hours
            || ' FROM vitals_hour GROUP BY 1, 2 WITH NO DATA';
        CREATE VIEW vitals_hour_now AS SELECT * FROM vitals_hour;
        CREATE VIEW vitals_day_now AS SELECT * FROM vitals_day;
        ALTER TABLE reading SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'device_key', timescaledb.compress_orderby = 'at'
        );
    ELSE
        EXECUTE 'CREATE TABLE vitals_hour (device_key integer NOT NULL, hour timestamptz NOT NULL, ' || stored
            || ', PRIMARY KEY (device_key, hour))'
            || CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN ''
                    ELSE ' PARTITION BY RANGE (hour)' END;
        IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
            PERFORM create_hypertable(
                'vitals_hour', 'hour', chunk_time_interval => interval '30 days', create_default_indexes => false);
        ELSE
            CREATE TABLE vitals_hour_default PARTITION OF vitals_hour DEFAULT;
            FOR i IN 0..1 LOOP
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF vitals_hour FOR VALUES FROM (%L) TO (%L)',
                    'vitals_hour_' || to_char(month + i * interval '1 month', 'YYYYMM'),
                    to_char(month + i * interval '1 month', 'YYYY-MM-DD"T00:00:00Z"'),
                    to_char(month + (i + 1) * interval '1 month', 'YYYY-MM-DD"T00:00:00Z"')
                );
            END LOOP;
        END IF;
        EXECUTE 'CREATE TABLE vitals_day (device_key integer NOT NULL, day timestamptz NOT NULL, ' || stored
            || ', PRIMARY KEY (device_key, day))';
        -- They are filled in the order of time, too.
        CREATE INDEX vitals_hour_hour ON vitals_hour USING brin (hour) WITH (pages_per_range = 32, autosummarize = on);
        CREATE INDEX vitals_day_day ON vitals_day USING brin (day) WITH (pages_per_range = 32, autosummarize = on);
        EXECUTE 'CREATE VIEW vitals_hour_now AS '
            'SELECT device_key, hour, ' || names || ' FROM vitals_hour '
            'WHERE hour < (SELECT hours_until FROM aggregate_mark) UNION ALL '
            'SELECT device_key, date_bin(''1 hour'', at, ''2000-01-01Z''), ' || of_readings || ' FROM reading '
            'WHERE at >= (SELECT COALESCE(hours_until, ''-infinity'') FROM aggregate_mark) GROUP BY 1, 2';
        EXECUTE 'CREATE VIEW vitals_day_now AS '
            'SELECT device_key, day, ' || names || ' FROM vitals_day '
            'WHERE day < (SELECT days_until FROM aggregate_mark) UNION ALL '
            'SELECT device_key, date_bin(''1 day'', hour, ''2000-01-01 00:00+08''), ' || of_hours || ' FROM vitals_hour_now '
            'WHERE hour >= (SELECT COALESCE(days_until, ''-infinity'') FROM aggregate_mark) GROUP BY 1, 2';
    END IF;
    EXECUTE 'CREATE VIEW vitals_hourly AS SELECT device_key, hour, ' || plain || ' FROM vitals_hour_now';
    EXECUTE 'CREATE VIEW vitals_daily AS SELECT device_key, day, ' || plain || ' FROM vitals_day_now';
END
$$;

-- migrate:down
DROP VIEW vitals_daily, vitals_hourly, vitals_day_now, vitals_hour_now;
DO $$
BEGIN
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        DROP MATERIALIZED VIEW vitals_day;
        DROP MATERIALIZED VIEW vitals_hour;
    ELSE
        DROP TABLE vitals_day;
        DROP TABLE vitals_hour;
    END IF;
END
$$;
DROP TABLE aggregate_mark;
DROP VIEW vitals;
ALTER TABLE reading RENAME TO reading_packed;
ALTER INDEX reading_device_at RENAME TO reading_packed_device_at;
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
    old text;
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        EXECUTE 'CREATE TABLE reading (' || columns || ')';
        PERFORM create_hypertable('reading', 'at', chunk_time_interval => interval '1 day', create_default_indexes => false);
    ELSE
        FOR old IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading_packed'::regclass LOOP
            EXECUTE format('ALTER TABLE %s RENAME TO %I', old, 'packed_' || old);
        END LOOP;
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
INSERT INTO reading
SELECT at, device_key, COALESCE(received_at, at), boot, COALESCE(long_seq, seq), COALESCE(sample, 0),
       hr / 100.0, spo2 / 100.0, rr / 100.0, temp / 100.0, sbp / 100.0, dbp / 100.0, steps, lat / 1e7::float8, lon / 1e7::float8,
       battery / 100.0, COALESCE(quality, 0), extra
FROM reading_packed;
DROP TABLE reading_packed;
DROP TABLE packed_chunk;
DROP TABLE storage_policy;
