package app_test

import (
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/config"
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

// A task with settings is known by the name that it is registered under, whatever it is called.
func TestTasksWithSettingsAreDescribedAsAllOthers(t *testing.T) {
	in(t, "tasks: {mine: {task: sized, settings: {size: 2}, connectors: {input: {type: numbers}, dead_letters: {type: drain}}}}")
	type sizedSettings struct {
		Size int `yaml:"size"`
	}
	for _, command := range []string{"list", "describe mine", "list --output json", "describe mine --output json", "__complete run "} {
		reg := registry()
		config.Task(reg, "sized", "does it by size", sizedSettings{}, func(sizedSettings, *ergon.Dependencies) ergon.Task {
			return newSquare(nil)
		})
		got := call{settings: app.Settings{Registry: reg}, args: strings.Split(command, " ")}.do(t)
		if got.code != 0 || !strings.Contains(got.stdout, "does it by size") {
			t.Errorf("%s: code %d, stdout %s, stderr %s", command, got.code, got.stdout, got.stderr)
		}
	}
}

// [K1] The types are listed without a configuration and with a faulty one, whose faults are reported.
func TestTypesOfConnectorsAreListedWhateverTheConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		configuration, stderr string
		code                  int
	}{
		"none": {"", "", 0},
		"faulty": {
			"tasks: {square: {task: math.square, connectors: {input: {type: numbers, count: 0}, dead_letters: {type: drain}}}}", "count", 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, c.configuration)
			got := call{args: []string{"connectors"}}.do(t)
			if got.code != c.code || !strings.Contains(got.stdout, "counts up") || strings.Contains(got.stdout, "CONFIGURED") ||
				!strings.Contains(got.stderr, c.stderr) || c.stderr == "" && got.stderr != "" {
				t.Errorf("code %d, stdout %s, stderr %s", got.code, got.stdout, got.stderr)
			}
		})
	}
}
