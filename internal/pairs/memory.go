package pairs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/memory"
)

// sharedMemory holds the queues in memory, which all workers of a process share, as they would share a broker.
type sharedMemory struct {
	mu     sync.Mutex
	queues map[string]*memory.Queue
}

// queue returns the queue with that name, made where it is new.
func (s *sharedMemory) queue(name string, fill func() ([]ergon.Transaction, error)) (*memory.Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	transactions, err := fill()
	if err != nil {
		return nil, err
	}
	s.queues[name] = memory.New(memory.Settings{Transactions: transactions, Finite: true})
	return s.queues[name], nil
}

func (s *sharedMemory) source(c itemsConfig) (*memory.Queue, error) {
	return s.queue(c.Items, func() ([]ergon.Transaction, error) {
		items, err := readItems(c.Items)
		var transactions []ergon.Transaction
		for _, one := range items {
			transactions = append(transactions, transactionOf(one))
		}
		return transactions, err
	})
}

func (s *sharedMemory) sink(c pathConfig) (*memorySink, error) {
	q, err := s.queue(c.Path, func() ([]ergon.Transaction, error) { return nil, nil })
	return &memorySink{Queue: q, path: c.Path}, err
}

// memorySink writes what it was sent to a file when it is closed, for the auditor.
type memorySink struct {
	*memory.Queue

	path string
}

func (m *memorySink) Close(ctx context.Context) error {
	return errors.Join(m.write(ctx), m.Queue.Close(ctx))
}

// write appends what other workers have not written yet.
func (m *memorySink) write(ctx context.Context) error {
	f, err := os.OpenFile(m.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer f.Close() //nolint:errcheck // the last write tells
	for waiting, err := m.CountTransactions(ctx); waiting > 0; waiting, err = m.CountTransactions(ctx) {
		if err != nil {
			return err
		}
		transactions, err := m.FetchTransactions(ctx, int(waiting))
		if err != nil && !errors.Is(err, ergon.ErrExhausted) {
			return err
		}
		for _, tx := range transactions {
			if err := writePayload(f, tx.Payload()); err != nil {
				return err
			}
		}
	}
	return nil
}

// writePayload writes bytes as they are and everything else, which is a dead letter, as JSON.
func writePayload(w io.Writer, payload any) error {
	line, ok := payload.([]byte)
	if !ok {
		var err error
		if line, err = json.Marshal(payload); err != nil {
			return fmt.Errorf("write what memory holds: %w", err)
		}
	}
	_, err := fmt.Fprintf(w, "%s\n", line)
	return err //nolint:wrapcheck // it names the file
}

func transactionOf(i item) ergon.Transaction {
	tx := ergon.NewTransaction(fmt.Sprintf("item-%d", i.N), encoded(i))
	if i.Key != "" {
		tx = tx.WithOrderingKey(i.Key)
	}
	return tx
}
