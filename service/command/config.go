package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ergon-go/ergon/policy"
)

// Stderr says what happens to the standard error of a program.
type Stderr string

const (
	// StderrError adds its end to the error if the program fails. It is then in logs and dead letters.
	StderrError Stderr = "error"
	// StderrLog logs each of its lines, whether the program fails or not.
	StderrLog Stderr = "log"
	// StderrDiscard drops it.
	StderrDiscard Stderr = "discard"
)

// Config is the configuration of a program. Start with [DefaultConfig] and change its fields: the zero value of a field is not
// its default.
type Config struct {
	// Argv is the program, a path or a name in PATH, and its arguments. No shell reads it.
	Argv []string `yaml:"argv" secret:"arguments"`
	// Dir is the working directory of the program. Default "": the working directory of Ergon.
	Dir string `yaml:"dir"`
	// Env has further variables with their values.
	Env map[string]string `yaml:"env" secret:"value"`
	// EnvPass names variables of Ergon's environment that are passed on if they are set. AWS_* means all that begin with AWS_;
	// * means all. PATH, HOME, LANG, LC_*, TZ and TMPDIR are always passed on.
	EnvPass []string `yaml:"env_pass"`
	// LeaveChildren keeps the processes that a program has started and left when it exited. Default false: they are killed. If
	// the program is killed, they are always killed with it.
	LeaveChildren bool `yaml:"leave_children"`
	// MaxOutputBytes is the maximum size of the result. A program that writes more is killed. Default 1 MiB.
	MaxOutputBytes int `yaml:"max_output_bytes"`
	// Stderr is error (default), log or discard.
	Stderr Stderr `yaml:"stderr"`
	// MaxStderrBytes is how much of the end of standard error is in the error, or of its beginning in the log. Default 4 KiB.
	MaxStderrBytes int `yaml:"max_stderr_bytes"`
}

// DefaultConfig returns the defaults. Set Argv.
func DefaultConfig() Config {
	return Config{MaxOutputBytes: 1 << 20, Stderr: StderrError, MaxStderrBytes: 4 << 10}
}

const (
	maxOutput = 1 << 30
	maxStderr = 1 << 20
)

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It does not look for the program.
func (c Config) Validate() error {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, &policy.Fault{Path: path, Problem: fmt.Sprintf(format, args...)})
	}
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		fault("argv", `has no program, must be a list such as ["python3", "price.py"]`)
	}
	for i, arg := range c.Argv {
		if strings.ContainsRune(arg, 0) {
			fault(fmt.Sprintf("argv[%d]", i), "has a NUL character, which no argument can have")
		}
	}
	for name, value := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			fault("env", "has %q, whose name must not be empty nor have an =, and which must have no NUL character", name)
		}
	}
	for i, name := range c.EnvPass {
		if name == "" || strings.ContainsAny(strings.TrimSuffix(name, "*"), "*=\x00") {
			fault(fmt.Sprintf("env_pass[%d]", i), "is %q, must be the name of a variable, or a beginning of names with a * at its end", name)
		}
	}
	if c.MaxOutputBytes < 1 || c.MaxOutputBytes > maxOutput {
		fault("max_output_bytes", "is %d, must be from 1 to %d, such as 1048576", c.MaxOutputBytes, maxOutput)
	}
	if choices := []Stderr{StderrError, StderrLog, StderrDiscard}; !slices.Contains(choices, c.Stderr) {
		fault("stderr", "is %q, must be one of %q", c.Stderr, choices)
	}
	if c.MaxStderrBytes < 0 || c.MaxStderrBytes > maxStderr {
		fault("max_stderr_bytes", "is %d, must be from 0 to %d, such as 4096", c.MaxStderrBytes, maxStderr)
	}
	return errors.Join(faults...)
}
