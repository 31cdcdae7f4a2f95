package crashrun

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// ledger is a file with the id of each transaction that the queue has accepted, a line each, written after the queue has reported it.
type ledger struct{ path string }

// add writes the id in one piece: a process that is killed has written all of it or nothing.
func (l ledger) add(id string) error {
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	_, err = file.WriteString(id + "\n")
	return errors.Join(err, file.Close())
}

// read returns the ids with how often each was accepted.
func (l ledger) read() (map[string]int, error) {
	data, err := os.ReadFile(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	accepted := map[string]int{}
	for id := range strings.Lines(string(data)) {
		accepted[strings.TrimSuffix(id, "\n")]++
	}
	return accepted, nil
}
