package connectortest

import (
	"slices"
	"testing"
)

// Violations checks every rule, or those that are named, and returns the failures of those that are broken, by the rule's
// name, in place of failing t.
func Violations(t *testing.T, h Harness, names ...string) map[string][]string {
	t.Helper()
	broken := map[string][]string{}
	for _, r := range rules() {
		if len(names) > 0 && !slices.Contains(names, r.name) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			if v := h.check(t, r); len(v.failures) > 0 {
				broken[r.name] = v.failures
			}
		})
	}
	return broken
}

// Rules returns why each rule exists, by its name.
func Rules() map[string]string {
	why := map[string]string{}
	for _, r := range rules() {
		why[r.name] = r.why
	}
	return why
}
