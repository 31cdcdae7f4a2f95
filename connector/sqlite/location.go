package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// create makes the file where there is none, for its owner only, and returns what is there. It never opens a file that
// exists: closing it would drop all locks that SQLite has on it in this process.
func create(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		file, made := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the path is the user's configuration
		switch {
		case made == nil:
			if err := file.Close(); err != nil {
				return nil, because(err)
			}
		case !errors.Is(made, fs.ErrExist): // another process was faster
			return nil, notCreated(path, made)
		}
		info, err = os.Stat(path)
	}
	switch {
	case err != nil:
		return nil, because(err)
	case info.IsDir():
		return nil, errors.New("is a directory, must be a file; correct path")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file; correct path")
	}
	return info, nil
}

func makeDirs(c DatabaseConfig) error {
	if !c.MakeDirs {
		return nil
	}
	folder := filepath.Dir(c.file())
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("directory %s cannot be created: %w; correct dir or path", folder, because(err))
	}
	return nil
}

func notCreated(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("directory %s: %w: create it, or correct dir or path", filepath.Dir(path), because(err))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot be created: %w; let the user that runs this write its directory", because(err))
	default:
		return fmt.Errorf("cannot be created: %w", because(err))
	}
}

// dataSource names a file to the driver, which would take what looks like options for options.
func dataSource(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		slashed = "/" + slashed
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath()
}

// because returns the cause of a file system error without the operation and path that it repeats.
func because(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
