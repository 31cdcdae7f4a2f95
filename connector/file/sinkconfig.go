package file

import (
	"log/slog"
	"path/filepath"
	"strings"
)

// Mode is what a sink does with a file that is there already.
type Mode string

const (
	// ModeAppend writes behind what is there.
	ModeAppend Mode = "append"
	// ModeReplace builds a new file beside it, path.partial, and puts that in its place when the loop has come to its
	// natural end. Until then the old one stays as it is.
	ModeReplace Mode = "replace"
)

const partialSuffix = ".partial"

// SinkConfig is what a user says about a sink. Change a value of [DefaultSinkConfig]; zero values are not defaults.
type SinkConfig struct {
	// Dir is the directory that a relative Path is below and cannot leave. Default ".".
	Dir string `yaml:"dir"`
	// Path is the file: relative to Dir, or absolute, whose own directory is then the one it cannot leave.
	Path string `yaml:"path"`
	// Mode is append (default) or replace.
	Mode Mode `yaml:"mode"`
	// Resume has a sink that replaces go on with the file that a run left unfinished. It belongs to a source that goes on
	// as well; where the source begins anew, false does away with what that run wrote. Default true.
	Resume bool `yaml:"resume"`
	// ResumeWith narrows Resume: what a run left unfinished is gone on with only while this file is there, which is to be
	// the checkpoint of the source, by the same rules as Path. Without the checkpoint the source begins anew, and so does
	// the sink. Default "": always.
	ResumeWith string `yaml:"resume_with"`
	// Envelope writes {"id": …, "metadata": …, "payload": …} in place of the payload alone. Default false.
	Envelope bool `yaml:"envelope"`
	// MakeDirs creates the directories that are missing. Default true.
	MakeDirs bool `yaml:"make_dirs"`
}

// SinkSettings is a SinkConfig with what only code can give.
type SinkSettings struct {
	SinkConfig

	// Logger is told of what a crash left behind. nil means slog.Default().
	Logger *slog.Logger
}

// DefaultSinkConfig appends payloads. Path is still to be set.
func DefaultSinkConfig() SinkConfig {
	return SinkConfig{Dir: ".", Mode: ModeAppend, Resume: true, MakeDirs: true}
}

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It looks at no file.
func (c SinkConfig) Validate() error {
	var f faults
	if problem := pathProblem(c.Dir, c.Path); problem != "" {
		f.addf("path", "%s", problem)
	} else if strings.EqualFold(filepath.Ext(c.Path), gzipEnding) {
		f.addf("path", "%q ends in %s, but what is written is not compressed; leave that out, and compress the file when it is done",
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
