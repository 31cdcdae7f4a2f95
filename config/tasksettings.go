package config

import (
	"reflect"

	"github.com/ergon-go/ergon"
)

const settingsKey = "settings"

// Task registers a task with settings. In a configuration they are below the key settings of the task. They are decoded onto a
// copy of defaults and checked in the same way as by [Connector]. See [Registry.Task] for a task without settings.
func Task[C any](reg *Registry, name, description string, defaults C, task func(C, *ergon.Dependencies) ergon.Task) {
	reg.check("task", name, callSite())
	if task == nil {
		reg.faultf("task %q has no constructor", name)
		return
	}
	for _, fault := range configurableSection(reflect.TypeFor[C]()) {
		reg.faultf("task %q: %s", name, fault)
	}
	reg.tasks = append(reg.tasks, RegisteredTask{
		Name: name, Description: description, Defaults: defaults,
		New: func(d *ergon.Dependencies) ergon.Task { return task(defaults, d) },
		with: func(settings any, d *ergon.Dependencies) ergon.Task {
			return task(settings.(C), d) //nolint:forcetypeassert // it is made of defaults
		},
	})
}

// taskSettings decodes the settings of a task, written or not, once it is known which task it is.
func (d *decoder) taskSettings(written *entry, t *task) {
	registered := d.registered(t.registered)
	if registered == nil {
		return
	}
	if registered.Defaults == nil {
		if written != nil {
			d.faultAtf(written.keyNode, t.at.child(settingsKey, written.position()), "task %q has no settings; remove the key", registered.Name)
		}
		return
	}
	t.settings = reflect.New(reflect.TypeOf(registered.Defaults)).Elem()
	t.settings.Set(reflect.ValueOf(registered.Defaults))
	at := t.at.at(settingsKey)
	if written != nil {
		at = t.at.child(settingsKey, written.position())
		d.secrets = nil
		d.value(written.value, t.settings, at)
	}
	if v, ok := reflect.TypeAssert[interface{ Validate() error }](pointerTo(t.settings)); ok {
		d.invalid(v.Validate(), at)
	}
	settings := t.settings.Interface()
	t.config.New = func(d *ergon.Dependencies) ergon.Task { return registered.with(settings, d) }
}

// registered finds a registered task; nil where there is none of that name.
func (d *decoder) registered(name string) *RegisteredTask {
	for i := range d.reg.tasks {
		if d.reg.tasks[i].Name == name {
			return &d.reg.tasks[i]
		}
	}
	return nil
}

// settingsSchema is that of the settings of whichever task; nil where none has any.
func settingsSchema(tasks []RegisteredTask) *schema {
	all := &schema{Description: "The task's own settings."}
	for _, t := range tasks {
		if t.Defaults != nil {
			one := valueSchema(reflect.ValueOf(t.Defaults), public)
			one.Description = t.Name + ": " + t.Description
			all.AnyOf = append(all.AnyOf, one)
		}
	}
	if all.AnyOf == nil {
		return nil
	}
	return all
}
