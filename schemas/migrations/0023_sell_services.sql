-- migrate:up
-- What an item costs and what it asks of whoever comes. Money is in fen.
ALTER TABLE catalogue_item
    ADD COLUMN fee text NOT NULL DEFAULT 'paid' CHECK (fee IN ('free', 'low_fee', 'paid')),
    ADD COLUMN price_fen integer NOT NULL DEFAULT 0 CHECK (price_fen >= 0),
    -- What the provider gets for a visit, whoever pays.
    ADD COLUMN provider_fen integer NOT NULL DEFAULT 0 CHECK (provider_fen >= 0),
    ADD COLUMN workers smallint NOT NULL DEFAULT 1 CHECK (workers IN (1, 2)),
    -- Above this weight two workers come together; null: one is always enough.
    ADD COLUMN two_above_kg smallint CHECK (two_above_kg > 0),
    ADD COLUMN same_sex text NOT NULL DEFAULT 'any' CHECK (same_sex IN ('any', 'prefer', 'require')),
    -- Vital signs that must be in range just before: [{"sign": "sbp", "least": 90, "most": 160, "minutes": 30}, …].
    ADD COLUMN pre_checks jsonb NOT NULL DEFAULT '[]',
    -- What proves the visit: {"photos": 1, "ticks": [{"code": "…", "zh": "…", "en": "…"}, …]}.
    ADD COLUMN evidence jsonb NOT NULL DEFAULT '{}',
    -- A visit shorter than this is suspicious; null: half its duration.
    ADD COLUMN least_minutes smallint CHECK (least_minutes > 0),
    ADD CONSTRAINT catalogue_item_free CHECK (fee <> 'free' OR price_fen = 0);

-- Where an order came from, whom it asks for and what it costs; and what is known of an elder that decides who may come.
ALTER TABLE service_order
    ADD COLUMN source text NOT NULL DEFAULT 'operator' CHECK (source IN (
        'operator', 'hotline', 'family', 'button', 'schedule', 'care_plan', 'alarm', 'rework', 'companion')),
    -- The call, alarm, schedule, care plan or order it comes from, by the source.
    ADD COLUMN source_ref bigint,
    -- Nobody asked for what a button or an alarm brought about.
    ALTER COLUMN requested_by DROP NOT NULL,
    -- A visit by two workers at once is two orders: the companion's names the lead's, which alone is paid for and shown.
    ADD COLUMN lead_id bigint REFERENCES service_order,
    -- How it is given to somebody; null: as its assist's policy says.
    ADD COLUMN mode text CHECK (mode IN ('sequence', 'best', 'hall', 'plan')),
    -- When a plan is short of workers the higher ones are kept.
    ADD COLUMN priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
    ADD COLUMN worker_sex text CHECK (worker_sex IN ('female', 'male')),
    ADD COLUMN sex_required boolean NOT NULL DEFAULT false,
    -- When the worker who has it is expected to begin: as planned, or as her day stood when she accepted.
    ADD COLUMN planned_at timestamptz,
    -- In fen, fixed when it was sold: the elder's side pays the price less the subsidy, the provider gets its rate.
    ADD COLUMN price_fen integer NOT NULL DEFAULT 0 CHECK (price_fen >= 0),
    ADD COLUMN subsidy_fen integer NOT NULL DEFAULT 0 CHECK (subsidy_fen >= 0),
    ADD COLUMN provider_fen integer NOT NULL DEFAULT 0 CHECK (provider_fen >= 0),
    ADD COLUMN subsidy_category text,
    ADD CONSTRAINT service_order_subsidy CHECK (subsidy_fen <= price_fen),
    ADD CONSTRAINT service_order_companion CHECK ((lead_id IS NOT NULL) = (source = 'companion')),
    DROP CONSTRAINT service_order_attention_check,
    ADD CONSTRAINT service_order_attention_check CHECK (attention IN (
        'nobody_eligible', 'nobody_accepted', 'late', 'overrun', 'elder_away', 'likely_late', 'companion_missing',
        'unfit', 'no_show')),
    DROP CONSTRAINT service_order_due_reason_check,
    ADD CONSTRAINT service_order_due_reason_check CHECK (due_reason IN (
        'assign', 'offer', 'depart', 'arrive', 'finish', 'confirm', 'settle'));
CREATE UNIQUE INDEX service_order_companion ON service_order (lead_id) WHERE lead_id IS NOT NULL AND state <> 'cancelled';
CREATE INDEX service_order_source ON service_order (source, source_ref) WHERE source_ref IS NOT NULL;

ALTER TABLE worker ADD COLUMN sex text CHECK (sex IN ('female', 'male'));

