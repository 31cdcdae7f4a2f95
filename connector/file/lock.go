package file

import (
	"errors"
	"io/fs"
	"os"
)

// errLocked means that another source or sink, of this process or another, has the file open.
var errLocked = errors.New("in use")

// lockFile opens name with flags and locks it. The file is the one that has that name when the lock is held: another
// holder may rename or remove it in between.
func lockFile(root *os.Root, name string, flags int) (*os.File, error) {
	for {
		f, err := root.OpenFile(name, flags, 0o644)
		if err != nil {
			return nil, err
		}
		if err := tryLock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		same, err := hasName(root, f, name)
		if err == nil && same {
			return f, nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
}

func hasName(root *os.Root, f *os.File, name string) (bool, error) {
	now, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	opened, err := f.Stat()
	return err == nil && os.SameFile(now, opened), err
}
