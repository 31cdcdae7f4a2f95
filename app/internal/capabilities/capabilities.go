// Package capabilities names what connectors can do, in words.
package capabilities

import (
	"slices"
	"strings"

	"github.com/ergon-go/ergon/config"
)

// Verbs are the capabilities of connectors in words, by the names of their interfaces.
var Verbs = map[string]string{ //nolint:gochecknoglobals // Go has no constants of this kind
	"Fetcher": "fetch", "Dispatcher": "dispatch", "Settler": "settle", "LeaseKeeper": "lease", "Resolver": "resolve",
	"Counter": "count", "Hopper": "hop", "Inspector": "inspect", "Replayer": "replay", "Store": "keep dead letters",
}

// Of are the capabilities of a type of connectors, in words.
func Of(t config.RegisteredType) []string {
	can := []string{}
	for _, name := range t.Capabilities() {
		can = append(can, Verbs[name])
	}
	return can
}

// Join lists words; "-" for none.
func Join(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

// TypeNamed is the registered type of that name, or the zero value.
func TypeNamed(types []config.RegisteredType, name string) config.RegisteredType {
	i := slices.IndexFunc(types, func(t config.RegisteredType) bool { return t.Name == name })
	if i < 0 {
		return config.RegisteredType{}
	}
	return types[i]
}
