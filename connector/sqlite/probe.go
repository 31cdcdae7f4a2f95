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

// Probe looks into the file, where there is one, as far as Open would: whether it is one that this program can use, and may
// write to. It changes nothing, so an older file stays as old as it is. One that is not there is made by Open.
func (d *database) Probe(ctx context.Context) error {
	if _, err := os.Stat(d.config.file()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := probe(ctx, d.config); err != nil {
		return d.failed("open", err)
	}
	return nil
}

func probe(ctx context.Context, c DatabaseConfig) (err error) {
	if _, err := create(c.file()); err != nil { // it is there, but may be no file
		return err
	}
	looking, err := connect(c.file())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, looking.close()) }()
	if _, err := looking.checkVersion(); err != nil {
		return err
	}
	w := newWriter(looking, nil)
	if err := w.begin(ctx, c.BusyTimeout); err != nil {
		return err
	}
	w.rollBack()
	return w.undone
}

// StoragePaths returns the file. Two more stand beside it.
func (d *database) StoragePaths() []string { return []string{d.config.file()} }
