-- A file as version 1 of the schema left it.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
CREATE TABLE queues (
			queue INTEGER PRIMARY KEY,
			name TEXT NOT NULL UNIQUE
		) STRICT;
CREATE TABLE sequence (next INTEGER NOT NULL) STRICT;
INSERT INTO sequence VALUES (1);
CREATE TABLE items (
			seq INTEGER PRIMARY KEY,
			queue INTEGER NOT NULL,
			id TEXT NOT NULL,
			state TEXT NOT NULL,
			due_at INTEGER,
			priority INTEGER NOT NULL,
			place INTEGER NOT NULL, -- in the line, within a priority
			key TEXT, -- ordering key, until it is settled
			claims INTEGER NOT NULL DEFAULT 0, -- of all time: with seq, the token of a delivery
			deliveries INTEGER NOT NULL DEFAULT 0, -- those that count
			lost INTEGER NOT NULL DEFAULT 0, -- deliveries in a row that were never settled
			enqueued_at INTEGER NOT NULL,
			ready_at INTEGER NOT NULL, -- since when, or from when on, it may be claimed
			settled_at INTEGER,
			metadata TEXT, -- JSON object
			history TEXT, -- JSON array: what it was a dead letter for
			payload BLOB -- NULL: in bodies
		) STRICT;
CREATE UNIQUE INDEX items_id ON items (queue, id);
CREATE INDEX items_line ON items (queue, state, priority DESC, place, ready_at) WHERE due_at IS NULL;
CREATE INDEX items_due ON items (queue, state, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX items_key ON items (queue, key, seq) WHERE key IS NOT NULL;
CREATE TABLE bodies (
			seq INTEGER PRIMARY KEY,
			payload BLOB NOT NULL
		) STRICT;
PRAGMA application_id = 0x4572676f;
PRAGMA user_version = 1;
INSERT INTO queues VALUES (1, 'jobs');
UPDATE sequence SET next = 4;
INSERT INTO items (seq, queue, id, state, priority, place, enqueued_at, ready_at, payload)
	VALUES (1, 1, 'a', 'ready', 0, 1, 1709200000000000, 1709200000000000, CAST('"a"' AS BLOB));
INSERT INTO items (seq, queue, id, state, due_at, priority, place, claims, deliveries, enqueued_at, ready_at, payload)
	VALUES (2, 1, 'b', 'claimed', 1709208000000000, 0, 2, 1, 1, 1709200000000000, 1709200000000000, CAST('"b"' AS BLOB));
INSERT INTO items (seq, queue, id, state, due_at, priority, place, claims, deliveries, enqueued_at, ready_at, settled_at)
	VALUES (3, 1, 'c', 'settled', 1809208000000000, 0, 3, 1, 1, 1709200000000000, 1709200000000000, 1709200000000001);
