package crashrun

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ergon-go/ergon/connector/sqlite"
)

// Setup tells a victim what to work on, and how. The victim gets it in its environment.
type Setup struct {
	// Folder has the file and the ledger.
	Folder string `json:"folder"`
	// Items is how many transactions are ingested in all, over all runs of the victim.
	Items int `json:"items"`
	// Rate is how many of them in a second at most; 0: no bound.
	Rate float64 `json:"rate"`
	// Processes is how many worker processes each consuming task has; 0: everything runs in the victim's own process.
	Processes int `json:"processes"`
	// Durability is that of the file.
	Durability sqlite.Durability `json:"durability"`
	// Lease is how long what a process that died had waits.
	Lease time.Duration `json:"lease"`
	// Grace is how long what runs may continue after the victim is asked to end.
	Grace time.Duration `json:"grace"`
	// Pause is how long work takes over a slow transaction.
	Pause time.Duration `json:"pause"`
	// SlowEvery is which of the transactions are slow: every one whose number it divides. 0: none.
	SlowEvery int `json:"slow_every"`
	// MaxDeliveries is how many deliveries in a row may be lost.
	MaxDeliveries int `json:"max_deliveries"`
	// Poison is the number of a transaction that kills the process that works on it; 0: none.
	Poison int `json:"poison"`
}

// Of the transactions some are not like the others.
const (
	refusedEvery = 50 // work refuses them: they become dead letters
	refusedAt    = 5
	triedEvery   = 50 // work has them delivered once more
	triedAt      = 7
)

func refused(n int) bool { return n%refusedEvery == refusedAt }

func triedTwice(n int) bool { return n%triedEvery == triedAt }

func (s Setup) slow(n int) bool { return s.SlowEvery > 0 && n%s.SlowEvery == 0 }

// dies reports whether a transaction is to become a dead letter.
func (s Setup) dies(n int) bool { return refused(n) || s.Poison > 0 && n == s.Poison }

func (s Setup) file() string { return filepath.Join(s.Folder, "crash.db") }

func (s Setup) ledger() ledger { return ledger{filepath.Join(s.Folder, "accepted")} }

// log is what the victim has said.
func (s Setup) log() string { return filepath.Join(s.Folder, "log") }

func (s Setup) encode() (string, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode the setup: %w", err)
	}
	return string(data), nil
}

func decodeSetup(text string) (s Setup, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("%s is not a setup (%w); run the program without it", victimVariable, err)
	}
	return s, nil
}

func idOf(n int) string { return fmt.Sprintf("t%06d", n) }

func numberOf(id string) (n int, err error) {
	if _, err := fmt.Sscanf(id, "t%d", &n); err != nil {
		return 0, fmt.Errorf("%q is the id of no transaction that was ever made: %w", id, err)
	}
	return n, nil
}
