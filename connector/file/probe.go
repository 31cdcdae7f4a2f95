package file

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
	_ capability.Prober = (*Source)(nil)
	_ capability.Storer = (*Source)(nil)
	_ capability.Prober = (*Sink)(nil)
	_ capability.Storer = (*Sink)(nil)
)

// Probe opens the file and reads its header, as Open does. Of the checkpoint, which another run may have, it looks only whether
// it can be written.
func (s *Source) Probe(ctx context.Context) error {
	settings := s.settings
	settings.Checkpoint = ""
	probe, err := NewSource(settings)
	if err != nil {
		return err
	}
	if err := errors.Join(probe.Open(ctx), probe.Close(ctx)); err != nil || s.settings.Checkpoint == "" {
		return err
	}
	at := locate(s.settings.Dir, s.settings.Checkpoint)
	if err := at.probe(true, func(*os.Root) error { return nil }, at.name); err != nil {
		return fmt.Errorf("file source: checkpoint %s: %w", at, err)
	}
	return nil
}

// StoragePaths returns the checkpoint, where there is one.
func (s *Source) StoragePaths() []string {
	if s.settings.Checkpoint == "" {
		return nil
	}
	return []string{locate(s.settings.Dir, s.settings.Checkpoint).String()}
}

// Probe reports what Open would: directories that are missing and are not made, what stands where the file would be and is
// none, and a file that cannot be written. It does not look whether another sink has the file.
func (k *Sink) Probe(context.Context) error {
	if err := k.at.probe(k.settings.MakeDirs, k.checkKinds, k.open.name); err != nil {
		return fmt.Errorf("file sink: %s: %w", k.at, err)
	}
	return nil
}

// StoragePaths returns the file.
func (k *Sink) StoragePaths() []string { return []string{k.at.String()} }

// probe reports what keeps a file from being written: the name is that which is opened, and check says what else must be right
// below the directory. It makes nothing.
func (l location) probe(makeDirs bool, check func(*os.Root) error, name string) error {
	root, err := l.openRoot(false)
	if errors.Is(err, fs.ErrNotExist) && makeDirs {
		return makeable(l.dir, os.Stat)
	}
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	if _, err := root.Stat(filepath.Dir(name)); errors.Is(err, fs.ErrNotExist) && !makeDirs {
		return missingParent(err)
	}
	if err := makeable(filepath.Dir(name), root.Stat); err != nil {
		return err
	}
	if err := check(root); err != nil {
		return err
	}
	file, err := root.OpenFile(name, os.O_WRONLY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unopened(err)
	}
	return file.Close()
}

// makeable reports what keeps a directory from being made, or from being one: the nearest thing above it that is there.
func makeable(dir string, stat func(string) (fs.FileInfo, error)) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := stat(at)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("create the directory %s: %s is %s; correct dir or path", dir, at, kindOf(info.Mode()))
		}
		if err == nil || at == filepath.Dir(at) {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return because(err)
		}
	}
}
