package config

import (
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/ergon-go/ergon"
)

// Show returns the effective configuration as YAML: every key with its value, defaults included, as c.Tasks has them now. The
// result has the same meaning as the file that was read. A secret is shown as its reference, such as ${TOKEN}; a secret that is
// written in the file or is a default of a section is shown as [redacted].
func (c *Config) Show() ([]byte, error) { return c.show(c.sections) }

// ShowTasks is [Config.Show] without the sections.
func (c *Config) ShowTasks() ([]byte, error) { return c.show(nil) }

func (c *Config) show(sections []section) ([]byte, error) {
	tasks, err := c.showTasks()
	if err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	top := mappingNode()
	set(top, tasksKey, tasks)
	for _, s := range sections {
		node, err := showValue(s.settings, s.at)
		if err != nil {
			return nil, fmt.Errorf("show configuration: %s: %w", s.Key, err)
		}
		set(top, s.Key, node)
	}
	data, err := yaml.Dump(top, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	return data, nil
}

func (c *Config) showTasks() (*yaml.Node, error) {
	tasks := mappingNode()
	for _, t := range c.Tasks {
		i := slices.IndexFunc(c.tasks, func(known task) bool { return known.config.Name == t.Name })
		if i < 0 {
			return nil, fmt.Errorf("task %q is not from the file", t.Name)
		}
		node, err := showTask(t, c.tasks[i])
		if err != nil {
			return nil, fmt.Errorf("task %q: %w", t.Name, err)
		}
		set(tasks, t.Name, node)
	}
	return tasks, nil
}

func showTask(now ergon.TaskConfig, t task) (*yaml.Node, error) {
	node := mappingNode()
	set(node, "task", showString(t.registered, t.at.at("task")))
	if t.config.Identity != "" {
		set(node, identityKey, showString(t.config.Identity, t.at.at(identityKey)))
	}
	if t.settings.IsValid() {
		settings, err := showValue(t.settings, t.at.at(settingsKey))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", settingsKey, err)
		}
		set(node, settingsKey, settings)
	}
	connectors, err := showComponents(t.connectors)
	if err != nil {
		return nil, fmt.Errorf("connectors: %w", err)
	}
	services, err := showComponents(t.services)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	set(node, "connectors", connectors)
	set(node, "services", services)
	for _, section := range []struct {
		key   string
		value any
	}{{"consumer", now.Consumer}, {producer, now.Producer}, {"workers", now.Workers}, {"shutdown", now.Shutdown}} {
		shown, err := showValue(reflect.ValueOf(section.value), t.at.at(section.key))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section.key, err)
		}
		set(node, section.key, shown)
	}
	return node, nil
}

func showComponents(components []component) (*yaml.Node, error) {
	node := mappingNode()
	for _, c := range components {
		shown, err := showValue(c.settings, c.at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		typ := mappingNode()
		set(typ, "type", showString(c.typ.Name, c.at.at("type")))
		typ.Content = append(typ.Content, shown.Content...)
		set(node, c.name, typ)
	}
	return node, nil
}

func mappingNode() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func set(mapping *yaml.Node, key string, value *yaml.Node) {
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}
