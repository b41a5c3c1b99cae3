-- Positions are drawn from one counter: the seq of an item or an event is
-- practice number * 2^36 + position, so that the rows of a practice lie
-- together, in order, without another index.
CREATE TABLE pms_position (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO pms_position (id, position) VALUES (1, 0);

-- state: 0 is only mentioned by other rows, 1 is stored, 2 is removed.
CREATE TABLE pms_practices (
    n      INTEGER PRIMARY KEY,
    id     TEXT    NOT NULL UNIQUE,
    state  INTEGER NOT NULL,
    config BLOB
) STRICT;

-- What changes often about a practice, apart from its configuration.
-- Times are microseconds since 1970.
CREATE TABLE pms_heads (
    practice INTEGER PRIMARY KEY REFERENCES pms_practices (n),
    revision INTEGER NOT NULL DEFAULT 0,
    owner    TEXT    NOT NULL DEFAULT '',
    fence    INTEGER NOT NULL DEFAULT 0,
    expires  INTEGER NOT NULL DEFAULT 0,
    wake     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX pms_heads_wake ON pms_heads (wake) WHERE wake > 0;

-- due is NULL for items that are not active. open is 1 until an item is at its
-- end or skipped: the few among the many, which are looked for again and again.
CREATE TABLE pms_items (
    seq       INTEGER PRIMARY KEY,
    practice  INTEGER NOT NULL,
    id        TEXT    NOT NULL,
    item_key  TEXT    NOT NULL,
    hash      TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    updated   INTEGER NOT NULL,
    due       INTEGER,
    blocking  INTEGER NOT NULL,
    open      INTEGER NOT NULL,
    lane      TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    cause     TEXT    NOT NULL,
    patient   TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    blob      TEXT    NOT NULL,
    revision  INTEGER NOT NULL,
    fence     INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    payload   BLOB,
    progress  BLOB
) STRICT;
CREATE UNIQUE INDEX pms_items_key ON pms_items (practice, item_key);
CREATE UNIQUE INDEX pms_items_id ON pms_items (practice, id);
CREATE INDEX pms_items_due ON pms_items (seq, due) WHERE due IS NOT NULL;
CREATE INDEX pms_items_lane ON pms_items (lane, seq) WHERE blocking = 1 AND lane <> '';
CREATE INDEX pms_items_open ON pms_items (seq) WHERE open = 1;
CREATE INDEX pms_items_closed ON pms_items (practice, state, kind, reason, cause, created) WHERE open = 0;
CREATE INDEX pms_items_subject ON pms_items (subject, seq) WHERE subject <> '';
CREATE INDEX pms_items_blob ON pms_items (practice, blob) WHERE blob <> '';

-- item_seq is 0 for events that are not about an item that is stored.
CREATE TABLE pms_events (
    seq        INTEGER PRIMARY KEY,
    item_seq   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    item       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    from_state TEXT    NOT NULL,
    to_state   TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    detail     TEXT    NOT NULL
) STRICT;
CREATE INDEX pms_events_item ON pms_events (item_seq) WHERE item_seq > 0;
CREATE INDEX pms_events_stray ON pms_events (item, seq) WHERE item_seq = 0 AND item <> '';

CREATE TABLE pms_docs (
    practice INTEGER NOT NULL REFERENCES pms_practices (n),
    name     TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    updated  INTEGER NOT NULL,
    value    BLOB    NOT NULL,
    PRIMARY KEY (practice, name)
) STRICT;

CREATE TABLE pms_revisions (
    practice INTEGER NOT NULL REFERENCES pms_practices (n),
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    document BLOB    NOT NULL,
    PRIMARY KEY (practice, number)
) STRICT;

CREATE TABLE pms_seen (
    practice INTEGER NOT NULL REFERENCES pms_practices (n),
    feed     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    hash     TEXT    NOT NULL,
    start    INTEGER,
    status   TEXT    NOT NULL,
    rev      INTEGER NOT NULL,
    PRIMARY KEY (practice, feed, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pms_seen_start ON pms_seen (practice, feed, start) WHERE start IS NOT NULL;

CREATE TABLE pms_blobs (
    practice INTEGER NOT NULL REFERENCES pms_practices (n),
    blob     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (practice, blob)
) STRICT, WITHOUT ROWID;

CREATE TABLE pms_chunks (
    practice INTEGER NOT NULL,
    blob     TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    chunk    BLOB    NOT NULL,
    PRIMARY KEY (practice, blob, n),
    FOREIGN KEY (practice, blob) REFERENCES pms_blobs (practice, blob)
) STRICT;
