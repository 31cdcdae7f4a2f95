package app_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/app/internal/machine"
	"github.com/ergon-go/ergon/app/internal/process"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

// numbers is a source of the numbers from 1 to Count, one transaction each.
type numbers struct {
	settings numbersConfig
	mu       sync.Mutex
	next     int
}

type numbersConfig struct {
	Count int `yaml:"count"`
}

func (c numbersConfig) Validate() error {
	if c.Count < 1 {
		return &policy.Fault{Path: "count", Problem: "is " + strconv.Itoa(c.Count) + ", must be at least 1"}
	}
	return nil
}

func (n *numbers) FetchTransactions(_ context.Context, limit int) ([]ergon.Transaction, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var txs []ergon.Transaction
	for ; len(txs) < limit && n.next < n.settings.Count; n.next++ {
		txs = append(txs, number(n.next+1))
	}
	if n.next == n.settings.Count {
		return txs, ergon.ErrExhausted
	}
	return txs, nil
}

func (n *numbers) FetchTransactionByID(_ context.Context, id string) (ergon.Transaction, error) {
	i, err := strconv.Atoi(strings.TrimPrefix(id, "number:"))
	if err != nil || i < 1 || i > n.settings.Count {
		return ergon.Transaction{}, capability.ErrNotFound
	}
	return number(i), nil
}

func (n *numbers) CountTransactions(context.Context) (int64, error) {
	return int64(n.settings.Count), nil
}

func (n *numbers) SettleTransactions(context.Context, []capability.Settlement) error { return nil }

func number(i int) ergon.Transaction {
	return ergon.NewTransaction(fmt.Sprintf("number:%d", i), []byte(fmt.Sprintf(`{"number":%d}`, i)))
}

// drain is a sink that keeps nothing.
type drain struct{}

type drainConfig struct {
	Name  string `yaml:"name"`
	Token string `yaml:"token"`
}

func (drain) DispatchTransactions(context.Context, []ergon.Transaction) error { return nil }

type input struct {
	Number int `json:"number"`
}

type output struct {
	Square int `json:"square"`
}

// square is a task whose rule is that numbers that end with 7 are unlucky.
type square struct{ drain ergon.Dispatcher }

func (*square) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[input]) (output, error) {
	if tx.Body.Number%10 == 7 {
		return output{}, ergon.Business(fmt.Errorf("%d is unlucky", tx.Body.Number))
	}
	return output{Square: tx.Body.Number * tx.Body.Number}, nil
}

func newSquare(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&square{drain: ergon.UseConnector[ergon.Dispatcher](d, "dead_letters")})
}

func registry() *config.Registry {
	reg := config.NewRegistry()
	reg.Task("math.square", newSquare, "squares numbers, but for unlucky ones")
	reg.Task("greedy", func(d *ergon.Dependencies) ergon.Task {
		ergon.UseService[*drain](d, "calculator")
		return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) { return nil, errors.New("is greedy") }}
	}, "wants a service")
	config.Connector(reg, "numbers", "counts up", numbersConfig{Count: 100},
		func(c numbersConfig) (*numbers, error) { return &numbers{settings: c}, nil })
	config.Connector(reg, "drain", "swallows everything", drainConfig{Name: "sink"},
		func(drainConfig) (drain, error) { return drain{}, nil })
	config.Service(reg, "calculator", "calculates", struct{}{}, func(struct{}) (*drain, error) { return &drain{}, nil })
	return reg
}

const twoTasks = `tasks:
  square:
    task: math.square
    connectors:
      input: {type: numbers, count: 50}
      dead_letters: {type: drain, name: "${DRAIN:-dead}", token: "${TOKEN:-none}"}
    services:
      calculator: {type: calculator}
    consumer:
      loop: {limit: 40, concurrency: {value: 4}}
  more:
    task: math.square
    connectors:
      input: {type: numbers}
      dead_letters: {type: drain}
`

// call is one call of the program.
type call struct {
	settings app.Settings
	args     []string
	stdin    string
	env      map[string]string
	columns  int  // of the terminal that both outputs are; 0 for no terminal
	asked    bool // there is somebody to answer, on stdin
	signals  func(context.Context) (context.Context, <-chan struct{}, func())
	stdout   io.Writer
	logger   func(*slog.Logger) // takes the process's own
	machine  machine.Machine    // that doctor looks at
}

// lockedBuffer may be written and read at once.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

type answer struct {
	code           int
	stdout, stderr string
}

// do calls the program, in a folder that the test is in.
func (c call) do(t *testing.T) answer {
	t.Helper()
	var stdout, stderr lockedBuffer
	if c.settings.Registry == nil {
		c.settings.Registry = registry()
	}
	c.settings.Name = "reckon"
	c.settings.Description = "Reckons with numbers."
	if c.settings.Version == "" {
		c.settings.Version = "v1.2.3"
	}
	if c.signals == nil {
		c.signals = func(ctx context.Context) (context.Context, <-chan struct{}, func()) { return ctx, nil, func() {} }
	}
	if c.logger == nil {
		c.logger = func(*slog.Logger) {}
	}
	if c.stdout == nil {
		c.stdout = &stdout
	}
	code := app.Execute(t.Context(), c.settings, process.Process{
		Args: c.args, Stdin: strings.NewReader(c.stdin), Stdout: c.stdout, Stderr: &stderr,
		LookupEnv:   func(name string) (string, bool) { value, set := c.env[name]; return value, set },
		Columns:     func(io.Writer) (int, bool) { return c.columns, c.columns > 0 },
		Interactive: func() bool { return c.asked },
		Signals:     c.signals,
		BuildInfo:   func() (*debug.BuildInfo, bool) { return nil, false },
		SetLogger:   c.logger,
		Machine:     func() machine.Machine { return c.machine },
	})
	return answer{code, stdout.String(), stderr.String()}
}

// in makes a folder with one file in it, ergon.yaml, and goes there; with no file where the text is "".
func in(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if text != "" {
		write(t, "ergon.yaml", text)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var (
	testdata, _ = filepath.Abs("testdata")
	durations   = regexp.MustCompile(`\b\d+(\.\d+)? (ns|µs|ms|s)\b|\b\d+m\d\ds\b`)
	rates       = regexp.MustCompile(`\b[\d,]+(\.\d+)?(e[+-]\d+)? transactions/s\b`)
	calls       = regexp.MustCompile(`(?m)^(  fetch|  settle|        "(?:fetch|settle)": \{\n          "attempts":) +\d+`)
	secondsJSON = regexp.MustCompile(`("(elapsed_seconds|per_second|p50_seconds|p99_seconds|max_seconds)": )[\d.e+-]+`)
	spaces      = regexp.MustCompile(`(\S)  +`)
)

// timeless is text without what depends on how fast the machine is, nor on how wide that is.
func timeless(text string) string {
	text = durations.ReplaceAllString(text, "TIME")
	text = rates.ReplaceAllString(text, "RATE")
	text = secondsJSON.ReplaceAllString(text, "${1}0")
	text = calls.ReplaceAllString(text, "$1 N")
	return spaces.ReplaceAllString(text, "$1  ")
}

// golden compares with a file of testdata; -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(testdata, name)
	if *update {
		write(t, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// script shows an answer as a user would see it.
func (a answer) script(args []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ reckon %s\n%s", strings.Join(args, " "), a.stdout)
	if a.stderr != "" {
		b.WriteString("--- stderr\n" + a.stderr)
	}
	fmt.Fprintf(&b, "--- exit %d\n", a.code)
	return b.String()
}
