package sqlite

import (
	"path/filepath"
	"strings"
	"time"
)

// Durability says which commits survive a crash of the machine or a power failure. A killed process loses nothing in either mode,
// and the file is intact in both.
type Durability string

const (
	// DurabilityFull waits for the disk at each commit. What was reported as done stays done.
	DurabilityFull Durability = "full"
	// DurabilityNormal lets the operating system decide when a commit reaches the disk. A power failure may undo the commits of
	// the last seconds: what was dispatched is lost, and what was settled is delivered again.
	DurabilityNormal Durability = "normal"
)

// DatabaseConfig is the file and how it is used. Connectors of one process with the same file write through one connection,
// with the strictest durability among them.
type DatabaseConfig struct {
	// Dir is the directory of a relative Path. Default ".".
	Dir string `yaml:"dir"`
	// Path is the file: relative to Dir, or absolute. If it is missing it is created, readable by its owner only. All
	// characters are taken literally. SQLite keeps two more files beside it, path-wal and path-shm. It must be on a local disk,
	// because the locks of network file systems are not reliable.
	Path string `yaml:"path"`
	// MakeDirs creates missing directories. Default true.
	MakeDirs bool `yaml:"make_dirs"`
	// Durability is full (default) or normal.
	Durability Durability `yaml:"durability"`
	// BusyTimeout is the maximum time that a call waits while other processes write. Default 5s.
	BusyTimeout time.Duration `yaml:"busy_timeout"`
}

// DefaultDatabaseConfig returns a durable configuration. Set Path.
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
		return quoted(c.Path) + " is absolute, so dir " + quoted(c.Dir) + " does not apply to it; remove one of them"
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
