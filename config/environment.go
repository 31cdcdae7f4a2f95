package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// most bytes of a configuration file, and of a file that it refers to. A limit against mistakes, not a quota.
const maxBytes = 1 << 20

// Environment is the source of the references in a configuration.
type Environment struct {
	// LookupEnv returns ${VAR}, as os.LookupEnv does. Nil finds none.
	LookupEnv func(name string) (value string, set bool)
	// ReadFile reads ${file:path}. Nil refuses it.
	ReadFile func(path string) ([]byte, error)
}

// OSEnvironment reads variables of the process and files of the disk. A relative path is below folder and cannot leave it; an
// absolute path may be anywhere. It reads regular files up to 1 MiB.
func OSEnvironment(folder string) Environment {
	return Environment{
		LookupEnv: os.LookupEnv,
		ReadFile: func(path string) ([]byte, error) {
			if filepath.IsAbs(path) {
				return readRegular(os.Stat, os.Open, path)
			}
			root, err := os.OpenRoot(folder)
			if err != nil {
				return nil, fmt.Errorf("open the configuration's folder: %w", err)
			}
			data, err := readRegular(root.Stat, root.Open, path)
			return data, errors.Join(err, root.Close())
		},
	}
}

// readRegular looks before it opens: opening a pipe would wait for its writer.
func readRegular(stat func(string) (fs.FileInfo, error), open func(string) (*os.File, error), path string) ([]byte, error) {
	info, err := stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	data, err := readAll(file)
	return data, errors.Join(err, file.Close())
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = fmt.Errorf("it is larger than %d bytes", maxBytes)
	}
	return data, err
}
