-- migrate:up
-- What each kind of responder is asked for, and what must be so before: whoever needs no skill goes without one if nobody
-- better is near, whoever needs no shift is asked at any hour, and whoever has own elders is asked for those alone.
CREATE TABLE responder_kind (
    kind text PRIMARY KEY CHECK (kind IN ('station', 'grid', 'paired', 'mobile')),
    takes_orders boolean NOT NULL,
    needs_skill boolean NOT NULL,
    needs_shift boolean NOT NULL,
    own_elders boolean NOT NULL
);
INSERT INTO responder_kind VALUES
    ('station', true, true, true, false),
    ('mobile', true, true, true, false),
    ('grid', false, false, true, false),
    ('paired', false, false, false, true);
ALTER TABLE worker ADD COLUMN kind text NOT NULL DEFAULT 'station' REFERENCES responder_kind;

-- Who looks after which elder by agreement. It is ended, never edited, so that a search of last year stays explained.
CREATE TABLE pairing (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id integer NOT NULL REFERENCES worker ON DELETE CASCADE,
    elder_id integer NOT NULL REFERENCES elder,
    note text,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account,
    EXCLUDE USING gist (worker_id WITH =, elder_id WITH =, tstzrange(valid_from, valid_to) WITH &&)
);
CREATE INDEX pairing_elder ON pairing (elder_id);

-- In minutes of travel: what a missing certificate costs, what a pairing is worth, what it costs not to know where somebody
-- is. Up to the first age a position is believed as it is, from the second on not at all, in between ever less.
ALTER TABLE ranking_policy
    ADD COLUMN unskilled_minutes real NOT NULL DEFAULT 0 CHECK (unskilled_minutes >= 0),
    ADD COLUMN paired_minutes real NOT NULL DEFAULT 0 CHECK (paired_minutes >= 0),
    ADD COLUMN doubt_minutes real NOT NULL DEFAULT 0 CHECK (doubt_minutes >= 0),
    ADD COLUMN position_trusted_seconds integer NOT NULL DEFAULT 120 CHECK (position_trusted_seconds >= 0),
    ADD COLUMN position_lost_seconds integer NOT NULL DEFAULT 1800
        CHECK (position_lost_seconds > position_trusted_seconds);
UPDATE ranking_policy SET unskilled_minutes = 10, paired_minutes = 5, doubt_minutes = 3 WHERE task = 'alarm';
UPDATE ranking_policy SET paired_minutes = 6 WHERE task = 'order';

-- Who is asked first: everybody of the innermost circle before anybody of the next. A circle reaches so many minutes of
-- travel (null: the whole district), and a wider one may also ask whose provider serves another street, or who is off shift.
CREATE TABLE response_circle (
    severity text NOT NULL CHECK (severity IN ('emergency', 'urgent', 'advisory', 'technical')),
    circle smallint NOT NULL CHECK (circle > 0),
    travel_minutes smallint CHECK (travel_minutes > 0),
    any_area boolean NOT NULL DEFAULT false,
    off_shift boolean NOT NULL DEFAULT false,
    PRIMARY KEY (severity, circle)
);
INSERT INTO response_circle VALUES
    ('emergency', 1, 15, false, false), ('emergency', 2, 30, true, false), ('emergency', 3, NULL, true, false),
    ('urgent', 1, 30, false, false), ('urgent', 2, NULL, true, false);

-- One round of a search: whom it went through, and who was left out why. The nearest are named, the others counted.
CREATE TABLE responder_search (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id bigint NOT NULL REFERENCES alarm,
    at timestamptz NOT NULL,
    actor_id integer REFERENCES account,
    -- The circle that was asked; null when nobody was left in any, and for a responder who was named.
    circle smallint,
    considered integer NOT NULL,
    eligible integer NOT NULL,
    turned_away jsonb NOT NULL,
    left_out jsonb NOT NULL
);
CREATE INDEX responder_search_alarm ON responder_search (alarm_id, id);

-- A responder whom a member of staff named, why, and which conditions that set aside.
ALTER TABLE offer
    ADD COLUMN search_id bigint REFERENCES responder_search,
    ADD COLUMN named_by integer REFERENCES account,
    ADD COLUMN named_reason text,
    ADD COLUMN waived text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT offer_named CHECK ((named_by IS NULL) = (named_reason IS NULL));

-- migrate:down
ALTER TABLE offer DROP COLUMN search_id, DROP COLUMN named_by, DROP COLUMN named_reason, DROP COLUMN waived;
DROP TABLE responder_search, response_circle;
ALTER TABLE ranking_policy DROP COLUMN unskilled_minutes, DROP COLUMN paired_minutes, DROP COLUMN doubt_minutes,
    DROP COLUMN position_trusted_seconds, DROP COLUMN position_lost_seconds;
DROP TABLE pairing;
ALTER TABLE worker DROP COLUMN kind;
DROP TABLE responder_kind;
