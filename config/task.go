package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ergon-go/ergon"
)

// producer is a section of a task, and a kind of task.
const producer = "producer"

// task is a task of the file.
type task struct {
	config               ergon.TaskConfig
	registered           string // the name of the registered task
	connectors, services []component
	settings             reflect.Value // invalid where the task has none
	at                   *place
}

const (
	tasksKey    = "tasks"
	identityKey = "identity"
)

// document decodes the whole file.
func (d *decoder) document(root *yaml.Node) ([]task, []section) {
	top := &place{line: 1, col: 1}
	sections := newSections(d.reg.sections, top)
	if root == nil {
		d.noTasks(top)
		return nil, sections
	}
	var tasks []task
	at := top
	for _, e := range d.entries(root, top, "a mapping with the key tasks") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.Key == e.key })
		switch {
		case e.key == tasksKey:
			at = top.child(e.key, e.position())
			tasks = d.tasks(e, at)
		case i >= 0:
			d.section(e, &sections[i], top)
		case !strings.HasPrefix(e.key, "x-"):
			d.faultAtf(e.keyNode, top, "%s", unknown("key", "keys", e.key, append([]string{tasksKey}, sectionKeys(d.reg.sections)...)))
		}
	}
	if len(tasks) == 0 && len(d.faults) == 0 {
		d.noTasks(at)
	}
	return tasks, sections
}

func (d *decoder) noTasks(at *place) {
	d.faultf(at, "no tasks; write at least one, such as tasks: {%s: {connectors: {input: {type: …}}}}", firstTask(d.reg.tasks))
}

func firstTask(tasks []RegisteredTask) string {
	if len(tasks) == 0 {
		return "name"
	}
	return tasks[0].Name
}

func (d *decoder) tasks(section entry, at *place) []task {
	var tasks []task
	for _, e := range d.entries(section.value, at, "a mapping of names to tasks") {
		if !isIdentifier(e.key) {
			d.faultAtf(e.keyNode, at, "has the task name %s; %s", quoted(abbreviated(e.key)), identifierRule)
		}
		t := task{at: at.child(e.key, e.position()), registered: e.key, config: ergon.NewTaskConfig(e.key, nil)}
		t.at.sensitivity = public
		d.task(e, &t)
		d.distinct(&t, tasks)
		tasks = append(tasks, t)
	}
	return tasks
}

func (d *decoder) task(task entry, t *task) {
	var settings *entry
	for _, e := range d.entries(task.value, t.at, "a mapping") {
		if !slices.Contains(taskKeys(), e.key) {
			d.faultAtf(e.keyNode, t.at, "%s", unknown("key", "keys", e.key, taskKeys()))
			continue
		}
		at := t.at.child(e.key, e.position())
		switch e.key {
		case "task":
			d.value(e.value, reflect.ValueOf(&t.registered).Elem(), at)
		case identityKey:
			d.value(e.value, reflect.ValueOf(&t.config.Identity).Elem(), at)
		case settingsKey:
			settings = &e
		case "connectors":
			t.connectors = d.components(e, at, "connector", d.reg.connectors)
		case "services":
			t.services = d.components(e, at, "service", d.reg.services)
		case "consumer":
			d.value(e.value, reflect.ValueOf(&t.config.Consumer).Elem(), at)
		case producer:
			d.value(e.value, reflect.ValueOf(&t.config.Producer).Elem(), at)
		case "workers":
			d.value(e.value, reflect.ValueOf(&t.config.Workers).Elem(), at)
		case "shutdown":
			d.value(e.value, reflect.ValueOf(&t.config.Shutdown).Elem(), at)
		}
	}
	if t.at.broken && len(t.at.children) == 0 {
		return // it is no mapping: what is missing from it is not worth a word
	}
	d.resolve(t)
	d.taskSettings(settings, t)
	d.invalid(t.config.ValidateIdentity(), t.at)
	d.invalid(t.config.Consumer.Validate(), t.at.at("consumer"))
	d.invalid(t.config.Producer.Validate(), t.at.at(producer))
	d.invalid(t.config.Workers.Validate(), t.at.at("workers"))
	d.invalid(t.config.Shutdown.Validate(), t.at.at("shutdown"))
	d.references(*t)
}

// distinct reports an identity that an earlier task has.
func (d *decoder) distinct(t *task, earlier []task) {
	for i := range earlier {
		if other := &earlier[i].config; t.config.Identity != "" && other.Identity == t.config.Identity {
			d.faultBelow(t.at, identityKey, fmt.Sprintf(
				"is also that of task %s, so both would make the same ids; give it to one of them", other.Name))
		}
	}
}

func taskKeys() []string {
	return []string{"task", identityKey, settingsKey, "connectors", "services", "consumer", producer, "workers", "shutdown"}
}

// resolve finds the registered task.
func (d *decoder) resolve(t *task) {
	if registered := d.registered(t.registered); registered != nil {
		t.config.New = registered.New
		return
	}
	problem := unknown("task", "tasks", t.registered, taskNames(d.reg.tasks))
	if _, written := t.at.children["task"]; !written {
		problem += "; the key task says which one it is, without it the task's own name does"
	}
	d.faultBelow(t.at, "task", problem)
}

func taskNames(tasks []RegisteredTask) []string {
	names := make([]string, len(tasks))
	for i := range tasks {
		names[i] = tasks[i].Name
	}
	return names
}
