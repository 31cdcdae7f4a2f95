package config

import (
	"fmt"
	"reflect"

	"github.com/ergon-go/ergon"
)

// component is a connector or service of a task.
type component struct {
	name string
	// typ is the zero value where the type is not known; that has been reported then.
	typ      RegisteredType
	settings reflect.Value // a struct of the type of typ.Defaults
	at       *place
}

// components decodes the connectors or the services of a task; what is either word.
func (d *decoder) components(section entry, at *place, what string, types []RegisteredType) []component {
	var all []component
	for _, e := range d.entries(section.value, at, "a mapping of names to "+what+"s") {
		c := component{name: e.key, at: at.child(e.key, e.position())}
		c.at.sensitivity = public
		if !isIdentifier(e.key) {
			d.faultAtf(e.keyNode, at, "has the %s name %s; %s", what, quoted(abbreviated(e.key)), identifierRule)
		}
		d.secrets = nil
		d.component(e, &c, what, types)
		all = append(all, c)
	}
	return all
}

func (d *decoder) component(e entry, c *component, what string, types []RegisteredType) {
	entries := d.entries(e.value, c.at, "a mapping with the key type")
	name := d.typeName(entries, c.at)
	switch typ, known := find(types, name); {
	case known:
		c.typ = typ
	case name != "":
		d.faultBelow(c.at, "type", unknown(what+" type", what+" types", name, namesOf(types)))
		return
	case !c.at.broken:
		d.faultf(c.at, "has no type; %s", knownOnes(what+" types", namesOf(types)))
		return
	default:
		return
	}
	c.settings = reflect.New(reflect.TypeOf(c.typ.Defaults)).Elem()
	c.settings.Set(reflect.ValueOf(c.typ.Defaults))
	fields := fieldsOf(c.settings.Type())
	keys := append([]string{"type"}, keysOf(fields)...)
	for _, e := range entries {
		if e.key != "type" {
			d.field(e, fields, keys, c.settings, c.at)
		}
	}
	if v, ok := reflect.TypeAssert[interface{ Validate() error }](pointerTo(c.settings)); ok {
		d.invalid(v.Validate(), c.at)
	}
}

func (d *decoder) typeName(entries []entry, at *place) (name string) {
	for _, e := range entries {
		if e.key == "type" {
			d.value(e.value, reflect.ValueOf(&name).Elem(), at.child(e.key, e.position()))
		}
	}
	return name
}

// build makes what the engine opens. Errors say where in the file the component stands.
func (c component) build(file string) ergon.Component {
	settings := c.settings.Interface()
	return ergon.Component{Type: c.typ.Name, New: func() (any, error) {
		made, err := c.typ.build(settings)
		if err != nil {
			return nil, fmt.Errorf("%s:%d:%d: %s: %w", file, c.at.line, c.at.col, c.at.path, err)
		}
		return made, nil
	}}
}

// pointerTo returns a pointer to a copy of v.
func pointerTo(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}
