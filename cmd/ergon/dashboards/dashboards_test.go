package dashboards_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/cmd/ergon/dashboards"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/connector/sqlite"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

const deploy = "../../../deploy/"

var update = flag.Bool("update", false, "write the files anew")

func TestFilesAreWhatIsMade(t *testing.T) {
	grafana, err := dashboards.Grafana()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"grafana/dashboards/ergon.json": grafana, "prometheus/alerts.yaml": dashboards.Prometheus()}
	for _, name := range []string{
		"prometheus/prometheus.yaml", "collector.yaml", "tempo.yaml", "loki.yaml", "observability.yaml",
		"grafana/provisioning/datasources/ergon.yaml", "grafana/provisioning/dashboards/ergon.yaml",
	} {
		files[name] = read(t, deploy+name) // new programs have the same
	}
	targets := map[string][]byte{}
	for name, text := range files {
		targets[deploy+name], targets["../scaffold/template/deploy/"+name+".tmpl"] = text, text
	}
	for name, want := range targets {
		if *update {
			write(t, name, want)
		}
		if diff := cmp.Diff(string(want), string(read(t, name))); diff != "" {
			t.Errorf("%s is not what is made (-made +file); where the change is meant: go test ./cmd/ergon/dashboards -update\n%s", name, diff)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// queries are all that are in the dashboard and the rules.
func queries(t *testing.T) []string {
	t.Helper()
	made, err := dashboards.Grafana()
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct { //nolint:tagliatelle // the names are Grafana's
			Targets []struct {
				Expr         string `json:"expr"`
				LegendFormat string `json:"legendFormat"`
			} `json:"targets"`
		} `json:"panels"`
		Templating struct {
			List []struct {
				Definition string `json:"definition"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal(made, &dashboard); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr, target.LegendFormat)
		}
	}
	for _, v := range dashboard.Templating.List {
		all = append(all, v.Definition)
	}
	return append(all, strings.Split(string(dashboards.Prometheus()), "\n")...)
}

var (
	word     = regexp.MustCompile(`\b(ergon|messaging|error)_\w+`)
	capitals = regexp.MustCompile(`\b[A-Z_]{4,}\b`)
)

// Whatever a query names is there in what Prometheus scrapes of a program in which everything happens once.
func TestEveryMetricAndLabelOfAQueryIsEmitted(t *testing.T) {
	emitted := map[string]bool{}
	for _, name := range word.FindAllString(everything(t), -1) {
		emitted[name] = true
	}
	all := queries(t)
	if len(all) < 30 {
		t.Fatalf("found only %d queries", len(all))
	}
	named := 0
	for _, q := range all {
		if left := capitals.FindString(q); left != "" {
			t.Errorf("%s: %s stands for nothing", q, left)
		}
		for _, name := range word.FindAllString(q, -1) {
			named++
			if !emitted[name] {
				t.Errorf("%s: nothing emits %s", q, name)
			}
		}
	}
	if named < 50 {
		t.Errorf("found only %d names in %d queries", named, len(all))
	}
}

// everything is what is scraped while tasks run, and afterwards.
func everything(t *testing.T) string {
	t.Helper()
	c := telemetry.DefaultConfig()
	c.Metrics.Exporters, c.Metrics.Prometheus.Listen = []telemetry.Exporter{telemetry.ExporterPrometheus}, ""
	providers, err := telemetry.Setup(t.Context(), c, telemetry.Settings{Console: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	scrape := func() string {
		answer := httptest.NewRecorder()
		providers.Prometheus.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		return answer.Body.String()
	}
	settings := runner.Settings{MeterProvider: providers.MeterProvider, Logger: slog.New(slog.DiscardHandler)}
	w := &works{scrape: scrape, released: make(chan struct{})}
	if _, err := runner.RunTask(t.Context(), consuming(t, w), settings); err != nil {
		t.Fatal(err)
	}
	if _, err := runner.RunTask(t.Context(), producing(), settings); ergon.CategoryOf(err) != ergon.CategoryBusiness {
		t.Fatalf("got %v, want the one that is refused", err)
	}
	after := scrape()
	if err := providers.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	return w.during + after
}

// works fails as its transaction says. The one that is late is scraped.
type works struct {
	scrape   func() string
	released chan struct{}
	begun    atomic.Bool
	during   string // the second attempt's
}

func (w *works) ProcessTransaction(ctx context.Context, tx ergon.TransactionOf[string]) (string, error) {
	switch {
	case tx.Body == "refused":
		return "", ergon.Business(errors.New("the rule says no"))
	case tx.Body != "late":
		return tx.Body, nil
	}
	if w.begun.CompareAndSwap(false, true) {
		<-w.released // heeds nothing
		return "", nil
	}
	close(w.released)
	for w.during = ""; ctx.Err() == nil && !strings.Contains(w.during, "ergon_attempts_late"); w.during = w.scrape() {
	}
	return "", nil
}

func consuming(t *testing.T, w *works) ergon.TaskConfig {
	t.Helper()
	c := sqlite.DefaultQueueConfig()
	c.Path, c.Lease, c.MaxWait = filepath.Join(t.TempDir(), "queue.db"), time.Minute, 0
	queue, err := sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := queue.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"fine", "refused", "late"} {
		if err := queue.DispatchTransactions(t.Context(), []ergon.Transaction{ergon.NewTransaction(what, what)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := queue.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := ergon.NewTaskConfig("consume", func(*ergon.Dependencies) ergon.Task { return ergon.Consume(w) })
	cfg.Connectors["input"] = component(func() (any, error) { return sqlite.NewQueue(sqlite.QueueSettings{QueueConfig: c}) })
	cfg.Connectors["dead_letters"] = component(func() (any, error) { return memory.New(memory.Settings{}), nil })
	cfg.Consumer.Loop.Concurrency.Value, cfg.Consumer.Loop.Concurrency.Headroom = 1, 4
	cfg.Consumer.Process.Retry.Timeout, cfg.Consumer.Process.Retry.Backoff = 2*time.Second, 0
	return cfg
}

func component(open func() (any, error)) ergon.Component { return ergon.Component{New: open} }

// producing prepares one transaction that succeeds and one that fails.
func producing() ergon.TaskConfig {
	cfg := ergon.NewTaskConfig("produce", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{
			Prepare: func(_ context.Context, tx ergon.Transaction) error {
				if tx.ID() == "refused" {
					return ergon.Business(errors.New("the rule says no"))
				}
				return nil
			},
			Transactions: func(context.Context) iter.Seq2[ergon.Transaction, error] {
				return func(yield func(ergon.Transaction, error) bool) {
					for _, id := range []string{"fine", "refused"} {
						if !yield(ergon.NewTransaction(id, nil), nil) {
							return
						}
					}
				}
			},
		}
	})
	return cfg
}
