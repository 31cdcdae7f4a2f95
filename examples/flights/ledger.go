package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
)

// LedgerConfig says where claims go: into a journal during the run, and into Dir/Path at its natural end.
type LedgerConfig struct {
	Dir  string `yaml:"dir"`
	Path string `yaml:"path"`
}

// Ledger is a connector of this example: a file with each claim once, in the order of departure. A dispatched claim is durable in
// the journal. It may be there twice, if a kill came between the dispatch and the settlement. Finish makes the file from the
// journal, which stays, and holds all claims in memory meanwhile.
type Ledger struct {
	*file.Sink // the journal

	journal, path string
}

var (
	_ ergon.Dispatcher    = (*Ledger)(nil)
	_ capability.Finisher = (*Ledger)(nil)
)

// NewLedger returns a ledger that is not opened yet.
func NewLedger(c LedgerConfig) (*Ledger, error) {
	journal := file.DefaultSinkConfig()
	journal.Dir, journal.Path = c.Dir, c.Path+".journal"
	sink, err := file.NewSink(file.SinkSettings{SinkConfig: journal})
	if err != nil {
		return nil, err
	}
	return &Ledger{Sink: sink, journal: filepath.Join(c.Dir, journal.Path), path: filepath.Join(c.Dir, c.Path)}, nil
}

// Finish makes the file from the journal.
func (l *Ledger) Finish(context.Context) error {
	claims, err := readClaims(l.journal)
	if err == nil {
		err = replace(l.path, claims)
	}
	if err != nil {
		return fmt.Errorf("ledger %s: %w", l.path, err)
	}
	return nil
}

// readClaims returns each claim in a file once, in order. A missing file has none.
func readClaims(path string) ([]Claim, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the configuration says which
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var claims []Claim
	for line := range bytes.Lines(text) {
		var c Claim
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", path, err)
		}
		claims = append(claims, c)
	}
	slices.SortFunc(claims, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(a.Departure, b.Departure), cmp.Compare(a.Flight, b.Flight))
	})
	return slices.CompactFunc(claims, func(a, b Claim) bool { return a.Flight == b.Flight }), nil
}

// replace writes a file beside path and puts it in its place.
func replace(path string, claims []Claim) error {
	partial, err := os.Create(path + ".partial") //nolint:gosec // the configuration says which
	if err != nil {
		return err
	}
	lines := json.NewEncoder(partial)
	for _, c := range claims {
		if err = lines.Encode(c); err != nil {
			break
		}
	}
	if err == nil {
		err = partial.Sync()
	}
	if err := errors.Join(err, partial.Close()); err != nil {
		return err
	}
	return os.Rename(partial.Name(), path)
}
