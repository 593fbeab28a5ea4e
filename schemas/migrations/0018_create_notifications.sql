-- migrate:up
-- How people are told. Seconds: one attempt may take `timeout_seconds`; who was handed a message says within
-- `word_seconds` what became of it (null: says nothing more); a summons that nobody answered for `patience_seconds` tries
-- the person's next way. `ready` is what the engines say once a minute: whether the transport is configured at all.
CREATE TABLE transport (
    name text PRIMARY KEY CHECK (name IN ('screen', 'web_push', 'voice', 'sms', 'email', 'webhook')),
    timeout_seconds integer NOT NULL CHECK (timeout_seconds BETWEEN 1 AND 60),
    word_seconds integer CHECK (word_seconds > 0),
    patience_seconds integer CHECK (patience_seconds > 0),
    concurrency smallint NOT NULL CHECK (concurrency BETWEEN 1 AND 64),
    attempts smallint NOT NULL CHECK (attempts > 0),
    ready boolean NOT NULL DEFAULT false,
    ready_at timestamptz,
    -- What browsers need to subscribe to Web Push; public.
    public_key text,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    last_error text
);
INSERT INTO transport (name, timeout_seconds, word_seconds, patience_seconds, concurrency, attempts) VALUES
    ('screen', 1, 3, 15, 1, 1),
    ('web_push', 5, NULL, 15, 16, 3),
    ('voice', 5, 45, 20, 16, 3),
    ('sms', 5, 60, 60, 16, 3),
    ('email', 10, NULL, 300, 4, 5),
    ('webhook', 5, NULL, NULL, 8, 8);

-- How many messages a person is sent at most in a time; screens and webhooks do not count. An emergency has no limit, and
-- none can be given to it.
CREATE TABLE notification_limit (
    severity text PRIMARY KEY CHECK (severity IN ('urgent', 'advisory', 'technical')),
    messages smallint NOT NULL CHECK (messages > 0),
    window_seconds integer NOT NULL CHECK (window_seconds > 0)
);
INSERT INTO notification_limit VALUES ('urgent', 30, 3600), ('advisory', 10, 3600), ('technical', 5, 3600);

ALTER TABLE account ADD COLUMN language text NOT NULL DEFAULT 'zh-CN' CHECK (language IN ('zh-CN', 'en'));

