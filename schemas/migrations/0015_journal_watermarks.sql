-- migrate:up
-- What is stored of whom is remembered by the process that holds the shard. Each commit says here what it added, in the
-- transaction that stores it; once a minute a snapshot of the shard takes the place of what was said before it.
CREATE TABLE ingest_journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shards smallint[] NOT NULL,
    -- One element a message: (device, boot, seq) is its identity.
    at_shards smallint[] NOT NULL,
    device_keys integer[] NOT NULL,
    boots text[] NOT NULL,
    seqs bigint[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- One element a run of stored sequence numbers, `first_seqs` to `last_seqs`. `used_on` is the last day of its boot.
CREATE TABLE ingest_snapshot (
    shard smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 7),
    journal_id bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    device_keys integer[] NOT NULL,
    boots text[] NOT NULL,
    first_seqs bigint[] NOT NULL,
    last_seqs bigint[] NOT NULL,
    used_on date[] NOT NULL
);

-- The shard of a device is computed from its id, not here: every shard remembers the lot until its next snapshots forget
-- what is not used.
INSERT INTO ingest_snapshot
SELECT shard, 0, now(), array_agg(run.device_key), array_agg(run.boot), array_agg(run.first_seq), array_agg(run.last_seq),
       array_agg(run.used_on)
FROM generate_series(0, 7) AS shard
CROSS JOIN (
    SELECT device_key, boot, min(seq) AS first_seq, max(seq) AS last_seq, used_on
    FROM (
        SELECT device_key, boot, high - bit AS seq, updated_at::date AS used_on,
               high - bit - row_number() OVER (PARTITION BY device_key, boot ORDER BY high - bit) AS run
        FROM device_watermark
        CROSS JOIN LATERAL generate_series(0, 8 * octet_length(recent) - 1) AS bit
        WHERE get_bit(recent, bit) = 1
    ) AS stored
    GROUP BY device_key, boot, used_on, run
    ORDER BY device_key, boot, first_seq
) AS run
GROUP BY shard;
DROP TABLE device_watermark;

-- Whoever remembers what a device is and who wears it asks for those that a transaction may have changed since.
ALTER TABLE device ADD COLUMN registry_xid xid8 NOT NULL DEFAULT '0';
CREATE INDEX device_registry_xid ON device (registry_xid);

CREATE FUNCTION note_device_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.registry_xid := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER device_changes BEFORE INSERT OR UPDATE ON device FOR EACH ROW EXECUTE FUNCTION note_device_change();

CREATE FUNCTION note_assignment_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE device SET registry_xid = pg_current_xact_id()
    WHERE key IN (SELECT device_key FROM changed) AND registry_xid <> pg_current_xact_id();
    RETURN NULL;
END $$;
CREATE TRIGGER assignments_made AFTER INSERT ON device_assignment
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_assignment_change();
CREATE TRIGGER assignments_changed AFTER UPDATE ON device_assignment
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_assignment_change();
CREATE TRIGGER assignments_ended AFTER DELETE ON device_assignment
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_assignment_change();

-- An elder's own devices, and those of the home, whose residents they speak for.
CREATE FUNCTION note_resident_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE device SET registry_xid = pg_current_xact_id()
    WHERE key IN (
        SELECT assignment.device_key FROM changed
        JOIN device_assignment AS assignment
          ON assignment.elder_id = changed.id OR assignment.household_id = changed.household_id)
      AND registry_xid <> pg_current_xact_id();
    RETURN NULL;
END $$;
CREATE TRIGGER residents_come AFTER INSERT ON elder
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_resident_change();
CREATE TRIGGER residents_go AFTER DELETE ON elder
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_resident_change();
CREATE TRIGGER residents_change AFTER UPDATE ON elder
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_resident_change();
CREATE TRIGGER residents_move AFTER UPDATE ON elder
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_resident_change();

-- migrate:down
DROP TRIGGER residents_move ON elder;
DROP TRIGGER residents_change ON elder;
DROP TRIGGER residents_go ON elder;
DROP TRIGGER residents_come ON elder;
DROP TRIGGER assignments_ended ON device_assignment;
DROP TRIGGER assignments_changed ON device_assignment;
DROP TRIGGER assignments_made ON device_assignment;
DROP TRIGGER device_changes ON device;
DROP FUNCTION note_resident_change;
DROP FUNCTION note_assignment_change;
DROP FUNCTION note_device_change;
ALTER TABLE device DROP COLUMN registry_xid;
CREATE TABLE device_watermark (
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    boot text NOT NULL,
    high bigint NOT NULL,
    recent bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (device_key, boot)
) WITH (fillfactor = 70);
DROP TABLE ingest_snapshot, ingest_journal;
