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

// Probe opens the file and reads its header, as Open does. Another run may have locked the checkpoint, so Probe only checks
// that it can be written.
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

// StoragePaths returns the checkpoint, if there is one.
func (s *Source) StoragePaths() []string {
	if s.settings.Checkpoint == "" {
		return nil
	}
	return []string{locate(s.settings.Dir, s.settings.Checkpoint).String()}
}

// Probe reports why Open would fail: directories that are missing and are not created, something other than a file at the path,
// or a file that cannot be written. It does not check whether another sink has locked the file.
func (k *Sink) Probe(context.Context) error {
	if err := k.at.probe(k.settings.MakeDirs, k.checkKinds, k.open.name); err != nil {
		return fmt.Errorf("file sink: %s: %w", k.at, err)
	}
	return nil
}

// StoragePaths returns the file.
func (k *Sink) StoragePaths() []string { return []string{k.at.String()} }

// probe reports why the file with that name cannot be written. check adds further conditions below the directory. It creates
// nothing.
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

// makeable reports why a directory cannot be created: the nearest existing path above it is not a directory.
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
