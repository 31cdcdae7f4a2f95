package app

import (
	"slices"
	"strings"

	"github.com/ergon-go/ergon/config"
)

// words are what connectors can do, by the names of the interfaces.
var words = map[string]string{ //nolint:gochecknoglobals // Go has no constants of this kind
	"Fetcher": "fetch", "Dispatcher": "dispatch", "Settler": "settle", "LeaseKeeper": "lease", "Resolver": "resolve",
	"Counter": "count", "Hopper": "hop", "Inspector": "inspect", "Replayer": "replay", "Store": "keep dead letters",
}

// capabilities are what the connectors of a type can do, in words.
func capabilities(t config.RegisteredType) []string {
	can := []string{}
	for _, name := range t.Capabilities() {
		can = append(can, words[name])
	}
	return can
}

func sentence(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

// typeNamed is the registered type of that name; the zero value for none.
func typeNamed(types []config.RegisteredType, name string) config.RegisteredType {
	i := slices.IndexFunc(types, func(t config.RegisteredType) bool { return t.Name == name })
	if i < 0 {
		return config.RegisteredType{}
	}
	return types[i]
}
