package sqlite

import (
	"path/filepath"
	"strings"
	"time"
)

// Durability is what is still there after the machine has crashed or lost its power. The death of a process, kill -9
// included, undoes nothing in either mode, and the file is intact in both.
type Durability string

const (
	// DurabilityFull has the disk confirm each commit before anybody hears of it: what was reported as done stays done.
	DurabilityFull Durability = "full"
	// DurabilityNormal leaves it to the operating system when a commit reaches the disk: the last ones before a power failure,
	// a few seconds' worth, may be undone together. What was dispatched then is gone, and what was settled is delivered again.
	DurabilityNormal Durability = "normal"
)

// DatabaseConfig says which file, and how it is used. Connectors of one process that name the same file share it: they write
// through one connection, as durably as the strictest of them asks for.
type DatabaseConfig struct {
	// Dir is the directory that a relative Path is below. Default ".".
	Dir string `yaml:"dir"`
	// Path is the file: relative to Dir, or absolute. It is created where it is missing, readable by its owner only. Whatever
	// characters it has are taken literally. SQLite keeps two more files beside it, path-wal and path-shm. It must be on a
	// disk of this machine: network file systems have no locks to rely on.
	Path string `yaml:"path"`
	// MakeDirs creates the directories of the file that are missing. Default true.
	MakeDirs bool `yaml:"make_dirs"`
	// Durability is full (default) or normal.
	Durability Durability `yaml:"durability"`
	// BusyTimeout is how long a call waits while other processes write. Default 5s.
	BusyTimeout time.Duration `yaml:"busy_timeout"`
}

// DefaultDatabaseConfig is durable. Path is still to be set.
func DefaultDatabaseConfig() DatabaseConfig {
	return DatabaseConfig{Dir: ".", MakeDirs: true, Durability: DurabilityFull, BusyTimeout: 5 * time.Second}
}

func (c DatabaseConfig) faults() faults {
	var f faults
	if problem := c.pathProblem(); problem != "" {
		f.addf("path", "%s", problem)
	}
	if c.Durability != DurabilityFull && c.Durability != DurabilityNormal {
		f.addf("durability", "is %q, must be %s or %s", c.Durability, DurabilityFull, DurabilityNormal)
	}
	if c.BusyTimeout <= 0 {
		f.addf("busy_timeout", "is %s, must be more than 0, such as 5s: others may be writing", c.BusyTimeout)
	}
	return f
}

func (c DatabaseConfig) pathProblem() string {
	switch {
	case c.Path == "":
		return "is empty, must be the path of a file, such as \"queue.db\""
	case strings.ContainsRune(c.Path, 0) || strings.ContainsRune(c.Dir, 0):
		return "has a NUL character, which no file's name can have"
	case filepath.IsAbs(c.Path) && filepath.Clean(c.Dir) != ".":
		return quoted(c.Path) + " is absolute, so dir " + quoted(c.Dir) + " does not apply to it; leave out one of them"
	case filepath.IsAbs(c.Path):
		return ""
	case !filepath.IsLocal(c.Path):
		return quoted(c.Path) + " leads out of dir " + quoted(c.Dir) + "; set dir to a directory above it, or give the absolute path"
	case filepath.Clean(c.Path) == ".":
		return quoted(c.Path) + " is a directory, must be the path of a file"
	default:
		return ""
	}
}

// file is the path to open.
func (c DatabaseConfig) file() string {
	if filepath.IsAbs(c.Path) {
		return filepath.Clean(c.Path)
	}
	return filepath.Join(c.Dir, c.Path)
}
