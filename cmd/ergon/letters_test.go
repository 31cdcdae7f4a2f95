package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	program "github.com/ergon-go/ergon/cmd/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

// letterStore is a stock store for dead letters, and how what it keeps is read again.
type letterStore struct {
	make func(dir string) (ergon.Dispatcher, error)
	read func(t *testing.T, dir string, store ergon.Dispatcher) []deadletter.Record
}

// letterStores are the stock ones: a new store is a line here.
var letterStores = map[string]letterStore{
	"sqlite": {newLetterFile, readLetterFile}, "file": {newLetterLines, readLetterLines}, "memory": {newLetterQueue, readLetterQueue},
}

func newLetterFile(dir string) (ergon.Dispatcher, error) {
	c := sqlite.DefaultDeadLettersConfig()
	c.Path = filepath.Join(dir, "letters.db")
	return sqlite.NewDeadLetters(sqlite.DeadLettersSettings{DeadLettersConfig: c})
}

func readLetterFile(t *testing.T, dir string, _ ergon.Dispatcher) (all []deadletter.Record) {
	store, err := newLetterFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	letters := store.(*sqlite.DeadLetters)
	if err := letters.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	listed, err := letters.ListDeadLetters(t.Context(), deadletter.Filter{}, deadletter.Page{Limit: 100})
	if err = errors.Join(err, letters.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, l := range listed {
		all = append(all, l.Record)
	}
	return all
}

func newLetterLines(dir string) (ergon.Dispatcher, error) {
	c := file.DefaultSinkConfig()
	c.Path = filepath.Join(dir, "letters.jsonl")
	return file.NewSink(file.SinkSettings{SinkConfig: c})
}

func readLetterLines(t *testing.T, dir string, _ ergon.Dispatcher) (all []deadletter.Record) {
	for line := range strings.Lines(readFile(t, filepath.Join(dir, "letters.jsonl"))) {
		var read struct {
			deadletter.Record

			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatal(err)
		}
		if err := read.SetPayload(read.Payload); err != nil {
			t.Fatal(err)
		}
		all = append(all, read.Record)
	}
	return all
}

func newLetterQueue(string) (ergon.Dispatcher, error) { return memory.New(memory.Settings{}), nil }

func readLetterQueue(t *testing.T, _ string, store ergon.Dispatcher) (all []deadletter.Record) {
	queue := store.(*memory.Queue)
	if err := queue.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	txs, err := queue.FetchTransactions(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, tx := range txs {
		record, _ := tx.Payload().(deadletter.Record)
		all = append(all, record)
	}
	return all
}

// wild panics when it is encoded.
type nonJSON struct{ Text string }

func (nonJSON) MarshalJSON() ([]byte, error) { panic("at MarshalJSON") }

// [S2] [E4] Every kind of payload in every stock store: its letter is written with what it was, so are those of its neighbours, the
// source has nothing left, and the run ends without an error.
func TestEveryTransactionCanBeWrittenAsALetter(t *testing.T) {
	self := map[string]any{}
	self["self"] = self
	const hundredMB = "100 MB"
	for name, payload := range map[string]struct {
		payload any
		want    string // what is requeued; "" where the payload can only be described
	}{
		"JSON": {[]byte(`{"a":1}`), `{"a":1}`}, "text": {[]byte("not json"), "not json"}, "bytes": {[]byte("\xff\x00a"), "\xff\x00a"},
		"a string that is no UTF-8": {"a\xff", "a\xff"}, "a value": {map[string]int{"a": 1}, `{"a":1}`}, "nothing": {nil, "null"},
		"a malformed record": {file.Malformed{Place: "x:1", Problem: "is bad", Raw: []byte("\xfebad")}, "\xfebad"},
		"NaN":                {math.NaN(), ""}, "a function": {func() {}, ""}, "a channel": {make(chan int), ""}, "a cycle": {self, ""},
		"MarshalJSON panics": {nonJSON{"x"}, ""}, "an error": {errors.New("unreadable"), ""},
		"16 MB":   {[]byte(strings.Repeat("x", 16<<20)), strings.Repeat("x", 16<<20)},
		hundredMB: {[]byte(strings.Repeat("x", 100<<20)), strings.Repeat("x", 100<<20)},
	} {
		for kind, store := range letterStores {
			if name == hundredMB && kind != "sqlite" {
				continue // one is enough: it takes ten seconds with the race detector
			}
			t.Run(name+" "+kind, func(t *testing.T) {
				dir := t.TempDir()
				letters, err := store.make(dir)
				if err != nil {
					t.Fatal(err)
				}
				source := memory.New(memory.Settings{Finite: true, Transactions: []ergon.Transaction{
					ergon.NewTransaction("before", []byte("1")),
					ergon.NewTransaction("odd\xff", payload.payload).WithMetadata("k\xfe", "v").WithMetadata("k", "v"),
					ergon.NewTransaction("after", []byte("2")),
				}})
				runRefusing(t, source, letters)
				if err := source.Open(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n, err := source.CountTransactions(t.Context()); n != 0 || err != nil {
					t.Errorf("the source has %d left, %v", n, err)
				}
				wantLetter(t, store.read(t, dir, letters), payload.want)
			})
		}
	}
}

// runRefusing runs a task that refuses everything.
func runRefusing(t *testing.T, source, letters any) {
	t.Helper()
	task := ergon.NewTaskConfig("refuse", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
			return nil, ergon.Business(errors.New("no: \xff"))
		}}
	})
	task.Consumer.Fetch.Connector, task.Consumer.Loop.DeadLetter = "input", "dead_letters"
	task.Consumer.Loop.Streaming = false
	task.Connectors["input"] = ergon.Component{Type: "memory", New: func() (any, error) { return source, nil }}
	task.Connectors["dead_letters"] = ergon.Component{Type: "letters", New: func() (any, error) { return letters, nil }}
	if _, err := runner.RunTask(t.Context(), task, runner.Settings{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
}

func wantLetter(t *testing.T, all []deadletter.Record, want string) {
	t.Helper()
	if len(all) != 3 {
		t.Fatalf("got %d letters, want 3", len(all))
	}
	for _, r := range all {
		if r.ID == "before" || r.ID == "after" {
			continue
		}
		got, err := r.Transaction()
		if want == "" {
			if text, _ := r.Payload.(string); !errors.Is(err, deadletter.ErrDescribed) || text == "" {
				t.Errorf("got %v, %v, want a description", r.Payload, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, _ := got.Payload().([]byte)
		first, _ := got.Metadata("k\xfe")
		second, _ := got.Metadata("k")
		if string(content) != want || got.ID() != "odd\xff" || first != "v" || second != "v" {
			t.Errorf("got %d bytes, id %q and metadata %q, %q back", len(content), got.ID(), first, second)
		}
		if r.Message != `no: \xff` {
			t.Errorf("got the message %q", r.Message)
		}
		return
	}
	t.Error("the letter is not there")
}

// [S2] [E4] One line of a file that is no JSON is one dead letter with its bytes, and no failure of the run.
func TestMalformedLineIsOneDeadLetter(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("in.jsonl", []byte("{\"id\":1}\nnot json\n{\"id\":3}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const text = `
tasks:
  copy:
    task: exec
    settings: {argv: [cat]}
    connectors:
      input: {type: file, path: in.jsonl, checkpoint: done.cp}
      output: {type: file-sink, path: out.jsonl}
      dead_letters: {type: dead-letters, path: letters.db}
`
	c, err := config.Parse("ergon.yaml", []byte(text), program.Registry(), config.OSEnvironment("."))
	if err != nil {
		t.Fatal(err)
	}
	got, err := runner.RunTask(t.Context(), c.Tasks[0], runner.Settings{Logger: slog.New(slog.DiscardHandler)})
	if code := runner.ExitCode(err); code != 0 || got.Fetched != 3 {
		t.Errorf("exit code %d (%v), %d fetched", code, err, got.Fetched)
	}
	all := readLetterFile(t, ".", nil)
	if len(all) != 1 || all[0].Payload != any("not json") ||
		all[0].PayloadEncoding != deadletter.EncodingText || all[0].Phase != policy.PhaseDecode {
		t.Errorf("got letters %+v, want one about the line", all)
	}
}
