package coalesce_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
)

var errScripted = errors.New("scripted failure")

// dispatcher is a connector.
type dispatcher func(ctx context.Context, batch []ergon.Transaction) error

func (d dispatcher) DispatchTransactions(ctx context.Context, batch []ergon.Transaction) error {
	return d(ctx, batch)
}

func transactionsOf(ids ...string) []ergon.Transaction {
	made := make([]ergon.Transaction, len(ids))
	for i, id := range ids {
		made[i] = ergon.NewTransaction(id, id)
	}
	return made
}

func idsOf(txs []ergon.Transaction) string {
	ids := make([]string, len(txs))
	for i, tx := range txs {
		ids[i] = tx.ID()
	}
	return strings.Join(ids, " ")
}

// journal is what happened, and how long after it was made.
type journal struct {
	begin time.Time

	mu      sync.Mutex
	entries []string
}

func newJournal() *journal { return &journal{begin: time.Now()} }

// note writes down that something happened now: "1.5s what".
func (j *journal) note(what string) {
	entry := time.Since(j.begin).String() + " " + what
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

// all returns the entries so far.
func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// want wants exactly these entries, in this order.
func (j *journal) want(t testing.TB, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, j.all()); diff != "" {
		t.Errorf("what happened (-want +got):\n%s", diff)
	}
}

// faultMode is what a method of a payload does to whoever calls it.
type faultMode string

const (
	panicking faultMode = "panics"
	hanging   faultMode = "hangs" // until it is released
	exiting   faultMode = "exits" // its goroutine
)

// foreignPayload is a payload with the methods that are called of one; one of them goes wrong.
type foreignPayload struct {
	Text string

	where   string
	how     faultMode
	release chan struct{}
}

func (p *foreignPayload) at(method string) {
	if p.where != method {
		return
	}
	switch p.how {
	case panicking:
		panic("at " + method)
	case hanging:
		<-p.release
	case exiting:
		runtime.Goexit()
	}
}

func (p *foreignPayload) Clone() *foreignPayload {
	p.at("Clone")
	clone := *p
	return &clone
}

func (p *foreignPayload) MarshalJSON() ([]byte, error) {
	p.at("MarshalJSON")
	return []byte(`{"text":"foreign"}`), nil
}
