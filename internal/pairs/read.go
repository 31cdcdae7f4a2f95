package pairs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
)

// everything is more than a row has of anything.
const everything = 100 * itemCount

// lines reads a file of lines; one that is not there has none.
func lines(name string) func(*rowRun) ([]string, error) {
	return func(s *rowRun) ([]string, error) {
		f, err := os.Open(s.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the file
		}
		defer f.Close() //nolint:errcheck // only read
		var all []string
		scanner := bufio.NewScanner(f)
		for scanner.Scan() {
			all = append(all, scanner.Text())
		}
		return all, scanner.Err() //nolint:wrapcheck // of a file that was opened
	}
}

// queued looks into a queue.
func queued(name, queue string) func(*rowRun) ([]string, error) {
	return func(s *rowRun) (all []string, err error) {
		q, err := openQueue(s, name, queue)
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		defer func() { err = errors.Join(err, q.Close(ctx)) }()
		return peeked(ctx, q)
	}
}

// peeked returns what is in a queue and not settled.
func peeked(ctx context.Context, q capability.Inspector) (all []string, err error) {
	for _, state := range []capability.QueueState{capability.StateReady, capability.StateDelayed, capability.StateClaimed} {
		transactions, err := q.PeekTransactions(ctx, state, everything)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the queue
		}
		for _, tx := range transactions {
			all = append(all, fmt.Sprintf("%s", tx.Payload()))
		}
	}
	return all, nil
}

// buried looks into a store of dead letters.
func buried(name string) func(*rowRun) ([]string, error) {
	return func(s *rowRun) (all []string, err error) {
		settings := sqlite.DeadLettersSettings{DeadLettersConfig: sqlite.DefaultDeadLettersConfig()}
		settings.Path = s.path(name)
		store, err := sqlite.NewDeadLetters(settings)
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		if err := store.Open(ctx); err != nil {
			return nil, errors.Join(err, store.Close(ctx))
		}
		defer func() { err = errors.Join(err, store.Close(ctx)) }()
		return listed(ctx, store)
	}
}

// listed returns the records in a store of dead letters.
func listed(ctx context.Context, store deadletter.Store) (all []string, err error) {
	letters, err := store.ListDeadLetters(ctx, deadletter.Filter{}, deadletter.Page{Limit: everything})
	for _, letter := range letters {
		text, err := json.Marshal(letter.Record)
		if err != nil {
			return nil, fmt.Errorf("letter %s: %w", letter.Key, err)
		}
		all = append(all, string(text))
	}
	return all, err //nolint:wrapcheck // it names the store
}
