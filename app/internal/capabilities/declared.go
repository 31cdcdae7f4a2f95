package capabilities

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// Properties are the fields of a declaration that say something about this connector, in the order in which people read them.
type Properties []Property

// Property is one field.
type Property struct {
	Name  string
	Value any // a string, a bool, or a []string
}

// DeclaredBy asks a connector, which need not be open, what it can do as it is configured, and what it declares.
func DeclaredBy(connector any) (can []string, declares Properties, err error) {
	has, err := capability.Can(connector)
	if err != nil {
		return nil, nil, fmt.Errorf("read the declaration: %w", err)
	}
	d, err := capability.DeclarationOf(connector)
	if err != nil {
		return nil, nil, fmt.Errorf("read the declaration: %w", err)
	}
	can = has.Words()
	if _, keeps := capability.As[deadletter.Store](connector); keeps {
		can = append(can, Verbs["Store"])
	}
	return can, propertiesOf(d, has), nil
}

func propertiesOf(d capability.Declaration, can capability.Set) Properties {
	var p Properties
	add := func(applies bool, name, value string) {
		if applies && value != "" {
			p = append(p, Property{name, value})
		}
	}
	has := func(one capability.Set) bool { return can&one != 0 }
	add(true, "destination", d.Destination)
	add(true, "group", d.Group)
	add(true, "sharing", string(d.Sharing))
	add(has(capability.CanSettle), "settles", string(d.Settles))
	add(has(capability.CanSettle), "fences", string(d.Fences))
	if d.WholeBatches {
		p = append(p, Property{"whole_batches", true})
	}
	if d.MaxHold > 0 {
		add(has(capability.CanFetch), "max_hold", d.MaxHold.String())
	}
	add(has(capability.CanFetch), "order", string(d.Order))
	add(has(capability.CanDispatch), "dedup", string(d.Dedup))
	if d.Lacks != 0 {
		p = append(p, Property{"lacks", d.Lacks.Words()})
	}
	if len(d.Notes) > 0 {
		p = append(p, Property{"notes", d.Notes})
	}
	return p
}

// String lists the properties in one line.
func (p Properties) String() string {
	texts := make([]string, len(p))
	for i, one := range p {
		value := fmt.Sprint(one.Value)
		if several, ok := one.Value.([]string); ok {
			value = strings.Join(several, " + ")
		}
		texts[i] = one.Name + " " + value
	}
	return strings.Join(texts, ", ")
}

// MarshalJSON writes an object.
func (p Properties) MarshalJSON() ([]byte, error) {
	object := make(map[string]any, len(p))
	for _, one := range p {
		object[one.Name] = one.Value
	}
	return json.Marshal(object)
}
