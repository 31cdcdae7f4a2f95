package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	program "github.com/ergon-go/ergon/cmd/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/runner"
)

// bench is a configuration whose tasks are run in a folder of the test's own.
type bench struct {
	*runner.Manager

	t      *testing.T
	folder string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{t: t, folder: filepath.ToSlash(t.TempDir())}
}

// configure has a bench run another text from then on.
func (b *bench) configure(text string, args ...string) {
	b.t.Helper()
	text = strings.NewReplacer(append(args, "FOLDER", b.folder)...).Replace(text)
	c, err := config.Parse("ergon.yaml", []byte(text), program.Registry(), config.OSEnvironment("."))
	if err != nil {
		b.t.Fatal(err)
	}
	b.Manager = runner.NewManager(runner.Settings{Logger: slog.New(slog.DiscardHandler)})
	for _, task := range c.Tasks {
		if err := b.Register(task); err != nil {
			b.t.Fatal(err)
		}
	}
}

// run runs all tasks to their end, and returns what became of each.
func (b *bench) run() map[string]runner.Snapshot {
	b.t.Helper()
	summary, err := b.Run(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	all := map[string]runner.Snapshot{}
	for _, task := range summary.Tasks {
		all[task.Name] = task.Snapshot
	}
	return all
}

// use calls a function with a connector of a task.
func (b *bench) use(task, name string, use func(ctx context.Context, connector any) error) {
	b.t.Helper()
	err := b.UseConnectors(b.t.Context(), task, []string{name}, func(ctx context.Context, connectors map[string]any) error {
		return use(ctx, connectors[name])
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) enqueue(task, payload string) {
	b.t.Helper()
	b.use(task, "input", func(ctx context.Context, queue any) error {
		return queue.(ergon.Dispatcher).DispatchTransactions(ctx, []ergon.Transaction{ergon.NewTransaction("o1", json.RawMessage(payload))})
	})
}

// output is what waits in the output of a task, as "id payload", sorted.
func (b *bench) output(task string) []string {
	b.t.Helper()
	var all []string
	b.use(task, "output", func(ctx context.Context, queue any) error {
		txs, err := queue.(capability.Inspector).PeekTransactions(ctx, capability.StateReady, 100)
		for _, tx := range txs {
			all = append(all, tx.ID()+" "+trimmed(tx))
		}
		return err
	})
	slices.Sort(all)
	return all
}

// trimmed is a payload without the line end of the program that wrote it.
func trimmed(tx ergon.Transaction) string { return strings.TrimSpace(fmt.Sprintf("%s", tx.Payload())) }

func (b *bench) want(task string, want ...string) {
	b.t.Helper()
	if got := b.output(task); !slices.Equal(got, want) {
		b.t.Errorf("the output of %s is %q, want %q", task, got, want)
	}
}

// relays are the tasks without Go, each of which answers its own name and what it was given, and next: one less than it was given, and
// nothing for 0.
func relays(t *testing.T) map[string]string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch n, path := string(body), r.URL.Path; {
		case path != "/next":
			_, _ = fmt.Fprintf(w, "%q", path[1:]+" "+n)
		case n > "0":
			_, _ = fmt.Fprint(w, string(n[0]-1))
		}
	}))
	t.Cleanup(server.Close)
	return map[string]string{
		"http": `task: http, settings: {url: "` + server.URL + `/NAME"}`,
		"exec": `task: exec, settings: {argv: [sh, -c, 'read n; ` +
			`case NAME in next) [ "$n" = 0 ] || echo $((n-1));; *) echo "\"NAME $n\"";; esac']}`,
	}
}

// [B3] [I2] Two tasks that have an output in common, and the same id in their inputs: both results are there.
func TestRelaysWithOneOutputLoseNothing(t *testing.T) {
	t.Parallel()
	for kind, relay := range relays(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			text := "tasks:\n"
			for _, name := range []string{"a", "b"} {
				text += "  " + name + ": {" + strings.ReplaceAll(relay, "NAME", name) + ", connectors: {" +
					"input: {type: queue, path: FOLDER/q.db, queue: " + name + "}, output: {type: queue, path: FOLDER/q.db, queue: out}, " +
					"dead_letters: {type: dead-letters, path: FOLDER/q.db}}}\n"
			}
			b.configure(text)
			b.enqueue("a", "1")
			b.enqueue("b", "1")
			for name, s := range b.run() {
				if s.Outcomes[runner.Succeeded] != 1 || s.Duplicates+s.Conflicts+s.Diverged != 0 {
					t.Errorf("%s: got %+v", name, s)
				}
			}
			b.want("a", `o1/a/a/0 "a 1"`, `o1/b/b/0 "b 1"`)
		})
	}
}

