package main_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/examples/flights"
)

// ledger opens one in a folder.
func ledger(t *testing.T, folder string) *main.Ledger {
	t.Helper()
	l, err := main.NewLedger(main.LedgerConfig{Dir: folder, Path: "claims.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return l
}

// enter writes claims, each "flight departure".
func enter(t *testing.T, l *main.Ledger, claims ...string) {
	t.Helper()
	var batch []ergon.Transaction
	for _, text := range claims {
		flight, departure, _ := strings.Cut(text, " ")
		payload, err := json.Marshal(main.Claim{Flight: flight, Departure: departure})
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, ergon.NewTransaction(flight+"/0", payload))
	}
	if err := l.DispatchTransactions(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// wantClaims wants these in the file, in this order.
func wantClaims(t *testing.T, folder, want string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "claims.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		var c main.Claim
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		got = append(got, c.Flight)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got claims of %q, want %q", got, want)
	}
}

func TestLedgerIsInTheOrderOfDepartureEachClaimOnce(t *testing.T) {
	folder := t.TempDir()
	l := ledger(t, folder)
	enter(t, l, "b 2001-01-02 10:00", "c 2001-01-01 23:59")
	enter(t, l, "a 2001-01-02 10:00", "b 2001-01-02 10:00")
	if _, err := os.Stat(filepath.Join(folder, "claims.jsonl")); !os.IsNotExist(err) {
		t.Errorf("%v: the file is there before the end", err)
	}
	for range 2 {
		if err := l.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantClaims(t, folder, "c a b")
	}
}

// A run that continues after a kill finds what the one before has written.
func TestLedgerGoesOnWhereItWasLeft(t *testing.T) {
	folder := t.TempDir()
	first := ledger(t, folder)
	enter(t, first, "b 2001-01-02 10:00")
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := ledger(t, folder)
	enter(t, second, "b 2001-01-02 10:00", "a 2001-01-01 10:00")
	if err := second.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantClaims(t, folder, "a b")
}

func TestLedgerThatIsDamagedSaysWhere(t *testing.T) {
	folder := t.TempDir()
	l := ledger(t, folder)
	if err := os.WriteFile(filepath.Join(folder, "claims.jsonl.journal"), []byte("no claim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context()); err == nil || !strings.Contains(err.Error(), "claims.jsonl.journal is damaged: ") {
		t.Errorf("got %v, want what is damaged", err)
	}
	if _, err := main.NewLedger(main.LedgerConfig{Dir: folder, Path: "../claims.jsonl"}); err == nil {
		t.Error("a path that leads out of the folder is taken")
	}
}
