// Package configuration loads the configuration of a program and finds tasks and connectors in it by the names that users
// write.
package configuration

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/ops"
	"github.com/ergon-go/ergon/runner"
	"github.com/ergon-go/ergon/telemetry"
)

const (
	defaultConfig  = "ergon.yaml"
	builtInConfig  = "built-in " + defaultConfig
	maxConfigBytes = 1 << 20
)

// Config is a configuration and the file that it was read from.
type Config struct {
	*config.Config

	Source string
}

// Sections of the configuration that the command line understands.
const (
	TelemetrySection = "telemetry"
	telemetryText    = "Export of traces, metrics and logs. The OpenTelemetry variables OTEL_* are its defaults."

	OpsSection = "ops"
	opsText    = "The operations endpoint: health, metrics, profiles, an API and the web console."
)

// Loader reads the configuration of a program.
type Loader struct {
	Program   string // its name, for messages
	Registry  *config.Registry
	Path      string // --config; "" for the default
	BuiltIn   []byte
	LookupEnv func(name string) (value string, set bool)
	Variables func(name string) (value string, set bool) // what ${NAME} stands for
}

// Sections is the program's registry with the sections that the command line understands; defaults are those of telemetry.
func (l *Loader) Sections(defaults telemetry.Config) *config.Registry {
	reg := l.Registry.Clone()
	config.Section(reg, TelemetrySection, telemetryText, defaults)
	config.Section(reg, OpsSection, opsText, ops.DefaultConfig())
	return reg
}

// Load reads the file of --config, otherwise ergon.yaml in the working directory, otherwise the built-in configuration.
func (l *Loader) Load() (Config, error) {
	source, data, err := l.read()
	if err != nil {
		return Config{}, &usage.Error{Err: err}
	}
	folder := "."
	if source != builtInConfig {
		folder = filepath.Dir(source)
	}
	environment := config.OSEnvironment(folder)
	environment.LookupEnv = l.Variables
	defaults, err := telemetry.FromEnvironment(l.LookupEnv)
	if err != nil {
		return Config{}, &usage.Error{Err: err}
	}
	c, err := config.Parse(source, data, l.Sections(defaults), environment)
	if err != nil {
		return Config{}, &usage.Error{Err: err}
	}
	return Config{Config: c, Source: source}, nil
}

// Exists reports whether there is a configuration to load, even a faulty one.
func (l *Loader) Exists() bool {
	if l.Path != "" || len(l.BuiltIn) > 0 {
		return true
	}
	_, err := os.Stat(defaultConfig)
	return !errors.Is(err, fs.ErrNotExist)
}

func (l *Loader) read() (source string, data []byte, err error) {
	if path := l.Path; path != "" {
		data, err = readConfig(path)
		return path, data, err
	}
	data, err = readConfig(defaultConfig)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return defaultConfig, data, err
	case len(l.BuiltIn) > 0:
		return builtInConfig, l.BuiltIn, nil
	}
	return "", nil, l.noConfiguration()
}

func readConfig(path string) ([]byte, error) {
	const unreadable = "read configuration: %w; it must be a readable YAML file"
	file, err := os.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf(unreadable, err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxConfigBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf(unreadable, err)
	}
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf("read configuration %s: it is larger than %d bytes", path, maxConfigBytes)
	}
	return data, nil
}

// noConfiguration is the error that names the missing files and shows how to create one.
func (l *Loader) noConfiguration() error {
	folder, err := os.Getwd()
	if err != nil {
		folder = "the working directory"
	}
	return fmt.Errorf("no configuration: %s is not in %s, and --config is not set\n%s", defaultConfig, folder, l.skeleton())
}

// Task finds a task by its name.
func (c Config) Task(name string) (ergon.TaskConfig, error) {
	names := make([]string, 0, len(c.Tasks))
	for _, t := range c.Tasks {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return ergon.TaskConfig{}, usage.Unknown("task", name, names)
}

// Select are the named tasks; all if none is named.
func (c Config) Select(names []string) ([]ergon.TaskConfig, error) {
	if len(names) == 0 {
		return c.Tasks, nil
	}
	tasks := make([]ergon.TaskConfig, 0, len(names))
	for _, name := range names {
		task, err := c.Task(name)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// Names are the names of the tasks; of all in the configuration if there are none.
func (c Config) Names(tasks []string) []string {
	if len(tasks) > 0 {
		return tasks
	}
	for _, t := range c.Tasks {
		tasks = append(tasks, t.Name)
	}
	return tasks
}

// Manager has all tasks of the configuration.
func (c Config) Manager(s runner.Settings, limit int64) (*runner.Manager, error) {
	m := runner.NewManager(s)
	var faults []error
	for _, task := range c.Tasks {
		if limit > 0 {
			task.Consumer.Loop.Limit, task.Producer.Loop.Limit = limit, limit
		}
		faults = append(faults, m.Register(task))
	}
	return m, errors.Join(faults...)
}

// YAML is the configuration in force as YAML, without secrets; only the part of one task if task is not "".
func (c Config) YAML(task string) (string, error) {
	show := c.Show
	if task != "" {
		one, err := c.Task(task)
		if err != nil {
			return "", err
		}
		only := *c.Config
		only.Tasks = only.Tasks[:0:0]
		only.Tasks = append(only.Tasks, one)
		show = only.ShowTasks
	}
	text, err := show()
	return string(text), err
}

// Usage describes the flag --config.
func (l *Loader) Usage() string {
	if len(l.BuiltIn) > 0 {
		return "configuration `file` (default: " + defaultConfig + " in the working directory, otherwise the built-in one)"
	}
	return "configuration `file` (default: " + defaultConfig + " in the working directory)"
}
