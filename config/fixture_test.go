package config_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

// source is what a test's file connector builds: it can be fetched from and settles, but sends nothing.
type source struct{ settings sourceSettings }

type sourceSettings struct {
	Path     string        `yaml:"path"`
	Format   string        `yaml:"format"`
	MaxLine  int32         `yaml:"max_line"`
	Poll     time.Duration `yaml:"poll"`
	Columns  []string      `yaml:"columns"`
	Internal func()        `yaml:"-"`
}

func (s sourceSettings) Validate() error {
	var faults []error
	if s.Path == "" {
		faults = append(faults, &policy.Fault{Path: "path", Problem: "is empty, must name a file"})
	}
	if s.Format != "csv" && s.Format != "jsonl" {
		faults = append(faults, &policy.Fault{Path: "format", Problem: "is " + s.Format + ", must be csv or jsonl"})
	}
	return errors.Join(faults...)
}

var (
	_ ergon.Fetcher      = (*source)(nil)
	_ capability.Settler = (*source)(nil)
	_ ergon.Dispatcher   = (*sink)(nil)
)

func (*source) FetchTransactions(context.Context, int) ([]ergon.Transaction, error) { return nil, nil }
func (*source) SettleTransactions(context.Context, []capability.Settlement) error   { return nil }

// sink is what a test's file-sink connector builds: it sends only.
type sink struct{ settings sinkSettings }

type sinkSettings struct {
	Path string `yaml:"path"`
	Mode string `yaml:"mode"`
}

func (*sink) DispatchTransactions(context.Context, []ergon.Transaction) error { return nil }

// everything has a field of each kind that can be configured.
type everything struct {
	Text     string            `yaml:"text"`
	Truth    bool              `yaml:"truth"`
	Small    int8              `yaml:"small"`
	Whole    int64             `yaml:"whole"`
	Count    uint16            `yaml:"count"`
	Ratio    float64           `yaml:"ratio"`
	Wait     time.Duration     `yaml:"wait"`
	Address  netip.Addr        `yaml:"address"`
	Optional *int              `yaml:"optional"`
	Names    []string          `yaml:"names"`
	Waits    []time.Duration   `yaml:"waits"`
	Labels   map[string]string `yaml:"labels"`
	Any      any               `yaml:"any"`
	Nested   struct {
		Password string   `yaml:"password"`
		DSN      string   `yaml:"dsn"`
		Tokens   []string `yaml:"tokens"`
	} `yaml:"nested"`
	Hook    string            `yaml:"hook" secret:"url"`
	Argv    []string          `yaml:"argv" secret:"arguments"`
	Env     map[string]string `yaml:"env" secret:"value"`
	Unnamed string
	Shared  `yaml:",inline"`
}

// Shared is inline in everything.
type Shared struct {
	Region string `yaml:"region"`
}

func defaultEverything() everything {
	return everything{Text: "hello", Small: 3, Ratio: 0.5, Wait: time.Second, Names: []string{"a", "b"}, Shared: Shared{Region: "eu"}}
}

func newTask(*ergon.Dependencies) ergon.Task { return ergon.Task{} }

func identity[T any](settings T) (T, error) { return settings, nil }

// addresses compares them by value.
var addresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// registry knows a task, two connectors that do one thing each, one that may do anything, and a service of all kinds.
func registry() *config.Registry {
	reg := config.NewRegistry()
	reg.Task("birdstrikes.triage", newTask, "writes a ticket for each bad strike")
	config.Connector(reg, "file", "reads a file", sourceSettings{Format: "csv", MaxLine: 1 << 20, Poll: time.Second},
		func(s sourceSettings) (*source, error) { return &source{s}, nil })
	config.Connector(reg, "file-sink", "writes a file", sinkSettings{Mode: "append"},
		func(s sinkSettings) (*sink, error) { return &sink{s}, nil })
	config.Connector(reg, "anything", "is not known before it is built", struct{}{},
		func(struct{}) (any, error) { return nil, errors.New("out of order") })
	config.Service(reg, "everything", "has all kinds of settings", defaultEverything(), identity[everything])
	return reg
}

// environment has a few variables and files.
func environment() config.Environment {
	return config.Environment{
		LookupEnv: func(name string) (string, bool) {
			value, set := map[string]string{
				"OUT": "out", "PORT": "17", "EMPTY": "", "WAIT": "250ms", "YES": "true", "LIST": "[1, 2]", "NULL": "null",
				"TICKETS_DSN": "postgres://ergon:hunter2@db/tickets", "API_TOKEN": "hunter3", "REFERENCE": "${OUT}", "LATIN": "caf\xe9",
			}[name]
			return value, set
		},
		ReadFile: func(path string) ([]byte, error) {
			if path == "secrets/password" {
				return []byte("hunter4\n"), nil
			}
			return nil, errors.New("no such file")
		},
	}
}

// task is a configuration of one task that is right but for what is in it: services and other sections, indented by four.
func task(sections string) string {
	return "tasks:\n  birdstrikes.triage:\n    connectors: {input: {type: file, path: x}, dead_letters: {type: file-sink}}\n" + sections
}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("ergon.yaml", []byte(text), registry(), environment())
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return c
}

// settings parses the settings of the service that has all kinds of them.
func settings(t *testing.T, text string) everything {
	t.Helper()
	c := parse(t, task("    services: {all: {type: everything, "+text+"}}\n"))
	made, err := c.Tasks[0].Services["all"].New()
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return made.(everything)
}
