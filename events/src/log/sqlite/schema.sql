-- Layout 1 of the log (`schema.rs`). Events name their stream and type by integer; `event_log` joins them.

CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE types (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE events (
    position INTEGER PRIMARY KEY,  -- from 1, without gaps
    stream INTEGER NOT NULL,
    version INTEGER NOT NULL,      -- from 1, without gaps
    type INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    at INTEGER NOT NULL,           -- microseconds since 1970-01-01T00:00:00Z
    account INTEGER,               -- null: the hub's own bookkeeping
    actor INTEGER,                 -- an account; null: the hub itself
    correlation BLOB NOT NULL,     -- a UUID
    causation INTEGER,             -- the position of the event that led to this one
    hash BLOB NOT NULL,            -- SHA-256, the link of the stream's chain
    data TEXT NOT NULL             -- a JSON object
) STRICT;

CREATE UNIQUE INDEX events_by_stream ON events (stream, version);

-- Commands that took effect, so that they take effect once.
CREATE TABLE commands (
    key BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    stream INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX commands_by_at ON commands (at);

-- States to start reading a stream from. May be emptied at any time.
CREATE TABLE snapshots (
    stream INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    state_version INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;

-- Written to after the disk was full, to see whether there is room again.
CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    filling BLOB NOT NULL
) STRICT;

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
BEGIN SELECT raise(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN SELECT raise(ABORT, 'events are never deleted'); END;
CREATE TRIGGER streams_are_not_updated BEFORE UPDATE ON streams
BEGIN SELECT raise(ABORT, 'streams are never renamed'); END;
CREATE TRIGGER streams_are_not_deleted BEFORE DELETE ON streams
BEGIN SELECT raise(ABORT, 'streams are never deleted'); END;
CREATE TRIGGER types_are_not_updated BEFORE UPDATE ON types
BEGIN SELECT raise(ABORT, 'event types are never renamed'); END;
CREATE TRIGGER types_are_not_deleted BEFORE DELETE ON types
BEGIN SELECT raise(ABORT, 'event types are never deleted'); END;

-- For people and their tools.
CREATE VIEW event_log AS
SELECT
    e.position,
    s.name AS stream,
    e.version,
    t.name AS type,
    e.schema,
    strftime('%Y-%m-%dT%H:%M:%S', e.at / 1000000, 'unixepoch')
        || printf('.%06dZ', e.at % 1000000) AS at,
    e.account,
    coalesce('account:' || e.actor, 'hub') AS actor,
    lower(substr(hex(e.correlation), 1, 8) || '-' || substr(hex(e.correlation), 9, 4) || '-'
        || substr(hex(e.correlation), 13, 4) || '-' || substr(hex(e.correlation), 17, 4) || '-'
        || substr(hex(e.correlation), 21)) AS correlation,
    e.causation,
    lower(hex(e.hash)) AS hash,
    e.data
FROM events AS e
JOIN streams AS s ON s.id = e.stream
JOIN types AS t ON t.id = e.type;
