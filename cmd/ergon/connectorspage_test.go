package main_test

import (
	"regexp"
	"strings"
	"testing"
)

var printed = regexp.MustCompile("(?s)```text\n(.*?)```")

// [K1] The page about connectors shows what the program prints for the configuration on the page.
func TestPageShowsWhatConnectorsDeclare(t *testing.T) {
	page := readFile(t, "../../docs/connectors.md")
	configuration, shown := tasks.FindStringSubmatch(page), printed.FindStringSubmatch(page)
	if configuration == nil || shown == nil {
		t.Fatal("docs/connectors.md has no configuration, or no output")
	}
	s := newSandbox(t, "ergon", configuration[1])
	_, got, found := strings.Cut(s.sh(0, "./ergon connectors"), "\n\n")
	if !found || got != shown[1] {
		t.Errorf("the page shows\n%s\nbut the program prints\n%s", shown[1], got)
	}
}
