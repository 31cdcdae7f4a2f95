package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxCheckpoint is more than a checkpoint can have.
const maxCheckpoint = 64 << 10

// checkpointFile is the file of a checkpoint. While it is open, a file beside it is locked.
type checkpointFile struct {
	at   location
	root *os.Root
	lock *os.File

	create func(name string) (temporary, error)
	rename func(from, to string) error
}

// temporary is the file that the next checkpoint is written to.
type temporary interface {
	io.WriteCloser
	Sync() error
}

const (
	lockSuffix      = ".lock"
	temporarySuffix = ".tmp"
)

func openCheckpointFile(at location) (_ *checkpointFile, err error) {
	root, err := at.openRoot(true)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", at, err)
	}
	f := &checkpointFile{at: at, root: root, rename: root.Rename}
	f.create = func(name string) (temporary, error) {
		return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	}
	if err := f.takeLock(); err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoint %s: %w", at, err), root.Close())
	}
	return f, nil
}

func (f *checkpointFile) takeLock() error {
	if err := makeParents(f.root, f.at.name); err != nil {
		return err
	}
	lock, err := lockFile(f.root, f.at.name+lockSuffix, os.O_RDWR|os.O_CREATE)
	switch {
	case errors.Is(err, errLocked):
		return fmt.Errorf("%w: another run uses it; wait for its end, or give this run its own checkpoint", err)
	case err != nil:
		return fmt.Errorf("lock %s: %w", f.at.beside(lockSuffix), because(err))
	}
	f.lock = lock
	return nil
}

// load returns false if there is no checkpoint.
func (f *checkpointFile) load() (checkpoint, bool, error) {
	data, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return checkpoint{}, false, nil
	}
	if err != nil {
		return checkpoint{}, false, because(err)
	}
	c, err := decodeCheckpoint(data)
	return c, err == nil, err
}

func (f *checkpointFile) read() ([]byte, error) {
	file, err := f.root.Open(f.at.name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxCheckpoint))
	return data, errors.Join(err, file.Close())
}

// save replaces the checkpoint in one step: a crash leaves the old one or the new one.
func (f *checkpointFile) save(c checkpoint) error {
	data, err := c.encode()
	if err != nil {
		return err
	}
	temporary := f.at.name + temporarySuffix
	file, err := f.create(temporary)
	if err != nil {
		return because(err)
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return because(err)
	}
	if err := f.rename(temporary, f.at.name); err != nil {
		return because(err)
	}
	return nil
}

// found makes the name of the checkpoint durable.
func (f *checkpointFile) found(c checkpoint) error {
	if err := f.save(c); err != nil {
		return err
	}
	return syncParents(f.root, f.at.name)
}

// remove deletes the checkpoint durably.
func (f *checkpointFile) remove() error {
	if err := f.root.Remove(f.at.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return because(err)
	}
	return syncParents(f.root, f.at.name)
}

// close releases the lock. It deletes the lock file before that, while the file is still ours.
func (f *checkpointFile) close() error {
	return errors.Join(f.root.Remove(f.at.name+lockSuffix), f.lock.Close(), f.root.Close())
}
