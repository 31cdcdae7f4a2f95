package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
)

var (
	_ settlingSource   = (*spy)(nil)
	_ leasedSource     = (*leaseSpy)(nil)
	_ ergon.Fetcher    = fetchFunc(nil)
	_ ergon.Dispatcher = dispatchFunc(nil)
)

type settlingSource interface {
	ergon.Fetcher
	capability.Settler
}

type leasedSource interface {
	settlingSource
	capability.LeaseKeeper
}

// spy notes what a source was asked and told.
type spy struct {
	settlingSource

	journal *journal
}

// FetchTransactions notes what was asked for and what came, when it came: "fetch 3: a b".
func (s *spy) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	txs, err := s.settlingSource.FetchTransactions(ctx, limit)
	s.journal.note(strings.TrimSpace(fmt.Sprintf("fetch %d: %s", limit, idsOf(txs))))
	return txs, err
}

// SettleTransactions notes a call when it begins, in the order of the ids: "settle a ack, b requeue 5s".
func (s *spy) SettleTransactions(ctx context.Context, batch []capability.Settlement) error {
	sorted := slices.SortedFunc(slices.Values(batch), func(a, b capability.Settlement) int {
		return cmp.Compare(a.Transaction.ID(), b.Transaction.ID())
	})
	s.journal.note("settle " + settlementsText(sorted))
	return s.settlingSource.SettleTransactions(ctx, batch)
}

// leaseSpy notes extensions as well.
type leaseSpy struct {
	spy

	keeper capability.LeaseKeeper
}

func spyOnLeases(source leasedSource, j *journal) *leaseSpy {
	return &leaseSpy{spy: spy{settlingSource: source, journal: j}, keeper: source}
}

// LeaseDuration is the source's.
func (s *leaseSpy) LeaseDuration() time.Duration { return s.keeper.LeaseDuration() }

// ExtendLeases notes a call when it begins: "extend 2".
func (s *leaseSpy) ExtendLeases(ctx context.Context, batch []ergon.Transaction) error {
	s.journal.note(fmt.Sprintf("extend %d", len(batch)))
	return s.keeper.ExtendLeases(ctx, batch)
}

// spyOnSettlements has the rig's queue note what it is told, and not what it is asked.
func (r *rig) spyOnSettlements(j *journal) {
	r.Source = struct {
		ergon.Fetcher
		capability.Settler
	}{r.Queue, &spy{settlingSource: r.Queue, journal: j}}
}

// fetchFunc is a source that wants to know nothing.
type fetchFunc func(ctx context.Context, limit int) ([]ergon.Transaction, error)

// FetchTransactions calls f.
func (f fetchFunc) FetchTransactions(ctx context.Context, limit int) ([]ergon.Transaction, error) {
	return f(ctx, limit)
}

// dispatchFunc is a connector for dead letters.
type dispatchFunc func(ctx context.Context, batch []ergon.Transaction) error

// DispatchTransactions calls f.
func (f dispatchFunc) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	return f(ctx, batch)
}

func idsOf(txs []ergon.Transaction) string {
	ids := make([]string, len(txs))
	for i, tx := range txs {
		ids[i] = tx.ID()
	}
	return strings.Join(ids, " ")
}

func settlementsText(batch []capability.Settlement) string {
	texts := make([]string, len(batch))
	for i, s := range batch {
		texts[i] = settlementText(s)
	}
	return strings.Join(texts, ", ")
}

func settlementText(s capability.Settlement) string {
	text := s.Transaction.ID() + " " + s.Action.String()
	if s.Delay != 0 {
		text += " " + s.Delay.String()
	}
	if s.Interrupted {
		text += " interrupted"
	}
	return text
}

// logBuffer keeps log lines as JSON.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBuffer) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: level}))
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines returns the lines at or above a level, as they were written.
func (b *logBuffer) lines(t testing.TB, level slog.Level) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(b.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		var of slog.Level
		if err := of.UnmarshalText([]byte(line[slog.LevelKey].(string))); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		if of >= level {
			lines = append(lines, line)
		}
	}
	return lines
}

// wantMessages wants exactly these messages at or above a level, in this order.
func (b *logBuffer) wantMessages(t testing.TB, level slog.Level, want ...string) {
	t.Helper()
	var got []string
	for _, line := range b.lines(t, level) {
		got = append(got, line[slog.MessageKey].(string))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got log messages\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
