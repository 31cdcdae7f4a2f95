package app_test

import (
	"strings"
	"testing"
)

func TestCommandsThatOnlyLookPrintWhatTheyFound(t *testing.T) {
	for name, args := range map[string]string{
		"help": "--help", "help-run": "run --help", "list": "list", "list-json": "list --output json", "describe": "describe square",
		"describe-json": "describe square --output json", "lint": "lint", "lint-json": "lint --output json",
		"config-show": "config show", "config-show-json": "config show --output json", "connectors": "connectors",
		"connectors-json": "connectors --output json", "config": "config",
	} {
		t.Run(name, func(t *testing.T) {
			in(t, twoTasks)
			words := strings.Fields(args)
			got := call{args: words, env: map[string]string{"TOKEN": "hunter2"}}.do(t)
			if got.code != 0 || got.stderr != "" {
				t.Errorf("code %d, want 0; stderr %q, want none", got.code, got.stderr)
			}
			if strings.Contains(got.stdout, "hunter2") {
				t.Errorf("a secret was printed: %s", got.stdout)
			}
			golden(t, name+".txt", got.script(words))
		})
	}
}
