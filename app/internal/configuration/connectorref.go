package configuration

import (
	"maps"
	"slices"
	"strings"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/policy"
)

// ConnectorRef refers to a connector of a task. Users write task/connector.
type ConnectorRef struct {
	Task      ergon.TaskConfig
	Connector string
}

func (at ConnectorRef) String() string { return at.Task.Name + "/" + at.Connector }

// role gives the connector that the name of a task stands for in a command.
type role func(ergon.TaskConfig) string

// Source is the connector that a task fetches from.
func Source(task ergon.TaskConfig) string { return task.Consumer.Fetch.Connector }

// DeadLetters is the connector that keeps the dead letters of a task.
func DeadLetters(task ergon.TaskConfig) string {
	if name := task.Consumer.Loop.DeadLetter; name != policy.DeadLetterSource {
		return name
	}
	return Source(task)
}

// Find finds a connector: by task/connector, by the name of a task, which stands for the connector of a role, or by the name of a
// connector if only one task has it.
func (c Config) Find(name string, of role) (ConnectorRef, error) {
	task, connector, exact := strings.Cut(name, "/")
	if exact {
		found, err := c.Task(task)
		if err != nil {
			return ConnectorRef{}, err
		}
		return RefTo(found, connector)
	}
	found, err := c.Task(task)
	if err == nil {
		return RefTo(found, of(found))
	}
	switch named := c.connectors(name); len(named) {
	case 0:
		return ConnectorRef{}, err
	case 1:
		return named[0], nil
	default:
		return ConnectorRef{}, usage.Errorf("%q is a connector of %d tasks; use one of: %s", name, len(named), FormatRefs(named))
	}
}

// Knows reports whether name refers to a connector, or to a task.
func (c Config) Knows(name string) bool {
	if _, err := c.Task(strings.SplitN(name, "/", 2)[0]); err == nil {
		return true
	}
	return len(c.connectors(name)) > 0
}

// connectors are all of one name.
func (c Config) connectors(name string) []ConnectorRef {
	var named []ConnectorRef
	for _, task := range c.Tasks {
		if _, ok := task.Connectors[name]; ok {
			named = append(named, ConnectorRef{task, name})
		}
	}
	return named
}

// RefTo refers to a connector of a task. The error lists its connectors.
func RefTo(task ergon.TaskConfig, connector string) (ConnectorRef, error) {
	if _, ok := task.Connectors[connector]; ok {
		return ConnectorRef{task, connector}, nil
	}
	return ConnectorRef{}, usage.Unknown("connector", task.Name+"/"+connector, RefsIn(task))
}

// RefsIn are the names of a task's connectors.
func RefsIn(task ergon.TaskConfig) []string {
	var names []string
	for _, connector := range slices.Sorted(maps.Keys(task.Connectors)) {
		names = append(names, ConnectorRef{task, connector}.String())
	}
	return names
}

// FormatRefs lists references.
func FormatRefs(all []ConnectorRef) string {
	var names []string
	for _, at := range all {
		names = append(names, at.String())
	}
	return strings.Join(names, ", ")
}
