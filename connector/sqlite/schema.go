package sqlite

// The states of an item. An item without a due_at is in the line, one with it waits for that time:
//
//	state    due_at
//	ready    –                  may be claimed, in the order of the line
//	last     –                  ready, but claimed alone: one more lost delivery and it is a dead letter
//	behind   – or when not yet  waits for one before it with the same ordering key
//	delayed  not before         becomes ready then
//	claimed  end of the lease   is ready again then
//	settled  end of memory      is deleted then
const (
	stateReady   = "ready"
	stateDelayed = "delayed"
	stateBehind  = "behind"
	stateLast    = "last"
	stateClaimed = "claimed"
	stateSettled = "settled"
)

// applicationID marks the file as one of ours: "Ergo".
const applicationID = 0x4572676f

// migrations make a file of version n one of version n+1; an empty file has version 0. What has been released is never
// changed, only added to. Times are microseconds since 1970.
//
// They are written to be read beside a schema for another database: what SQLite has of its own is that integers hold states
// and times, that JSON is TEXT, and that sequence is a row. Partial indexes are as in PostgreSQL.
var migrations = [][]string{ //nolint:gochecknoglobals // a table
	{
		`CREATE TABLE queues (
			queue INTEGER PRIMARY KEY,
			name TEXT NOT NULL UNIQUE
		) STRICT`,
		// The next seq. Numbers are never used twice, so that a receipt of an item that is gone fits no other.
		`CREATE TABLE sequence (next INTEGER NOT NULL) STRICT`,
		`INSERT INTO sequence VALUES (1)`,
		`CREATE TABLE items (
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
		) STRICT`,
		`CREATE UNIQUE INDEX items_id ON items (queue, id)`,
		`CREATE INDEX items_line ON items (queue, state, priority DESC, place, ready_at) WHERE due_at IS NULL`,
		`CREATE INDEX items_due ON items (queue, state, due_at) WHERE due_at IS NOT NULL`,
		`CREATE INDEX items_key ON items (queue, key, seq) WHERE key IS NOT NULL`,
		// Payloads that would make an item too large to be written again with each change of its state.
		`CREATE TABLE bodies (
			seq INTEGER PRIMARY KEY,
			payload BLOB NOT NULL
		) STRICT`,
	},
	{
		`CREATE TABLE dead_letters (
			letter INTEGER PRIMARY KEY AUTOINCREMENT,
			queue INTEGER NOT NULL, -- that it came from; 0: from elsewhere
			id TEXT NOT NULL,
			task TEXT NOT NULL,
			category TEXT NOT NULL,
			phase TEXT NOT NULL,
			attempts INTEGER NOT NULL,
			message TEXT NOT NULL,
			first_error TEXT NOT NULL,
			fingerprint TEXT NOT NULL,
			handler_failed INTEGER NOT NULL,
			handler_error TEXT NOT NULL,
			deliveries INTEGER NOT NULL,
			enqueued_at INTEGER,
			failed_at INTEGER NOT NULL,
			metadata TEXT,
			history TEXT,
			payload BLOB NOT NULL
		) STRICT`,
		`CREATE UNIQUE INDEX dead_letters_id ON dead_letters (id, queue, task)`,
		`CREATE INDEX dead_letters_failed ON dead_letters (failed_at, letter)`,
		`CREATE INDEX dead_letters_fingerprint ON dead_letters (fingerprint, failed_at)`,
	},
	{
		// The schema of the file, and a name of its own that tells it from all others.
		`CREATE TABLE about (schema INTEGER NOT NULL, store TEXT NOT NULL) STRICT`,
		`INSERT INTO about VALUES (3, lower(hex(randomblob(16))))`,
		// Sets apart what has one id on purpose: '' for the first arrival, otherwise the arrival, or the seq where ids are not
		// deduplicated. Nothing else is unique, so that a later version can have more of an id by setting them apart.
		`ALTER TABLE items ADD COLUMN copy TEXT NOT NULL DEFAULT ''`,
		// 16 bytes for the content and, where it was edited, 16 for what it said first; NULL: to be had of the payload.
		`ALTER TABLE items ADD COLUMN digest BLOB`,
		`DROP INDEX items_id`,
		`CREATE UNIQUE INDEX items_id ON items (queue, id, copy)`,
		`CREATE INDEX items_copies ON items (queue, id) WHERE copy <> ''`,
		// The item that was delivered; NULL: not known.
		`ALTER TABLE dead_letters ADD COLUMN item INTEGER`,
		`ALTER TABLE dead_letters ADD COLUMN arrival TEXT NOT NULL DEFAULT ''`,
		`ALTER TABLE dead_letters ADD COLUMN digest BLOB`,
		`DROP INDEX dead_letters_id`,
		`CREATE INDEX dead_letters_id ON dead_letters (id, queue)`,
	},
	{
		// 'described': the payload is a text about it, see deadletter.EncodingDescribed; '': it is the payload itself.
		`ALTER TABLE dead_letters ADD COLUMN payload_encoding TEXT NOT NULL DEFAULT ''`,
		`ALTER TABLE dead_letters ADD COLUMN binary_metadata TEXT`, // JSON array of what is no UTF-8; NULL: none
	},
}

// oldestWriter is the oldest schema whose programs may write to a file of this one: what has been added since has defaults
// that they may leave alone. It is in user_version, which programs compare with the schema that they know. [K17]
const oldestWriter = 3
