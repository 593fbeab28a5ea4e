-- migrate:up
-- The engines that run, one row a process; whoever was killed leaves a row that beats no more.
CREATE TABLE engine (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    -- When it last came to the end of a sweep over everything that is due; null before its first.
    swept_at timestamptz
) WITH (fillfactor = 50);

-- Steps that raised an error and were put off: such a row has a deadline ahead all the time, and never moves.
CREATE TABLE step_failure (
    subject text NOT NULL,
    row_id text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times integer NOT NULL DEFAULT 1 CHECK (times > 0),
    error text NOT NULL,
    PRIMARY KEY (subject, row_id)
);
CREATE INDEX step_failure_last ON step_failure (last_at);

-- What the last audit of the engines found: what, why, id and deadline of each violation, the first hundred of them.
CREATE TABLE engine_audit (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    checked_at timestamptz NOT NULL,
    engine_id uuid NOT NULL,
    -- Since when every audit has found something.
    violated_since timestamptz,
    violations jsonb NOT NULL DEFAULT '[]'
);

-- migrate:down
DROP TABLE engine_audit, step_failure, engine;
