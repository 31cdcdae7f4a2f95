package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/ergon-go/ergon/capability"
)

var (
	_ capability.Prober = (*Queue)(nil)
	_ capability.Storer = (*Queue)(nil)
	_ capability.Prober = (*DeadLetters)(nil)
	_ capability.Storer = (*DeadLetters)(nil)
)

// Probe opens the file, where there is one, and closes it again. One that is not there is made by Open.
func (d *database) Probe(ctx context.Context) error {
	if _, err := os.Stat(d.config.file()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	store, err := files.acquire(ctx, d.config)
	if err != nil {
		return d.failed("open", err)
	}
	if err := files.release(ctx, store); err != nil {
		return d.failed("close", err)
	}
	return nil
}

// StoragePaths returns the file. Two more stand beside it.
func (d *database) StoragePaths() []string { return []string{d.config.file()} }
