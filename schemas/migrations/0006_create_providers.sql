-- migrate:up
CREATE TABLE provider (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    -- Only an admitted provider's workers are offered anything.
    state text NOT NULL CHECK (state IN ('admitted', 'suspended', 'exited')),
    state_since timestamptz NOT NULL,
    state_reason text
);

CREATE TABLE provider_area (
    provider_id integer NOT NULL REFERENCES provider ON DELETE CASCADE,
    org_code text NOT NULL REFERENCES org_unit,
    PRIMARY KEY (provider_id, org_code)
);

CREATE TABLE skill (
    code text PRIMARY KEY CHECK (code ~ '^[a-z_]{1,40}$')
);
INSERT INTO skill VALUES ('meal_delivery'), ('bathing'), ('medical_escort'), ('first_aid'), ('lifting'), ('dialect');

CREATE TABLE worker (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL UNIQUE REFERENCES account,
    provider_id integer NOT NULL REFERENCES provider,
    phone text,
    travel text NOT NULL CHECK (travel IN ('walk', 'scooter', 'car')),
    -- Where the worker starts from while the phone says nothing newer.
    base_lat double precision NOT NULL CHECK (base_lat BETWEEN -90 AND 90),
    base_lon double precision NOT NULL CHECK (base_lon BETWEEN -180 AND 180)
);
CREATE INDEX worker_provider ON worker (provider_id);

CREATE TABLE worker_skill (
    worker_id integer NOT NULL REFERENCES worker ON DELETE CASCADE,
    skill text NOT NULL REFERENCES skill,
    certificate text,
    valid_from date NOT NULL,
    -- The last day; null for a skill whose proof does not expire.
    valid_to date CHECK (valid_to >= valid_from),
    PRIMARY KEY (worker_id, skill, valid_from)
);

CREATE TABLE worker_shift (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id integer NOT NULL REFERENCES worker ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    EXCLUDE USING gist (worker_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
);

CREATE TABLE worker_position (
    worker_id integer PRIMARY KEY REFERENCES worker ON DELETE CASCADE,
    lat double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    accuracy_m real NOT NULL CHECK (accuracy_m >= 0),
    at timestamptz NOT NULL
) WITH (fillfactor = 70);

-- migrate:down
DROP TABLE worker_position, worker_shift, worker_skill, worker, skill, provider_area, provider;