-- A way to reach an account, tried in order of rank. Address: +8613900000000, a mail address, or a push subscription as
-- JSON. Only a verified one is used: a mistyped number would ring at a stranger's.
CREATE TABLE reach (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL REFERENCES account ON DELETE CASCADE,
    transport text NOT NULL REFERENCES transport CHECK (transport IN ('web_push', 'voice', 'sms', 'email')),
    address text NOT NULL CHECK (length(address) BETWEEN 1 AND 2000),
    rank smallint NOT NULL CHECK (rank BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL,
    verified_at timestamptz,
    -- SHA-256 of the code that was sent, until when it may be typed, and how many wrong ones were.
    code_hash bytea,
    code_expires_at timestamptz,
    code_failures smallint NOT NULL DEFAULT 0,
    -- The transport said that nobody is there any more: the way is not tried again until it is verified anew.
    gone_at timestamptz,
    UNIQUE (account_id, transport, address),
    UNIQUE (account_id, rank) DEFERRABLE INITIALLY DEFERRED
);

-- Every way to a person, in the order in which they are tried. An account's screen comes first; a worker's telephone on
-- file and an elder's contacts need no row of their own.
CREATE VIEW way AS
SELECT account.id AS account_id, NULL::integer AS contact_id, NULL::integer AS reach_id, 'screen' AS transport,
       NULL::text AS address, 0 AS rank, account.language
FROM account
WHERE account.disabled_at IS NULL AND account.role <> 'administrator'
UNION ALL
SELECT reach.account_id, NULL, reach.id, reach.transport, reach.address, reach.rank, account.language
FROM reach JOIN account ON account.id = reach.account_id
WHERE account.disabled_at IS NULL AND reach.verified_at IS NOT NULL AND reach.gone_at IS NULL
UNION ALL
SELECT worker.account_id, NULL, NULL, filed.transport, worker.phone, filed.rank, account.language
FROM worker JOIN account ON account.id = worker.account_id
CROSS JOIN (VALUES ('voice', 1001), ('sms', 1002)) AS filed (transport, rank)
WHERE account.disabled_at IS NULL AND worker.phone IS NOT NULL
  AND NOT EXISTS (SELECT FROM reach WHERE reach.account_id = worker.account_id AND reach.transport = filed.transport)
UNION ALL
SELECT NULL, elder_contact.id, NULL, filed.transport, elder_contact.phone, filed.rank, 'zh-CN'
FROM elder_contact
CROSS JOIN (VALUES ('voice', 1001), ('sms', 1002)) AS filed (transport, rank);

-- Screens that are connected to the feed, as each process of the control centre says every two seconds.
CREATE TABLE screen (
    process uuid NOT NULL,
    token_hash bytea NOT NULL,
    account_id integer NOT NULL REFERENCES account ON DELETE CASCADE,
    opened_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (process, token_hash)
) WITH (fillfactor = 70);
CREATE INDEX screen_account ON screen (account_id, seen_at);

CREATE FUNCTION open_screen(at timestamptz)
RETURNS TABLE (account_id integer, token_hash bytea, opened_at timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT screen.account_id, screen.token_hash, screen.opened_at FROM screen
    WHERE screen.seen_at > at - interval '6 seconds';
END;

-- Events of a unit's subtree that another system is told.
CREATE TABLE webhook_subscription (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_code text NOT NULL REFERENCES org_unit,
    name text NOT NULL,
    url text NOT NULL,
    -- The key of the signature (Standard Webhooks): base64 of 32 random bytes.
    secret text NOT NULL,
    kinds text[] NOT NULL CHECK (cardinality(kinds) > 0),
    created_at timestamptz NOT NULL,
    created_by integer NOT NULL REFERENCES account,
    ended_at timestamptz,
    ended_by integer REFERENCES account
);
CREATE INDEX webhook_subscription_org ON webhook_subscription (org_code) WHERE ended_at IS NULL;

-- Up to which event webhooks were queued.
CREATE TABLE webhook_cursor (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    last_id bigint NOT NULL
);
INSERT INTO webhook_cursor (last_id) SELECT COALESCE(max(id), 0) FROM event;

-- The persons called by one step of an alarm's escalation; when none of them can be reached the alarm moves on.
CREATE TABLE summons (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm_id bigint NOT NULL REFERENCES alarm,
    position smallint NOT NULL,
    at timestamptz NOT NULL,
    unreached_at timestamptz
);
CREATE INDEX summons_alarm ON summons (alarm_id, id);

-- The outbox: one row for each way on which a person is told something. Locked after its alarm, in the order of ids.
CREATE TABLE notification (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- How providers know it; a repeated attempt is made under the same key.
    key uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    -- A summons calls somebody to act and stops with the acknowledgement; information is given in any case.
    purpose text NOT NULL CHECK (purpose IN ('summon', 'inform')),
    summons_id bigint REFERENCES summons,
    alarm_id bigint REFERENCES alarm,
    account_id integer REFERENCES account,
    contact_id integer REFERENCES elder_contact ON DELETE SET NULL,
    subscription_id integer REFERENCES webhook_subscription,
    reach_id integer REFERENCES reach ON DELETE SET NULL,
    transport text NOT NULL REFERENCES transport,
    address text,
    rank integer NOT NULL,
    language text NOT NULL,
    -- The alarm's when it was queued; what is not about an alarm counts as advisory.
    severity text NOT NULL CHECK (severity IN ('emergency', 'urgent', 'advisory', 'technical')),
    -- Names the text in the message files, and what is filled into it.
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL CHECK (state IN (
        'queued', 'sending', 'sent', 'delivered', 'answered', 'failed', 'withdrawn', 'expired')),
    error text,
    answer text CHECK (answer IN ('acknowledged', 'noted', 'declined')),
    reference text,
    attempts smallint NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL,
    claimed_at timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz,
    expires_at timestamptz,
    due_at timestamptz,
    -- To be sent; an attempt under way; a provider's word or the person's answer is waited for; the person had too many;
    -- a telephone rings for what is over.
    due_reason text CHECK (due_reason IN ('send', 'lease', 'word', 'answer', 'limit', 'recall')),
    CHECK (num_nonnulls(account_id, contact_id, subscription_id) <= 1),
    CHECK ((purpose = 'summon') = (summons_id IS NOT NULL)),
    CHECK (purpose <> 'summon' OR alarm_id IS NOT NULL),
    CHECK ((due_at IS NULL) = (due_reason IS NULL)),
    CHECK (state NOT IN ('queued', 'sending') OR due_at IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX notification_queue ON notification (transport, due_at) WHERE due_reason = 'send';
CREATE INDEX notification_awaited ON notification (due_at) WHERE due_reason <> 'send';
CREATE INDEX notification_alarm ON notification (alarm_id, id) WHERE alarm_id IS NOT NULL;
CREATE INDEX notification_account ON notification (account_id, claimed_at) WHERE account_id IS NOT NULL;
CREATE INDEX notification_contact ON notification (contact_id, claimed_at) WHERE contact_id IS NOT NULL;
CREATE INDEX notification_subscription ON notification (subscription_id, id) WHERE subscription_id IS NOT NULL;
CREATE INDEX notification_summons ON notification (summons_id) WHERE summons_id IS NOT NULL;
CREATE INDEX notification_reach ON notification (reach_id) WHERE reach_id IS NOT NULL;

-- What providers have called back with: the same word twice is heard once.
CREATE TABLE provider_callback (
    provider text NOT NULL,
    id text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (provider, id)
);
CREATE INDEX provider_callback_received ON provider_callback (received_at);

-- migrate:down
DROP TABLE provider_callback, notification, summons, webhook_cursor, webhook_subscription;
DROP FUNCTION open_screen(timestamptz);
DROP TABLE screen;
DROP VIEW way;
DROP TABLE reach;
ALTER TABLE account DROP COLUMN language;
DROP TABLE notification_limit, transport;