// [B3] [I2] A task whose output is its own input continues with what it sent, to its end.
func TestRelayIntoItsOwnInputGoesOn(t *testing.T) {
	t.Parallel()
	for kind, relay := range relays(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.configure("tasks:\n  next: {" + strings.ReplaceAll(relay, "NAME", "next") + ", connectors: {" +
				"input: {type: queue, path: FOLDER/q.db, queue: q, retain_settled: 1h}, " +
				"output: {type: queue, path: FOLDER/q.db, queue: q, retain_settled: 1h}, " +
				"dead_letters: {type: dead-letters, path: FOLDER/q.db}}}\n")
			b.enqueue("next", "9")
			for range 3 { // a finite run may end between two of them
				b.run()
			}
			var settled []string
			b.use("next", "input", func(ctx context.Context, queue any) error {
				txs, err := queue.(capability.Inspector).PeekTransactions(ctx, capability.StateSettled, 100)
				for _, tx := range txs {
					settled = append(settled, trimmed(tx))
				}
				return err
			})
			slices.Sort(settled)
			if want := strings.Fields("0 1 2 3 4 5 6 7 8 9"); !slices.Equal(settled, want) {
				t.Errorf("settled are %q, want %q", settled, want)
			}
		})
	}
}

// [I3] A task is corrected, and what it has settled is replayed: the new results are there beside the old ones.
func TestCorrectedTaskHasNewResultsOfWhatIsReplayed(t *testing.T) {
	t.Parallel()
	for kind, relay := range relays(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			text := "tasks:\n  price: {" + relay + ", connectors: {" +
				"input: {type: queue, path: FOLDER/q.db, queue: orders, retain_settled: 1h}, " +
				"output: {type: queue, path: FOLDER/q.db, queue: prices}, " +
				"dead_letters: {type: dead-letters, path: FOLDER/q.db}}}\n"
			b.configure(text, "NAME", "v1")
			b.enqueue("price", "1")
			b.run()
			b.configure(text, "NAME", "v2")
			b.use("price", "input", func(ctx context.Context, queue any) error {
				_, err := queue.(capability.Replayer).ReplayTransactions(ctx, capability.ReplayFilter{})
				return err
			})
			if s := b.run()["price"]; s.Outcomes[runner.Succeeded] != 1 || s.Duplicates+s.Conflicts+s.Diverged != 0 {
				t.Errorf("got %+v", s)
			}
			b.want("price", `o1/price/orders/0 "v1 1"`, `o1/price/orders/0.1 "v2 1"`)
		})
	}
}

// [B3] A task that is renamed, and whose queue is, recognises with its identity what it had sent before.
func TestIdentityKeepsWhatARenamedRelayHadSent(t *testing.T) {
	relay := relays(t)["exec"]
	t.Parallel()
	b := newBench(t)
	text := "tasks:\n  TASK: {IDENTITY" + strings.ReplaceAll(relay, "NAME", "v1") + ", connectors: {" +
		"input: {type: queue, path: FOLDER/q.db, queue: SOURCE}, output: {type: queue, path: FOLDER/q.db, queue: prices}, " +
		"dead_letters: {type: dead-letters, path: FOLDER/q.db}}}\n"
	b.configure(text, "TASK", "price", "SOURCE", "orders", "IDENTITY", "")
	b.enqueue("price", "1")
	b.run()
	b.configure(text, "TASK", "quote", "SOURCE", "incoming", "IDENTITY", "identity: price/orders, ")
	b.enqueue("quote", "1")
	if s := b.run()["quote"]; s.Duplicates != 1 {
		t.Errorf("got %+v, want one duplicate", s)
	}
	b.want("quote", `o1/price/orders/0 "v1 1"`)
}
