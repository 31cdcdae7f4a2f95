package pairs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// enqueue puts items into the queue that a row reads from.
func enqueue(s *rowRun, items []item) (err error) {
	q, err := openQueue(s, "q.db", "in")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close(context.Background())) }()
	batch := make([]ergon.Transaction, len(items))
	for i, one := range items {
		batch[i] = transactionOf(one)
	}
	return q.DispatchTransactions(context.Background(), batch)
}

func openQueue(s *rowRun, name, queue string) (*sqlite.Queue, error) {
	settings := sqlite.QueueSettings{QueueConfig: sqlite.DefaultQueueConfig()}
	settings.Path, settings.Queue = s.path(name), queue
	q, err := sqlite.NewQueue(settings)
	if err != nil {
		return nil, err
	}
	err = q.Open(context.Background())
	return q, err
}

func writeCSV(s *rowRun, items []item) error {
	var text strings.Builder
	text.WriteString("n,key\n")
	for _, one := range items {
		fmt.Fprintf(&text, "%d,%s\n", one.N, one.Key)
	}
	return os.WriteFile(s.path("in.csv"), []byte(text.String()), 0o600) //nolint:wrapcheck // it names the file
}

func writeLines(s *rowRun, items []item) error {
	var text strings.Builder
	for _, one := range items {
		text.Write(encoded(one))
		text.WriteByte('\n')
	}
	return os.WriteFile(s.path("in.jsonl"), []byte(text.String()), 0o600) //nolint:wrapcheck // it names the file
}
