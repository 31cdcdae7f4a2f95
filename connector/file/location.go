package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// location is a file below a directory that is opened as an os.Root.
type location struct{ dir, name string }

// locate makes an absolute path a file directly below its own directory, and a relative one a file below dir.
func locate(dir, path string) location {
	if filepath.IsAbs(path) {
		return location{dir: filepath.Dir(path), name: filepath.Base(path)}
	}
	return location{dir: dir, name: filepath.Clean(path)}
}

func (l location) String() string { return filepath.Join(l.dir, l.name) }

func (l location) beside(suffix string) location { return location{dir: l.dir, name: l.name + suffix} }

func (l location) openRoot(create bool) (*os.Root, error) {
	if create {
		if err := os.MkdirAll(l.dir, 0o755); err != nil { //nolint:gosec // who may look into it is for the umask to say
			return nil, fmt.Errorf("create directory %s: %w", l.dir, because(err))
		}
	}
	root, err := os.OpenRoot(l.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("directory %s: %w: create it, or correct dir or path", l.dir, because(err))
	case err != nil:
		return nil, fmt.Errorf("directory %s: %w", l.dir, because(err))
	}
	return root, nil
}

// makeParents creates the directories of name below root.
func makeParents(root *os.Root, name string) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("create the directory %s: %w", filepath.Dir(name), because(err))
	}
	return nil
}

// syncParents makes the creation or removal of name durable: it syncs each directory from that of name up to root.
func syncParents(root *os.Root, name string) error {
	for dir := filepath.Dir(name); ; dir = filepath.Dir(dir) {
		if err := syncDir(root, dir); err != nil {
			return fmt.Errorf("sync directory %s: %w", dir, because(err))
		}
		if dir == "." {
			return nil
		}
	}
}

// pathProblem returns what is wrong with a configured path, or "".
func pathProblem(dir, path string) string {
	switch {
	case path == "":
		return "is empty, must be the path of a file"
	case filepath.IsAbs(path) && filepath.Clean(dir) != ".":
		return fmt.Sprintf("%q is absolute, so dir %q does not apply to it; remove one of them", path, dir)
	case filepath.IsAbs(path):
		return ""
	case !filepath.IsLocal(path):
		return fmt.Sprintf("%q leads out of dir %q; set dir to a directory above it, or give the absolute path", path, dir)
	case filepath.Clean(path) == ".":
		return fmt.Sprintf("%q is a directory, must be the path of a file", path)
	default:
		return ""
	}
}

// because returns the cause of a file system error without the operation and path that it repeats.
func because(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// kindOf names the kind of a file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "something else"
	}
}
