-- migrate:up
-- Double entry. What somebody owes the district is above zero, what it owes below: an elder's side and a subsidy fund owe
-- it for visits, it owes the provider; `district` takes what is over or bears what is missing, `cash` is what was received
-- and paid out.
CREATE TABLE ledger_account (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('elder', 'subsidy', 'provider', 'district', 'cash')),
    district_code text NOT NULL REFERENCES org_unit,
    elder_id integer REFERENCES elder,
    provider_id integer REFERENCES provider,
    category text,
    CHECK ((kind = 'elder') = (elder_id IS NOT NULL)),
    CHECK ((kind = 'provider') = (provider_id IS NOT NULL)),
    CHECK ((kind = 'subsidy') = (category IS NOT NULL)),
    UNIQUE NULLS NOT DISTINCT (kind, district_code, elder_id, provider_id, category)
);
CREATE INDEX ledger_account_elder ON ledger_account (elder_id) WHERE elder_id IS NOT NULL;
CREATE INDEX ledger_account_district ON ledger_account (district_code, kind);

-- What happened, once: `key` names the event. `month` is that of the settlement in which it counts.
CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'charge', 'no_show', 'compensation', 'adjustment', 'reversal', 'payment', 'payout')),
    key text NOT NULL UNIQUE,
    district_code text NOT NULL REFERENCES org_unit,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    order_id bigint REFERENCES service_order,
    provider_id integer REFERENCES provider,
    elder_id integer REFERENCES elder,
    -- The entry that this one undoes; it can be undone once.
    reverses bigint UNIQUE REFERENCES ledger_entry,
    -- How many lines it has, so that none can be added later, even in pairs that sum to zero.
    lines smallint NOT NULL CHECK (lines >= 0),
    actor_id integer REFERENCES account,
    note text,
    CHECK ((kind = 'reversal') = (reverses IS NOT NULL))
);
CREATE INDEX ledger_entry_order ON ledger_entry (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX ledger_entry_provider ON ledger_entry (provider_id, month) WHERE provider_id IS NOT NULL;
CREATE INDEX ledger_entry_district ON ledger_entry (district_code, month);

CREATE TABLE ledger_line (
    entry_id bigint NOT NULL REFERENCES ledger_entry,
    account_id integer NOT NULL REFERENCES ledger_account,
    amount_fen bigint NOT NULL CHECK (amount_fen <> 0),
    PRIMARY KEY (entry_id, account_id)
);
CREATE INDEX ledger_line_account ON ledger_line (account_id, entry_id);

CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry ledger_entry;
    found record;
BEGIN
    IF TG_TABLE_NAME = 'ledger_line' THEN
        SELECT * INTO entry FROM ledger_entry WHERE id = NEW.entry_id;
    ELSE
        entry := NEW;
    END IF;
    SELECT count(*) AS lines, COALESCE(sum(amount_fen), 0) AS total INTO found
    FROM ledger_line WHERE entry_id = entry.id;
    IF found.lines <> entry.lines OR found.total <> 0 THEN
        RAISE EXCEPTION 'ledger entry % has % of % lines and a total of %', entry.id, found.lines, entry.lines, found.total
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entry_balanced AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced();
CREATE CONSTRAINT TRIGGER ledger_line_balanced AFTER INSERT ON ledger_line
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced();

-- A month of one provider in one district. What it comes to is read from the ledger while it is a draft, and stands here
-- from its approval on. Whoever drafted it does not approve it.
CREATE TABLE settlement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    district_code text NOT NULL REFERENCES org_unit,
    provider_id integer NOT NULL REFERENCES provider,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    state text NOT NULL CHECK (state IN ('draft', 'approved', 'paid')),
    drafted_at timestamptz NOT NULL,
    drafted_by integer NOT NULL REFERENCES account,
    approved_at timestamptz,
    approved_by integer REFERENCES account CHECK (approved_by <> drafted_by),
    paid_at timestamptz,
    paid_by integer REFERENCES account,
    payment_reference text,
    -- In fen, as approved: visits, what they cost, who pays it, what the provider gets for them, what was added or taken
    -- off since, and what it is paid in all.
    visits integer,
    price_fen bigint,
    subsidy_fen bigint,
    elder_fen bigint,
    provider_fen bigint,
    adjustment_fen bigint,
    due_fen bigint,
    UNIQUE (district_code, provider_id, month),
    CHECK ((state = 'draft') = (approved_at IS NULL)),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL)),
    CHECK (num_nulls(approved_at, approved_by, visits, price_fen, subsidy_fen, elder_fen, provider_fen, adjustment_fen,
                     due_fen) IN (0, 9)),
    CHECK (due_fen = provider_fen + adjustment_fen AND price_fen = subsidy_fen + elder_fen)
);
CREATE INDEX settlement_provider ON settlement (provider_id, month);

