package config

import (
	"reflect"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// RegisteredType is a type of connector or service that a configuration can name.
type RegisteredType struct {
	Name, Description string
	// Defaults is the struct that the configuration is decoded onto.
	Defaults any
	// Product is the type that is built.
	Product reflect.Type

	build func(any) (any, error)
}

// Capabilities returns the names of the interfaces that the type of the product implements, in this order: Fetcher, Dispatcher,
// Settler, LeaseKeeper, Resolver, Counter, Hopper, Inspector, Replayer, Store.
func (t RegisteredType) Capabilities() []string {
	var names []string
	for _, optional := range []reflect.Type{
		reflect.TypeFor[ergon.Fetcher](), reflect.TypeFor[ergon.Dispatcher](), reflect.TypeFor[capability.Settler](),
		reflect.TypeFor[capability.LeaseKeeper](), reflect.TypeFor[capability.Resolver](), reflect.TypeFor[capability.Counter](),
		reflect.TypeFor[capability.Hopper](), reflect.TypeFor[capability.Inspector](), reflect.TypeFor[capability.Replayer](),
		reflect.TypeFor[deadletter.Store](),
	} {
		if t.Product.Implements(optional) {
			names = append(names, optional.Name())
		}
	}
	return names
}

// lacks tells whether the product certainly is no T. What is behind an interface is not known before it is built.
func lacks[T any](t RegisteredType) bool {
	return t.Product.Kind() != reflect.Interface && !t.Product.Implements(reflect.TypeFor[T]())
}

func find(types []RegisteredType, name string) (RegisteredType, bool) {
	for _, t := range types {
		if t.Name == name {
			return t, true
		}
	}
	return RegisteredType{}, false
}

func namesOf(types []RegisteredType) []string {
	names := make([]string, len(types))
	for i := range types {
		names[i] = types[i].Name
	}
	return names
}
