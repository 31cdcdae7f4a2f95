package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ergon-go/ergon/policy"
)

// Stderr is what becomes of what a program prints to standard error.
type Stderr string

const (
	// StderrError makes its end a part of the error, when the program fails: it is in logs and dead letters then.
	StderrError Stderr = "error"
	// StderrLog logs each of its lines, whether the program fails or not.
	StderrLog Stderr = "log"
	// StderrDiscard drops it.
	StderrDiscard Stderr = "discard"
)

// Config is what a user says about a program. Change a value of [DefaultConfig]; zero values are not defaults.
type Config struct {
	// Argv is the program, by path or by a name in PATH, and its arguments. No shell reads it.
	Argv []string `yaml:"argv" secret:"arguments"`
	// Dir is the working directory of the program. Default: that of Ergon.
	Dir string `yaml:"dir"`
	// Env has further variables for it, with their values.
	Env map[string]string `yaml:"env" secret:"value"`
	// EnvPass names the variables of Ergon's own environment that it gets as well, as far as they are set; AWS_* stands for all
	// that begin with AWS_, * for all. It has PATH, HOME, LANG, LC_*, TZ and TMPDIR anyway.
	EnvPass []string `yaml:"env_pass"`
	// LeaveChildren leaves alone what a program that ended by itself has started. Default false: it is killed then. What a
	// program has started that is killed is killed with it in any case.
	LeaveChildren bool `yaml:"leave_children"`
	// MaxOutputBytes is the largest result; a program that prints more is killed. Default 1 MiB.
	MaxOutputBytes int `yaml:"max_output_bytes"`
	// Stderr is error (default), log or discard.
	Stderr Stderr `yaml:"stderr"`
	// MaxStderrBytes is how much of standard error is kept, from its end, or logged, from its beginning. Default 4 KiB.
	MaxStderrBytes int `yaml:"max_stderr_bytes"`
}

// DefaultConfig has every default. Argv is still to be set.
func DefaultConfig() Config {
	return Config{MaxOutputBytes: 1 << 20, Stderr: StderrError, MaxStderrBytes: 4 << 10}
}

const (
	maxOutput = 1 << 30
	maxStderr = 1 << 20
)

// Validate reports every fault of c, each a *policy.Fault with the path of its YAML key. It looks for no program.
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
