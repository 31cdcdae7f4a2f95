package configuration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ergon-go/ergon/config"
)

// skeleton is an example: the first task of the program with its first source.
func (l *Loader) skeleton() string {
	reg, name := l.Registry, l.Program
	task, source, sink := "<task>", "<connector>", "<connector>"
	if tasks := reg.Tasks(); len(tasks) > 0 {
		task = tasks[0].Name
	}
	if first := firstThatCan(reg, "Fetcher"); first != "" {
		source = first
	}
	if first := firstThatCan(reg, "Dispatcher"); first != "" {
		sink = first
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Create one, for example:\n\n")
	fmt.Fprintf(&b, "  tasks:\n    %s:\n      connectors:\n", task)
	fmt.Fprintf(&b, "        input: {type: %s}\n        dead_letters: {type: %s}\n\n", source, sink)
	fmt.Fprintf(&b, "Types of connectors: %s connectors\nSchema for editors: %s config schema\n", name, name)
	fmt.Fprintf(&b, "To check it: %s lint", name)
	return b.String()
}

func firstThatCan(reg *config.Registry, capability string) string {
	for _, t := range reg.Connectors() {
		if slices.Contains(t.Capabilities(), capability) {
			return t.Name
		}
	}
	return ""
}
