package app

import (
	"slices"
	"strings"

	"github.com/ergon-go/ergon/config"
)

// capabilities are what the connectors of a type can do, in words.
func capabilities(t config.RegisteredType) []string {
	words := []string{}
	for _, name := range t.Capabilities() {
		words = append(words, map[string]string{
			"Fetcher": "fetch", "Dispatcher": "dispatch", "Settler": "settle",
			"LeaseKeeper": "lease", "Resolver": "resolve", "Counter": "count", "Hopper": "hop", "Inspector": "inspect",
			"Replayer": "replay", "Store": "keep dead letters",
		}[name])
	}
	return words
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
