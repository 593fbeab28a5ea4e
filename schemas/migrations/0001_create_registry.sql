-- migrate:up
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE org_unit (
    code text PRIMARY KEY CHECK (code ~ '^[0-9A-Za-z-]{1,40}$'),
    parent_code text REFERENCES org_unit,
    kind text NOT NULL CHECK (kind IN ('district', 'street', 'town', 'centre', 'station')),
    name text NOT NULL,
    -- Codes from the root down, each followed by '/'; a subtree is one prefix.
    path text NOT NULL UNIQUE COLLATE "C" CHECK (path LIKE '%' || code || '/'),
    lat double precision CHECK (lat BETWEEN -90 AND 90),
    lon double precision CHECK (lon BETWEEN -180 AND 180)
);

CREATE TABLE household (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_code text NOT NULL REFERENCES org_unit,
    address text NOT NULL,
    lat double precision CHECK (lat BETWEEN -90 AND 90),
    lon double precision CHECK (lon BETWEEN -180 AND 180)
);
CREATE INDEX household_org ON household (org_code);

CREATE TABLE elder (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    household_id integer NOT NULL REFERENCES household,
    name text NOT NULL,
    gender text NOT NULL CHECK (gender IN ('female', 'male')),
    birth_date date NOT NULL,
    phone text,
    state text NOT NULL DEFAULT 'home' CHECK (state IN ('home', 'hospital', 'travelling', 'deceased', 'test')),
    state_since timestamptz NOT NULL,
    state_note text,
    living_alone boolean NOT NULL DEFAULT false,
    tags text[] NOT NULL DEFAULT '{}',
    conditions text[] NOT NULL DEFAULT '{}',
    -- NEWS2 SpO2 scale; 2 only where a clinician set it for the elder.
    oxygen_scale smallint NOT NULL DEFAULT 1 CHECK (oxygen_scale IN (1, 2))
);
CREATE INDEX elder_household ON elder (household_id);
CREATE INDEX elder_name_trigram ON elder USING gin (name gin_trgm_ops);

CREATE TABLE elder_contact (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder ON DELETE CASCADE,
    name text NOT NULL,
    relation text NOT NULL CHECK (relation IN ('daughter', 'son', 'spouse', 'neighbour', 'grid_worker', 'other')),
    phone text NOT NULL,
    priority smallint NOT NULL CHECK (priority > 0),
    UNIQUE (elder_id, priority)
);

CREATE TABLE device (
    key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE CHECK (id ~ '^[A-Za-z0-9_-]{1,40}$'),
    kind text NOT NULL CHECK (kind IN ('button', 'wearable', 'hub')),
    -- SHA-256 of a random 256-bit secret; the secret itself is known only to the device.
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    registered_at timestamptz NOT NULL,
    revoked_at timestamptz,
    changed_at timestamptz NOT NULL
);
CREATE INDEX device_changed ON device (changed_at);

CREATE TABLE device_assignment (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_key integer NOT NULL REFERENCES device,
    elder_id integer REFERENCES elder,
    household_id integer REFERENCES household,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    CHECK (num_nonnulls(elder_id, household_id) = 1),
    CHECK (valid_to IS NULL OR valid_to > valid_from),
    EXCLUDE USING gist (device_key WITH =, tstzrange(valid_from, valid_to) WITH &&)
);
CREATE INDEX device_assignment_elder ON device_assignment (elder_id) WHERE elder_id IS NOT NULL;
CREATE INDEX device_assignment_household ON device_assignment (household_id) WHERE household_id IS NOT NULL;

CREATE TABLE device_presence (
    device_key integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    last_seen_at timestamptz NOT NULL,
    battery real,
    firmware text,
    -- What the device or its last will said; a hint only, presence is last_seen_at.
    online_hint boolean,
    status_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX device_presence_last_seen ON device_presence (last_seen_at);

-- migrate:down
DROP TABLE device_presence, device_assignment, device, elder_contact, elder, household, org_unit;
