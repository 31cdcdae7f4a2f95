package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/telemetry"
)

const (
	defaultConfig  = "ergon.yaml"
	builtInConfig  = "built-in " + defaultConfig
	maxConfigBytes = 1 << 20
)

// configuration is what a user runs, with where it is from.
type configuration struct {
	*config.Config

	source  string
	console string // where the console is served although the configuration does not say so; "" for nowhere
}

// load reads the file that --config names, or else ergon.yaml in the working directory, or else what is built in.
func (p *program) load() (configuration, error) {
	source, data, err := p.read()
	if err != nil {
		return configuration{}, &wrong{err: err}
	}
	folder := "."
	if source != builtInConfig {
		folder = filepath.Dir(source)
	}
	environment := config.OSEnvironment(folder)
	environment.LookupEnv = p.lookup
	defaults, err := telemetry.FromEnvironment(p.process.LookupEnv)
	if err != nil {
		return configuration{}, &wrong{err: err}
	}
	c, err := config.Parse(source, data, p.registry(defaults), environment)
	if err != nil {
		return configuration{}, &wrong{err: err}
	}
	return configuration{Config: c, source: source}, nil
}

func (p *program) read() (source string, data []byte, err error) {
	if path := p.options.config; path != "" {
		data, err = readConfig(path)
		return path, data, err
	}
	data, err = readConfig(defaultConfig)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return defaultConfig, data, err
	case len(p.settings.Config) > 0:
		return builtInConfig, p.settings.Config, nil
	}
	return "", nil, p.noConfiguration()
}

func readConfig(path string) ([]byte, error) {
	const unreadable = "read configuration: %w; it must be a YAML file that can be read"
	file, err := os.Open(path) //nolint:gosec // the user says which
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

// noConfiguration says what was looked for and how to make one.
func (p *program) noConfiguration() error {
	folder, err := os.Getwd()
	if err != nil {
		folder = "the working directory"
	}
	return fmt.Errorf("no configuration: there is no %s in %s, and --config names no other file\n%s", defaultConfig, folder, p.skeleton())
}

// task finds a task by its name.
func (c configuration) task(name string) (ergon.TaskConfig, error) {
	names := make([]string, 0, len(c.Tasks))
	for _, t := range c.Tasks {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return ergon.TaskConfig{}, unknown("task", name, names)
}
