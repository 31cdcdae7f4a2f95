package config

import (
	"reflect"
	"slices"
)

// RegisteredSection is a registered top-level key, for settings of the program as a whole.
type RegisteredSection struct {
	Key, Description string
	// Defaults is the struct that YAML is decoded onto.
	Defaults any
}

// Section registers a top-level key. Its value is decoded onto a copy of defaults and checked as by [Connector]. If a file does
// not have the key, the defaults apply. [SectionOf] returns the value.
func Section[C any](reg *Registry, key, description string, defaults C) {
	reg.check("section", key, callSite())
	if key == tasksKey {
		reg.faultf("section %q has the key of the tasks; give it another", key)
	}
	for _, fault := range configurableSection(reflect.TypeFor[C]()) {
		reg.faultf("section %q: %s", key, fault)
	}
	reg.sections = append(reg.sections, RegisteredSection{Key: key, Description: description, Defaults: defaults})
}

// SectionOf returns the section of c with that key. It returns false if the key is not registered, or is registered with another
// type.
func SectionOf[C any](c *Config, key string) (C, bool) {
	for _, s := range c.sections {
		if s.Key == key {
			return reflect.TypeAssert[C](s.settings)
		}
	}
	var none C
	return none, false
}

// Sections returns the registered sections in the order of registration.
func (r *Registry) Sections() []RegisteredSection { return slices.Clone(r.sections) }

// section is a section of the file, or its defaults where the file has none.
type section struct {
	RegisteredSection

	settings reflect.Value
	at       *place
}

// newSections have the defaults, and places at the top of the file.
func newSections(registered []RegisteredSection, top *place) []section {
	sections := make([]section, len(registered))
	for i, r := range registered {
		settings := reflect.New(reflect.TypeOf(r.Defaults)).Elem()
		settings.Set(reflect.ValueOf(r.Defaults))
		sections[i] = section{RegisteredSection: r, settings: settings, at: top.at(r.Key)}
	}
	return sections
}

func (d *decoder) section(e entry, s *section, top *place) {
	s.at = top.child(e.key, e.position())
	d.secrets = nil
	d.value(e.value, s.settings, s.at)
	if v, ok := reflect.TypeAssert[interface{ Validate() error }](pointerTo(s.settings)); ok {
		d.invalid(v.Validate(), s.at)
	}
}

func sectionKeys(sections []RegisteredSection) []string {
	keys := make([]string, len(sections))
	for i := range sections {
		keys[i] = sections[i].Key
	}
	return keys
}
