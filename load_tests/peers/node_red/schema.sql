CREATE TABLE reading (
    device text NOT NULL,
    at timestamptz NOT NULL,
    boot text NOT NULL,
    seq bigint NOT NULL,
    hr real,
    spo2 real,
    rr real,
    temp real,
    sbp real,
    dbp real,
    steps real,
    lat double precision,
    lon double precision,
    bat real
);
CREATE INDEX reading_device_at ON reading (device, at DESC);
