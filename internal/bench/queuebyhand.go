package bench

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// byHand is a queue as one would write it for one purpose, on the bare driver: ids are known while their items are there, a
// claim has a lease and a token, and nothing else. Statements that can do a batch at once do so.
type byHand struct {
	*rawSQLite

	statements handStatements
	next       *int64 // number of an item
}

// handStatements insert an item, by its number, queue, id, time and payload; claim a batch, by the end of its lease, queue and
// size; and settle an item, by its number, token and time.
type handStatements struct{ insert, claim, settle string }

var byHandSchema = []string{
	`CREATE TABLE items (
		seq INTEGER PRIMARY KEY,
		queue INTEGER NOT NULL,
		id TEXT NOT NULL,
		state INTEGER NOT NULL DEFAULT 0,
		due_at INTEGER,
		claims INTEGER NOT NULL DEFAULT 0,
		enqueued_at INTEGER NOT NULL,
		payload BLOB NOT NULL
	) STRICT`,
	`CREATE UNIQUE INDEX items_id ON items (queue, id)`,
	`CREATE INDEX items_line ON items (queue, state, seq)`,
}

// ownTables are the statements for byHandSchema, ourTables those for the tables of connector/sqlite, where an item that is
// settled stays, because its id is remembered.
var (
	ownTables = handStatements{
		insert: `INSERT INTO items (seq, queue, id, enqueued_at, payload) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		claim: `UPDATE items SET state = 1, due_at = ?, claims = claims + 1 WHERE seq IN (
			SELECT seq FROM items WHERE queue = ? AND state = 0 ORDER BY seq LIMIT ?) RETURNING seq, claims, id, payload`,
		settle: `DELETE FROM items WHERE seq = ? AND claims = ? AND state = 1 AND due_at > ?`,
	}
	ourTables = handStatements{
		insert: `INSERT INTO items (seq, queue, id, state, priority, place, enqueued_at, ready_at, payload)
			VALUES (?1, ?2, ?3, 'ready', 0, ?1, ?4, ?4, ?5) ON CONFLICT (queue, id, copy) DO NOTHING`,
		claim: `UPDATE items SET state = 'claimed', due_at = ?, claims = claims + 1, deliveries = deliveries + 1 WHERE seq IN (
			SELECT seq FROM items WHERE queue = ? AND state = 'ready' AND due_at IS NULL ORDER BY priority DESC, place LIMIT ?)
			RETURNING seq, claims, id, payload`,
		settle: `UPDATE items SET state = 'settled', due_at = ?3 + 600000000, settled_at = ?3, payload = NULL
			WHERE seq = ?1 AND claims = ?2 AND state = 'claimed' AND due_at > ?3`,
	}
)

// openByHand opens a file with tables of its own.
func openByHand(path string) (byHand, error) {
	raw, err := openRawSQLite(path)
	if err != nil {
		return byHand{}, err
	}
	for _, statement := range byHandSchema {
		if _, err := raw.exec(statement); err != nil {
			return byHand{}, errors.Join(err, raw.close())
		}
	}
	return byHand{rawSQLite: raw, statements: ownTables, next: new(int64)}, nil
}

// openByHandOnOurTables opens a file that connector/sqlite has made.
func openByHandOnOurTables(ctx context.Context, path string) (byHand, error) {
	made, err := openErgon(ctx, path, asConfigured)
	if err == nil {
		err = made.close()
	}
	if err != nil {
		return byHand{}, err
	}
	raw, err := openRawSQLite(path)
	return byHand{rawSQLite: raw, statements: ourTables, next: new(int64)}, err
}

// handClaimed is an item that is claimed.
type handClaimed struct {
	seq, claims int64
	id          string
	payload     []byte
}

func (q byHand) insert(queue int64, id string, payload []byte) error {
	*q.next++
	_, err := q.exec(q.statements.insert, *q.next, queue, id, time.Now().UnixMicro(), payload)
	return err
}

// enqueue inserts items numbered from first, all in one transaction.
func (q byHand) enqueue(queue int64, first, n int) error {
	return q.inTransaction(func() error {
		for i := first; i < first+n; i++ {
			if err := q.insert(queue, queuedID(i), queuedPayload(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill enqueues as many in batches.
func (q byHand) fill(queue int64, items int) error {
	return inBatches(items, func(first, n int) error { return q.enqueue(queue, first, n) })
}

func (q byHand) claim(queue int64, n int) (batch []handClaimed, err error) {
	err = q.inTransaction(func() error {
		return q.query(q.statements.claim, func(r []driver.Value) {
			c := handClaimed{}
			c.seq, _ = r[0].(int64)
			c.claims, _ = r[1].(int64)
			c.id, _ = r[2].(string)
			c.payload, _ = r[3].([]byte)
			batch = append(batch, c)
		}, time.Now().Add(time.Minute).UnixMicro(), queue, int64(n))
	})
	return batch, err
}

// settle settles a batch in one transaction, together with what before writes for each of it.
func (q byHand) settle(batch []handClaimed, before func(handClaimed) error) error {
	return q.inTransaction(func() error {
		now := time.Now().UnixMicro()
		for _, c := range batch {
			if err := before(c); err != nil {
				return err
			}
			if gone, err := q.exec(q.statements.settle, c.seq, c.claims, now); err != nil || gone != 1 {
				return errors.Join(err, fmt.Errorf("%d of item %s were settled", gone, c.id))
			}
		}
		return nil
	})
}

// work claims and settles a batch at a time until there are no more.
func (q byHand) work(queue int64, before func(handClaimed) error) (int, error) {
	for done := 0; ; {
		batch, err := q.claim(queue, batchSize)
		if err != nil || len(batch) == 0 {
			return done, err
		}
		if err := q.settle(batch, before); err != nil {
			return done, err
		}
		done += len(batch)
	}
}

// hop is work that puts what came out of each item into another queue, in the transaction that settles it.
func (q byHand) hop(ctx context.Context, from, to int64, work Call) (int, error) {
	return q.work(from, func(c handClaimed) error {
		if err := work(ctx); err != nil {
			return err
		}
		return q.insert(to, c.id+"/0", c.payload)
	})
}

func queuedID(i int) string { return fmt.Sprintf("item-%09d", i) }

// queuedPayload is what is typical of a queue: a hundred bytes of JSON.
func queuedPayload(i int) []byte {
	return fmt.Appendf(nil, `{"order":%d,"customer":"c-%06d","net_cents":%d,"currency":"EUR","items":[1,2,3],"note":"none at all"}`,
		i, i%1_000_000, i%10_000)
}

// inBatches calls do for all of as many items, a batch at a time.
func inBatches(items int, do func(first, n int) error) error {
	for first := 0; first < items; first += batchSize {
		if err := do(first, min(batchSize, items-first)); err != nil {
			return err
		}
	}
	return nil
}
