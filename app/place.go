package app

import (
	"maps"
	"slices"
	"strings"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/policy"
)

// place is a connector of a task, which users call task/connector.
type place struct {
	task      ergon.TaskConfig
	connector string
}

func (at place) String() string { return at.task.Name + "/" + at.connector }

// role is the connector that a task's name stands for in a command.
type role func(ergon.TaskConfig) string

func source(task ergon.TaskConfig) string { return task.Consumer.Fetch.Connector }

func deadLetters(task ergon.TaskConfig) string {
	if name := task.Consumer.Loop.DeadLetter; name != policy.DeadLetterSource {
		return name
	}
	return source(task)
}

// at finds the place that a user names: task/connector, a task, which stands for the connector of a role, or a connector
// of a name that no other has.
func (c configuration) at(name string, of role) (place, error) {
	task, connector, exact := strings.Cut(name, "/")
	if exact {
		found, err := c.task(task)
		if err != nil {
			return place{}, err
		}
		return placeIn(found, connector)
	}
	found, err := c.task(task)
	if err == nil {
		return placeIn(found, of(found))
	}
	switch named := c.connectors(name); len(named) {
	case 0:
		return place{}, err
	case 1:
		return named[0], nil
	default:
		return place{}, usagef("%q is a connector of %d tasks; name one of them: %s", name, len(named), places(named))
	}
}

// knows tells whether a user can mean a place by name.
func (c configuration) knows(name string) bool {
	if _, err := c.task(strings.SplitN(name, "/", 2)[0]); err == nil {
		return true
	}
	return len(c.connectors(name)) > 0
}

// connectors are all of one name.
func (c configuration) connectors(name string) []place {
	var named []place
	for _, task := range c.Tasks {
		if _, ok := task.Connectors[name]; ok {
			named = append(named, place{task, name})
		}
	}
	return named
}

func placeIn(task ergon.TaskConfig, connector string) (place, error) {
	if _, ok := task.Connectors[connector]; ok {
		return place{task, connector}, nil
	}
	return place{}, unknown("connector", task.Name+"/"+connector, placesIn(task))
}

// placesIn are the names of a task's connectors.
func placesIn(task ergon.TaskConfig) []string {
	var names []string
	for _, connector := range slices.Sorted(maps.Keys(task.Connectors)) {
		names = append(names, place{task, connector}.String())
	}
	return names
}

func places(all []place) string {
	var names []string
	for _, at := range all {
		names = append(names, at.String())
	}
	return strings.Join(names, ", ")
}