-- The entries an approved settlement consists of; an entry is settled once.
CREATE TABLE settlement_entry (
    entry_id bigint PRIMARY KEY REFERENCES ledger_entry,
    settlement_id bigint NOT NULL REFERENCES settlement
);
CREATE INDEX order_event_confirmed ON order_event (at) WHERE kind = 'confirmed';
CREATE INDEX settlement_entry_settlement ON settlement_entry (settlement_id);

-- What is owed to providers and is in no approved settlement. A visit that a supervisor looks at waits until she has
-- decided: everything booked for it between the district and whose worker made it is settled with a later month. Another
-- provider, whose worker did not come before, has nothing to do with that.
CREATE VIEW unsettled_entry AS
SELECT entry.id, entry.kind, entry.district_code, entry.provider_id, entry.month, entry.order_id
FROM ledger_entry AS entry
LEFT JOIN service_order AS visit ON visit.id = entry.order_id
LEFT JOIN worker AS visitor ON visitor.id = visit.worker_id
WHERE entry.provider_id IS NOT NULL AND entry.kind <> 'payout'
  AND (visit.payment_held IS DISTINCT FROM 'review' OR visitor.provider_id IS DISTINCT FROM entry.provider_id)
  AND NOT EXISTS (SELECT FROM settlement_entry WHERE settlement_entry.entry_id = entry.id);

CREATE TRIGGER ledger_account_append_only BEFORE UPDATE OR DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_line_append_only BEFORE UPDATE OR DELETE ON ledger_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_entry_append_only BEFORE UPDATE OR DELETE ON settlement_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_account_append_only_all BEFORE TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entry_append_only_all BEFORE TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_line_append_only_all BEFORE TRUNCATE ON ledger_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_entry_append_only_all BEFORE TRUNCATE ON settlement_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- By which day of the next month a month is to be settled, how often somebody is reminded of one that is not, and how
-- long after its end a month's books stay open for what was begun before midnight. One row.
CREATE TABLE settlement_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    day smallint NOT NULL DEFAULT 10 CHECK (day BETWEEN 1 AND 28),
    remind_days smallint NOT NULL DEFAULT 1 CHECK (remind_days BETWEEN 1 AND 31),
    close_minutes smallint NOT NULL DEFAULT 60 CHECK (close_minutes BETWEEN 1 AND 1440)
);
INSERT INTO settlement_policy DEFAULT VALUES;

-- Visits that were confirmed before there were prices count in their month like any other, for nothing.
INSERT INTO ledger_entry (at, kind, key, district_code, month, order_id, provider_id, elder_id, lines)
SELECT service_order.confirmed_at, 'charge', 'order:' || service_order.id, split_part(home.path, '/', 1),
       date_trunc('month', service_order.confirmed_at AT TIME ZONE interval '8 hours')::date, service_order.id,
       worker.provider_id, service_order.elder_id, 0
FROM service_order
JOIN worker ON worker.id = service_order.worker_id
JOIN elder ON elder.id = service_order.elder_id
JOIN household ON household.id = elder.household_id
JOIN org_unit AS home ON home.code = household.org_code
WHERE service_order.state = 'confirmed' AND NOT service_order.is_test AND service_order.confirmed_at IS NOT NULL;
UPDATE service_order
SET due_at = (date_trunc('month', confirmed_at AT TIME ZONE interval '8 hours') + interval '1 month 9 days')
             AT TIME ZONE interval '8 hours',
    due_reason = 'settle'
WHERE state = 'confirmed' AND confirmed_at IS NOT NULL;
-- Every order that is not over has somebody's deadline: the audit looks for those without one, of which there are none.
CREATE INDEX service_order_undated ON service_order (id)
    WHERE due_at IS NULL AND state NOT IN ('settled', 'cancelled', 'failed');

-- migrate:down
UPDATE service_order SET due_at = NULL, due_reason = NULL WHERE due_reason = 'settle';
DROP VIEW unsettled_entry;
DROP TABLE settlement_policy, settlement_entry, settlement, ledger_line, ledger_entry, ledger_account;
DROP FUNCTION refuse_unbalanced;
DROP INDEX order_event_confirmed, service_order_undated;
