package crashrun

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	_ "modernc.org/sqlite" // integrity_check

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
)

// view is a setup's file as whoever only looks has it open.
type view struct {
	setup   Setup
	queues  map[string]*sqlite.Queue
	letters *sqlite.DeadLetters
}

func (s Setup) look(ctx context.Context) (v view, err error) {
	v = view{setup: s, queues: map[string]*sqlite.Queue{}}
	if v.letters, err = s.newLetters(); err != nil {
		return v, err
	}
	for _, name := range []string{"in", "out", "trail", "effects"} {
		q, err := s.newQueue(name)
		if err == nil {
			err = q.Open(ctx)
		}
		if err != nil {
			return v, errors.Join(err, v.close(ctx))
		}
		v.queues[name] = q
	}
	return v, v.letters.Open(ctx)
}

func (v view) close(ctx context.Context) error {
	errs := []error{v.letters.Close(ctx)}
	for _, q := range v.queues {
		errs = append(errs, q.Close(ctx))
	}
	return errors.Join(errs...)
}

// finished counts the transactions that have come to their end.
func (v view) finished(ctx context.Context) (int, error) {
	effects, err := v.queues["effects"].CountTransactions(ctx)
	if err != nil {
		return 0, err
	}
	letters, err := v.letters.CountTransactions(ctx)
	return int(effects + letters), err
}

// waiting returns what is in a queue and not settled, and fails where some of it is claimed.
func (v view) waiting(ctx context.Context, queue string) ([]ergon.Transaction, error) {
	stats, err := v.queues[queue].InspectQueue(ctx)
	if err != nil {
		return nil, err
	}
	if stats.Claimed > 0 {
		return nil, fmt.Errorf("queue %s: %d are claimed, although nobody is at work", queue, stats.Claimed)
	}
	var all []ergon.Transaction
	for _, state := range []capability.QueueState{capability.StateReady, capability.StateDelayed} {
		batch, err := v.queues[queue].PeekTransactions(ctx, state, v.setup.Items*2+1)
		if err != nil {
			return nil, err
		}
		all = append(all, batch...)
	}
	return all, nil
}

// parcels returns what is in a queue whose transactions nobody takes.
func (v view) parcels(ctx context.Context, queue string) ([]request, error) {
	batch, err := v.waiting(ctx, queue)
	if err != nil {
		return nil, err
	}
	all := make([]request, len(batch))
	for i, tx := range batch {
		if all[i], err = parcelOf(tx); err != nil {
			return nil, fmt.Errorf("queue %s: %w", queue, err)
		}
	}
	return all, nil
}

func parcelOf(tx ergon.Transaction) (p request, err error) {
	data, _ := tx.Payload().([]byte)
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("transaction %s: %w", tx.ID(), err)
	}
	return p, nil
}

// dead returns the ids of the dead letters.
func (v view) dead(ctx context.Context) ([]string, error) {
	letters, err := v.letters.ListDeadLetters(ctx, deadletter.Filter{}, deadletter.Page{Limit: v.setup.Items + 1})
	ids := make([]string, len(letters))
	for i := range letters {
		ids[i] = letters[i].ID
	}
	return ids, err
}

// intact has SQLite check the whole file.
func (s Setup) intact(ctx context.Context) error {
	db, err := sql.Open("sqlite", s.file())
	if err != nil {
		return fmt.Errorf("open the file: %w", err)
	}
	defer db.Close() //nolint:errcheck // nothing was written
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check")
	if err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var said []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return fmt.Errorf("check the file: %w", err)
		}
		said = append(said, line)
	}
	if text := strings.Join(said, "; "); text != "ok" || rows.Err() != nil {
		return errors.Join(fmt.Errorf("the file is damaged: %s", text), rows.Err())
	}
	return nil
}
