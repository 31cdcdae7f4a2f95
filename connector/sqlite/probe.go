package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ergon-go/ergon/capability"
)

var (
	_ capability.Prober = (*Queue)(nil)
	_ capability.Storer = (*Queue)(nil)
	_ capability.Prober = (*DeadLetters)(nil)
	_ capability.Storer = (*DeadLetters)(nil)
)

// Probe checks whether this program can use the file and write to it. It changes nothing and does not update the schema. A
// missing file is not an error, because Open creates it.
func (d *database) Probe(ctx context.Context) error {
	if _, err := os.Stat(d.config.file()); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		if err := creatable(d.config); err != nil {
			return d.failed("open", err)
		}
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
	if _, err := looking.waitForVersion(ctx, c.BusyTimeout); err != nil {
		return err
	}
	w := newWriter(looking, nil)
	if err := w.begin(ctx, c.BusyTimeout); err != nil {
		return err
	}
	w.rollBack()
	return w.undone
}

// creatable reports what keeps the file from being made, without making anything.
func creatable(c DatabaseConfig) error {
	folder := filepath.Dir(c.file())
	for at := folder; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("directory %s cannot be created: %s is a file; correct dir or path", folder, at)
		case err == nil || at == filepath.Dir(at):
			return nil
		case errors.Is(err, fs.ErrNotExist) && !c.MakeDirs:
			return notCreated(c.file(), err)
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return fmt.Errorf("directory %s: %w", at, because(err))
		}
	}
}

// StoragePaths returns the file. SQLite keeps two more files in the same directory.
func (d *database) StoragePaths() []string { return []string{d.config.file()} }
