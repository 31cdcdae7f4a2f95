package file

import (
	"log/slog"
	"path/filepath"
	"strings"
)

// Mode says what happens to an existing file.
type Mode string

const (
	// ModeAppend appends to the existing file.
	ModeAppend Mode = "append"
	// ModeReplace writes a new file next to it, path.partial, and replaces the old file when the loop has ended
	// naturally. Until then the old one does not change.
	ModeReplace Mode = "replace"
)

const partialSuffix = ".partial"

// SinkConfig is the configuration of a sink. Start with [DefaultSinkConfig] and change its fields: the zero value of a field is
// not its default.
type SinkConfig struct {
	// Dir is the directory of a relative Path. It must not lead out of the directory. Default ".".
	Dir string `yaml:"dir"`
	// Path is the file: relative to Dir, or absolute. An absolute path must not lead out of its own directory.
	Path string `yaml:"path"`
	// Mode is append (default) or replace.
	Mode Mode `yaml:"mode"`
	// Resume lets a sink in mode replace continue the file that an earlier run left unfinished. Set it if the source continues
	// as well. If the source starts from the beginning, set false: then the unfinished file is deleted. Default true.
	Resume bool `yaml:"resume"`
	// ResumeWith restricts Resume: an unfinished file is continued only while this file exists. Name the checkpoint of the
	// source, by the same rules as Path. Without the checkpoint the source starts from the beginning, and so does the sink.
	// Default "": always.
	ResumeWith string `yaml:"resume_with"`
	// Envelope writes {"id": …, "metadata": …, "payload": …} instead of the payload alone. Default false.
	Envelope bool `yaml:"envelope"`
	// MakeDirs creates missing directories. Default true.
	MakeDirs bool `yaml:"make_dirs"`
}

// SinkSettings is a SinkConfig with the values that only code can set.
type SinkSettings struct {
	SinkConfig

	// Logger logs what a crash left behind. Nil means slog.Default().
	Logger *slog.Logger
}

// DefaultSinkConfig returns a sink that appends payloads. Set Path.
func DefaultSinkConfig() SinkConfig {
	return SinkConfig{Dir: ".", Mode: ModeAppend, Resume: true, MakeDirs: true}
}

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not read any file.
func (c SinkConfig) Validate() error {
	var f faults
	if problem := pathProblem(c.Dir, c.Path); problem != "" {
		f.addf("path", "%s", problem)
	} else if strings.EqualFold(filepath.Ext(c.Path), gzipEnding) {
		f.addf("path", "%q ends in %s, but the output is not compressed; use another ending, and compress the file when it is done",
			c.Path, gzipEnding)
	}
	if c.ResumeWith != "" {
		if problem := pathProblem(c.Dir, c.ResumeWith); problem != "" {
			f.addf("resume_with", "%s", problem)
		}
		if c.Mode != ModeReplace || !c.Resume {
			f.addf("resume_with", "needs mode: replace and resume: true; leave it out")
		}
	}
	if c.Mode != ModeAppend && c.Mode != ModeReplace {
		f.addf("mode", "is %q, must be %s or %s", c.Mode, ModeAppend, ModeReplace)
	}
	return f.join()
}
