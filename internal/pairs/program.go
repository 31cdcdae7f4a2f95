package pairs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/connector/postgres/stock"
	"github.com/ergon-go/ergon/connector/sqlite"
)

// programVariable makes a process of this binary the program under test.
const programVariable = "ERGON_PAIRS_PROGRAM"

// Program runs the program under test and ends the process, where this process is to be one.
func Program() {
	if os.Getenv(programVariable) != "" {
		app.Run(app.Settings{Registry: registry(), Name: "pairs"})
	}
}

// registry has the stock connectors, those in memory, and the task of all rows.
func registry() *config.Registry {
	r := config.NewRegistry()
	config.Task(r, "copy", "sends on what it gets, and does to some what the scenario says", copySettings{}, newCopy)
	config.Connector(r, "file", "records of a file", file.DefaultSourceConfig(), func(c file.SourceConfig) (*file.Source, error) {
		return file.NewSource(file.SourceSettings{SourceConfig: c})
	})
	config.Connector(r, "file-sink", "lines in a file", file.DefaultSinkConfig(), func(c file.SinkConfig) (*file.Sink, error) {
		return file.NewSink(file.SinkSettings{SinkConfig: c})
	})
	config.Connector(r, "queue", "a queue in a file", sqlite.DefaultQueueConfig(), func(c sqlite.QueueConfig) (*sqlite.Queue, error) {
		return sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
	})
	config.Connector(r, "dead-letters", "dead letters in a file", sqlite.DefaultDeadLettersConfig(),
		func(c sqlite.DeadLettersConfig) (*sqlite.DeadLetters, error) {
			return sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
		})
	stock.Connectors(r)
	shared := &sharedMemory{queues: map[string]*memory.Queue{}}
	config.Connector(r, "memory", "transactions in memory", itemsConfig{}, shared.source)
	config.Connector(r, "memory-sink", "memory, written to a file in the end", pathConfig{}, shared.sink)
	config.Connector(r, "generator", "transactions made up", itemsConfig{}, func(c itemsConfig) (*memory.Generator, error) {
		items, err := readItems(c.Items)
		return memory.NewGenerator(int64(len(items)), func(i int64) any { return encoded(items[i]) }), err
	})
	return r
}

type itemsConfig struct {
	Items string `yaml:"items"`
}

type pathConfig struct {
	Path string `yaml:"path"`
}

// item is the payload of an inbound transaction, result that of an outbound one.
type item struct {
	N   int    `json:"n"`
	Key string `json:"key,omitempty"`
}

type result struct {
	N       int `json:"n"`
	Version int `json:"version"`
}

func encoded(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the types above can be encoded
	}
	return text
}

func readItems(path string) ([]item, error) {
	f, err := os.Open(path) //nolint:gosec // the row's own file
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	defer f.Close() //nolint:errcheck // only read
	var items []item
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var one item
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		items = append(items, one)
	}
	return items, nil
}

// copySettings are those of the task.
type copySettings struct {
	Folder   string `yaml:"folder"`
	Scenario string `yaml:"scenario"`
}

type copyTask struct {
	copySettings

	output ergon.Dispatcher
}

var (
	_ ergon.ConsumerTask[item, []ergon.Transaction] = (*copyTask)(nil)
	_ ergon.ProducerTask[result]                    = (*copyTask)(nil)
	_ ergon.ProcessExceptionHandler                 = (*copyTask)(nil)
)

func newCopy(s copySettings, d *ergon.Dependencies) ergon.Task {
	return ergon.Hybrid(&copyTask{copySettings: s, output: ergon.UseConnector[ergon.Dispatcher](d, "output")})
}

// The files of a row's folder by which the test and the task talk.
const (
	// fixedFile: what could not be processed can be from now on.
	fixedFile = "fixed"
	// correctedFile: the task says something else from now on.
	correctedFile = "corrected"
	// journalFile has a line for each item that is processed, at its beginning.
	journalFile = "journal"
)

var errOnce = errors.New("does not work the first time")

// affected reports whether the scenario does something to an item. An edited item is not affected.
func affected(n int) bool { return n < edited && n%10 == 3 }

// edited is what an edit adds to the number of an item.
const edited = 1_000_000

// ProcessTransaction does to the item what the scenario says.
func (t *copyTask) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[item]) ([]ergon.Transaction, error) {
	n := tx.Body.N
	switch {
	case t.Scenario == scenarioRequeue && affected(n) && t.first(n):
		return nil, ergon.Permanent(errOnce)
	case (t.Scenario == scenarioRetry || t.Scenario == scenarioEdit) && affected(n) && !t.has(fixedFile):
		return nil, ergon.Business(fmt.Errorf("item %d is not accepted", n))
	}
	if err := t.note(tx.Body); err != nil {
		return nil, err
	}
	version := 1
	if t.has(correctedFile) {
		version = 2
	}
	return []ergon.Transaction{ergon.NewTransaction("", encoded(result{N: n, Version: version}))}, nil
}

// HandleProcessException has the source deliver again what does not work the first time.
func (t *copyTask) HandleProcessException(
	_ context.Context, _ ergon.Transaction, cause *ergon.TransactionError,
) (ergon.Disposition, error) {
	if errors.Is(cause, errOnce) {
		return ergon.Requeue(0), nil
	}
	return ergon.Disposition{}, nil
}

// PrepareTransaction sends the result on.
func (t *copyTask) PrepareTransaction(ctx context.Context, tx ergon.TransactionOf[result]) error {
	return t.output.DispatchTransactions(ctx, []ergon.Transaction{tx.Transaction}) //nolint:wrapcheck // the task's own
}

// first reports whether item n was never seen before, by any process.
func (t *copyTask) first(n int) bool {
	f, err := os.OpenFile(filepath.Join(t.Folder, "seen-"+strconv.Itoa(n)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false
	}
	return err == nil && f.Close() == nil
}

func (t *copyTask) has(name string) bool {
	_, err := os.Stat(filepath.Join(t.Folder, name))
	return err == nil
}

// note appends to the journal; lines of several processes do not mix.
func (t *copyTask) note(i item) error {
	f, err := os.OpenFile(filepath.Join(t.Folder, journalFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintf(f, "%s %d\n", i.Key, i.N)
		err = errors.Join(err, f.Close())
	}
	return err //nolint:wrapcheck // it names the file
}
