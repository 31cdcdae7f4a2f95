package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ergon-go/ergon"
)

// Config is the content of a configuration file.
type Config struct {
	// Tasks are in the order of the file.
	Tasks []ergon.TaskConfig

	tasks    []task // what Show needs besides
	sections []section
}

// Registered returns the registered name of the task of a configuration; "" if name is not a task of the file.
func (c *Config) Registered(name string) string {
	for _, t := range c.tasks {
		if t.config.Name == name {
			return t.registered
		}
	}
	return ""
}

// Load reads the file at path, up to 1 MiB. References are replaced by [OSEnvironment] for the folder of the file. It returns the
// result of [Parse], or an error if the file cannot be read.
func Load(path string, reg *Registry) (*Config, error) {
	file, err := os.Open(path) //nolint:gosec // the file is the one that the user names
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	data, err := readAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return Parse(path, data, reg, OSEnvironment(filepath.Dir(path)))
}

// Parse returns the task configurations of a YAML file. Faults use name for the file. The error has the faults of reg, or all
// [Faults] of the file. Parse makes no connector or service; the components of the tasks do that later.
func Parse(name string, data []byte, reg *Registry, env Environment) (*Config, error) {
	if err := reg.Err(); err != nil {
		return nil, err
	}
	root, fault := parse(name, data)
	if fault != nil {
		return nil, Faults{*fault}
	}
	d := &decoder{file: name, env: env, reg: reg}
	tasks, sections := d.document(root)
	if err := d.faults.err(); err != nil {
		return nil, err
	}
	c := &Config{tasks: tasks, sections: sections}
	for _, t := range tasks {
		for _, connector := range t.connectors {
			t.config.Connectors[connector.name] = connector.build(name)
		}
		for _, service := range t.services {
			t.config.Services[service.name] = service.build(name)
		}
		c.Tasks = append(c.Tasks, t.config)
	}
	return c, nil
}