-- What of an elder decides who may come; whoever has no row has no wishes and takes one worker.
CREATE TABLE service_profile (
    elder_id integer PRIMARY KEY REFERENCES elder ON DELETE CASCADE,
    weight_kg smallint CHECK (weight_kg BETWEEN 20 AND 300),
    -- Cannot be moved by one worker, whatever the weight.
    two_workers boolean NOT NULL DEFAULT false,
    worker_sex text CHECK (worker_sex IN ('female', 'male')),
    note text,
    changed_at timestamptz NOT NULL,
    changed_by integer REFERENCES account
);

-- Who is not to be sent to whom. It is ended, never edited.
CREATE TABLE exclusion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder,
    worker_id integer NOT NULL REFERENCES worker ON DELETE CASCADE,
    asked_by text NOT NULL CHECK (asked_by IN ('elder', 'worker', 'staff')),
    reason text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account,
    EXCLUDE USING gist (elder_id WITH =, worker_id WITH =, tstzrange(valid_from, valid_to) WITH &&)
);

ALTER TABLE task
    ADD COLUMN order_id bigint REFERENCES service_order,
    DROP CONSTRAINT task_kind_check,
    ADD CONSTRAINT task_kind_check CHECK (kind IN (
        'call_back', 'missed_call', 'breach_review', 'rota_gap', 'unreachable', 'audit',
        'unfilled_order', 'visit_call_back', 'back_entry', 'fraud_review', 'complaint', 'certificate', 'settlement'));
CREATE INDEX task_order ON task (order_id) WHERE order_id IS NOT NULL;

-- migrate:down
DELETE FROM event WHERE task_id IN (SELECT id FROM task WHERE kind IN (
    'unfilled_order', 'visit_call_back', 'back_entry', 'fraud_review', 'complaint', 'certificate', 'settlement'));
DELETE FROM task WHERE kind IN (
    'unfilled_order', 'visit_call_back', 'back_entry', 'fraud_review', 'complaint', 'certificate', 'settlement');
ALTER TABLE task
    DROP COLUMN order_id,
    DROP CONSTRAINT task_kind_check,
    ADD CONSTRAINT task_kind_check CHECK (kind IN (
        'call_back', 'missed_call', 'breach_review', 'rota_gap', 'unreachable', 'audit'));
DROP TABLE exclusion, service_profile;
ALTER TABLE catalogue_item
    DROP CONSTRAINT catalogue_item_free, DROP COLUMN fee, DROP COLUMN price_fen, DROP COLUMN provider_fen,
    DROP COLUMN workers, DROP COLUMN two_above_kg, DROP COLUMN same_sex, DROP COLUMN pre_checks, DROP COLUMN evidence,
    DROP COLUMN least_minutes;
ALTER TABLE worker DROP COLUMN sex;
-- The earlier schema knows neither companions nor orders that nobody asked for.
UPDATE service_order SET state = 'cancelled', ended_at = COALESCE(ended_at, requested_at), due_at = NULL, due_reason = NULL
WHERE lead_id IS NOT NULL AND ended_at IS NULL;
UPDATE service_order SET requested_by = (SELECT min(id) FROM account) WHERE requested_by IS NULL;
UPDATE service_order SET attention = NULL, attention_at = NULL, attention_detail = '{}'
WHERE attention IN ('likely_late', 'companion_missing', 'unfit', 'no_show');
UPDATE service_order SET due_at = NULL, due_reason = NULL WHERE due_reason = 'settle';
UPDATE service_order SET due_reason = 'arrive' WHERE due_reason = 'depart';
ALTER TABLE service_order
    DROP CONSTRAINT service_order_subsidy, DROP CONSTRAINT service_order_companion,
    DROP COLUMN source, DROP COLUMN source_ref, DROP COLUMN lead_id, DROP COLUMN mode, DROP COLUMN priority,
    DROP COLUMN worker_sex, DROP COLUMN sex_required, DROP COLUMN planned_at, DROP COLUMN price_fen,
    DROP COLUMN subsidy_fen, DROP COLUMN provider_fen, DROP COLUMN subsidy_category,
    ALTER COLUMN requested_by SET NOT NULL,
    DROP CONSTRAINT service_order_attention_check,
    ADD CONSTRAINT service_order_attention_check CHECK (attention IN (
        'nobody_eligible', 'nobody_accepted', 'late', 'overrun', 'elder_away')),
    DROP CONSTRAINT service_order_due_reason_check,
    ADD CONSTRAINT service_order_due_reason_check CHECK (due_reason IN ('assign', 'offer', 'arrive', 'finish', 'confirm'));
