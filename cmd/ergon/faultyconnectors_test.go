package main_test

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// errRow is what a store says whose insert of many rows is one statement.
var errRow = ergon.Permanent(errors.New("the row breaks a rule of this store"))

// refusal are the transactions that a store refuses, by id, or by the line of a file as in ":11-"; a batch that has one of them
// fails as a whole.
type refusal struct {
	Refuses []string `yaml:"refuses"`
}

func (r refusal) of(batch []ergon.Transaction) error {
	for _, tx := range batch {
		for _, refused := range r.Refuses {
			if tx.ID() == refused || strings.HasPrefix(refused, ":") && strings.Contains(tx.ID(), refused) {
				return errRow
			}
		}
	}
	return nil
}

// refusingLetters are dead letters in SQLite, but for some.
type refusingLetters struct {
	*sqlite.DeadLetters
	refusal
}

type refusingLettersConfig struct {
	sqlite.DeadLettersConfig `yaml:",inline"`
	refusal                  `yaml:",inline"`
}

func (l *refusingLetters) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if err := l.of(batch); err != nil {
		return err
	}
	return l.DeadLetters.DispatchTransactions(ctx, batch)
}

// refusingQueue is a queue in SQLite that refuses some of what hops with its settlements, and has Go values in it: a payload
// that is the text "NaN" is fetched as the number that no JSON can be made of.
type refusingQueue struct {
	*sqlite.Queue
	refusal
}

type refusingQueueConfig struct {
	sqlite.QueueConfig `yaml:",inline"`
	refusal            `yaml:",inline"`
}

func (q *refusingQueue) HopTransactions(ctx context.Context, batch []capability.Hop) error {
	for _, hop := range batch {
		for _, output := range hop.Outputs {
			if err := q.of(output.Transactions); err != nil {
				return err
			}
		}
	}
	return q.Queue.HopTransactions(ctx, batch)
}

func (q *refusingQueue) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	txs, err := q.Queue.FetchTransactions(ctx, limit)
	for i := range txs {
		if content, _ := txs[i].Payload().([]byte); string(content) == "NaN" {
			txs[i] = txs[i].WithPayload(math.NaN())
		}
	}
	return txs, err
}

// killingLetters are dead letters in SQLite whose process is killed as soon as one is durable, once: the file Killed says so.
type killingLetters struct {
	*sqlite.DeadLetters

	killed string
}

type killingLettersConfig struct {
	sqlite.DeadLettersConfig `yaml:",inline"`

	Killed string `yaml:"killed"`
}

func (l *killingLetters) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	if err := l.DeadLetters.DispatchTransactions(ctx, batch); err != nil {
		return err
	}
	mark, err := os.OpenFile(l.killed, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	self, found := os.FindProcess(os.Getpid())
	if err := errors.Join(err, found); err != nil {
		return err
	}
	if err := errors.Join(mark.Close(), self.Kill()); err != nil {
		return err
	}
	select {} // until it takes effect
}

// sorter is a hybrid task that does what the program of the other tests does.
type sorter struct{ output ergon.Dispatcher }

func (*sorter) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[string]) ([]ergon.Transaction, error) {
	if strings.Contains(tx.Body, "broken") {
		return nil, ergon.Business(errors.New("it is broken"))
	}
	return []ergon.Transaction{ergon.NewTransaction("", []byte(`"fine"`))}, nil
}

func (s *sorter) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[[]byte]) error {
	return s.output.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction})
}

// registerFaulty adds them to what the program has.
func registerFaulty(r *config.Registry) {
	r.Task("sorter", func(d *ergon.Dependencies) ergon.Task {
		return ergon.Hybrid(&sorter{ergon.UseConnector[ergon.Dispatcher](d, "output")})
	}, "fails for what is broken")
	letters, queue := sqlite.DefaultDeadLettersConfig(), sqlite.DefaultQueueConfig()
	config.Connector(r, "refusing-letters", "dead letters, but for some", refusingLettersConfig{DeadLettersConfig: letters},
		func(c refusingLettersConfig) (*refusingLetters, error) {
			store, err := openLetters(c.DeadLettersConfig)
			return &refusingLetters{store, c.refusal}, err
		})
	config.Connector(r, "refusing-queue", "a queue that refuses some", refusingQueueConfig{QueueConfig: queue},
		func(c refusingQueueConfig) (*refusingQueue, error) {
			q, err := sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c.QueueConfig})
			return &refusingQueue{q, c.refusal}, err
		})
	config.Connector(r, "deadly-letters", "dead letters that kill", killingLettersConfig{DeadLettersConfig: letters},
		func(c killingLettersConfig) (*killingLetters, error) {
			store, err := openLetters(c.DeadLettersConfig)
			return &killingLetters{store, c.Killed}, err
		})
}

func openLetters(c sqlite.DeadLettersConfig) (*sqlite.DeadLetters, error) {
	return sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
}
