// Package spool is a small complete connector, to begin one of your own with: a queue in one JSON file. It is a source and a sink, and
// keeps every rule of the suite for connectors. docs/writing-a-connector.md explains it.
//
// Every change writes the whole file, so it is for hundreds of transactions. For more there is connector/sqlite.
package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/policy"
)

// What the engine finds in it.
var (
	_ ergon.Opener        = (*Queue)(nil)
	_ ergon.Fetcher       = (*Queue)(nil)
	_ capability.Settler  = (*Queue)(nil)
	_ ergon.Dispatcher    = (*Queue)(nil)
	_ capability.Counter  = (*Queue)(nil)
	_ capability.Declarer = (*Queue)(nil)
	_ ergon.Closer        = (*Queue)(nil)
)

var (
	errClosed  = errors.New("spool: the queue is not open")
	errForeign = errors.New("the transaction did not come from this queue")
	errPayload = errors.New("spool: the payload must be []byte")
)

// Queue is a queue in a file. One process may have it open. It is safe for concurrent use.
type Queue struct {
	path string

	mu     sync.Mutex
	open   bool
	stored content
	claims map[int64]*claim // of the deliveries that are not settled; they are gone with the process, and delivered again
}

// content is the content of the file.
type content struct {
	Next     int64  `json:"next"` // the number of the next item
	Items    []item `json:"items"`
	Rejected []item `json:"rejected"`
}

type item struct {
	Number   int64             `json:"number"`
	ID       string            `json:"id"`
	Payload  []byte            `json:"payload"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Count    int               `json:"count"` // deliveries
	Due      time.Time         `json:"due,omitzero"`
}

// claim is the receipt of one delivery. Another delivery of the same item has another.
type claim struct{ number int64 }

// New returns a queue in the file at path. It does no I/O.
func New(path string) *Queue { return &Queue{path: path} }

// Declare says what the queue is: one worker may use it, and what it settles is durable.
func (q *Queue) Declare() capability.Declaration {
	return capability.Declaration{Destination: filepath.Base(q.path), Sharing: capability.SharingSingle}
}

// Open reads the file. It takes no transaction.
func (q *Queue) Open(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	data, err := os.ReadFile(q.path)
	stored := content{}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("spool: open: %w", err)
	default:
		if err := json.Unmarshal(data, &stored); err != nil {
			return fmt.Errorf("spool: %s is not a spool file: %w", q.path, err)
		}
	}
	q.open, q.stored, q.claims = true, stored, map[int64]*claim{}
	return nil
}

// Close forgets the deliveries that are not settled: the next Open delivers them again.
func (q *Queue) Close(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open, q.claims = false, nil
	return nil
}

// FetchTransactions never waits, so a cancelled fetch has taken nothing.
func (q *Queue) FetchTransactions(ctx context.Context, limit int) (batch []ergon.Transaction, err error) {
	err = q.change(ctx, func(c *content) (changed bool, done func()) {
		now := time.Now()
		for i := range c.Items {
			it := &c.Items[i]
			if len(batch) == limit || q.claims[it.Number] != nil || it.Due.After(now) {
				continue
			}
			it.Count++
			batch = append(batch, ergon.NewTransaction(it.ID, it.Payload).WithAllMetadata(it.Metadata).
				WithDelivery(ergon.Delivery{Receipt: &claim{it.Number}, Count: it.Count}))
		}
		return len(batch) > 0, func() {
			for _, tx := range batch {
				receipt := tx.Delivery().Receipt.(*claim) //nolint:forcetypeassert // it was made above
				q.claims[receipt.number] = receipt
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return batch, nil
}

// SettleTransactions settles a batch with one write. Each stale delivery fails alone.
func (q *Queue) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	failures := map[int]error{}
	err := q.change(ctx, func(c *content) (changed bool, done func()) {
		var settled []int64
		for i := range batch {
			receipt, ok := batch[i].Transaction.Delivery().Receipt.(*claim)
			switch {
			case !ok:
				failures[i] = errForeign
			case q.claims[receipt.number] != receipt || slices.Contains(settled, receipt.number):
				failures[i] = capability.ErrStaleDelivery
			default:
				c.settle(receipt.number, &batch[i])
				settled = append(settled, receipt.number)
			}
		}
		return len(settled) > 0, func() {
			for _, number := range settled {
				delete(q.claims, number)
			}
		}
	})
	return failed(err, failures)
}

func (c *content) settle(number int64, s *capability.Settlement) {
	at := slices.IndexFunc(c.Items, func(it item) bool { return it.Number == number })
	it := c.Items[at]
	switch {
	case s.Action == policy.SettleAck:
		c.Items = slices.Delete(c.Items, at, at+1)
	case s.Action == policy.SettleReject:
		c.Items, c.Rejected = slices.Delete(c.Items, at, at+1), append(c.Rejected, it)
	case s.Interrupted: // it keeps its place, and the delivery does not count
		c.Items[at].Count--
		c.Items[at].Due = time.Now().Add(s.Delay)
	default:
		it.Due = time.Now().Add(s.Delay)
		c.Items = append(slices.Delete(c.Items, at, at+1), it)
	}
}

// DispatchTransactions appends a batch with one write. Each payload that is not []byte fails alone, and for good.
func (q *Queue) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	failures := map[int]error{}
	err := q.change(ctx, func(c *content) (changed bool, done func()) {
		for i, tx := range batch {
			payload, ok := tx.Payload().([]byte)
			if !ok {
				failures[i] = ergon.Permanent(errPayload)
				continue
			}
			c.Items = append(c.Items, item{Number: c.Next, ID: tx.ID(), Payload: payload, Metadata: maps.Collect(tx.AllMetadata())})
			c.Next++
		}
		return len(failures) < len(batch), func() {}
	})
	return failed(err, failures)
}

// CountTransactions counts what a new loop would fetch.
func (q *Queue) CountTransactions(context.Context) (int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.open {
		return 0, errClosed
	}
	return int64(len(q.stored.Items) - len(q.claims)), nil
}

// change edits a copy of the content and writes it. Only when it is durable, the copy becomes the content and done is called.
func (q *Queue) change(ctx context.Context, edit func(c *content) (changed bool, done func())) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !q.open:
		return errClosed
	case ctx.Err() != nil:
		return fmt.Errorf("spool: %w", context.Cause(ctx))
	}
	next := content{q.stored.Next, slices.Clone(q.stored.Items), slices.Clone(q.stored.Rejected)}
	changed, done := edit(&next)
	if !changed {
		return nil
	}
	if err := q.write(next); err != nil {
		return fmt.Errorf("spool: write %s: %w", q.path, err)
	}
	q.stored = next
	done()
	return nil
}

// write replaces the file: after a crash it is the old one or the new one.
func (q *Queue) write(c content) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(q.path), filepath.Base(q.path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), q.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func failed(err error, failures map[int]error) error {
	if err == nil && len(failures) > 0 {
		return &ergon.BatchError{Failures: failures}
	}
	return err
}
