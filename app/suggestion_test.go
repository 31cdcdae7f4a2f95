package app_test

import (
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/internal/lifecycle"
)

// Whatever takes the name of a task, of a command or one of a few words says which one was probably meant. A command that
// takes a task and is not here fails the test.
func TestEveryCommandSaysWhatWasProbablyMeant(t *testing.T) {
	missing := map[string]bool{}
	for _, command := range app.CommandsThatTakeTasks() {
		missing[command] = true
	}
	for args, meant := range map[string]string{
		"run sqare":                 "square",
		"run --in-order sqare":      "square",
		"dev sqare":                 "square",
		"dev more sqare":            "square",
		"doctor sqare":              "square",
		"describe sqare":            "square",
		"queue stats sqare":         "square",
		"queue peek sqare":          "square",
		"dlq ls sqare":              "square",
		"dlq show sqare":            "square",
		"dlq groups sqare":          "square",
		"dlq retry sqare":           "square",
		"dlq retry sqare --all":     "square",
		"dlq drop sqare":            "square",
		"dlq export sqare":          "square",
		"replay sqare --all":        "square",
		"replay sqare":              "square",
		"replay sqare L1 --settled": "square",
		"process-transaction sqare --payload-json 1": "square",
		"process-transaction-by-id sqare x":          "square",
		"enqueue sqare --payload-json 1":             "square",
		"dlq ls square/dead_leters":                  "square/dead_letters",
		"queue peek square/inptu":                    "square/input",
		"rnu":                                        "run",
		"hlep":                                       "help",
		"help rnu":                                   "run",
		"help dlq lss":                               "ls",
		"dlq lss":                                    "ls",
		"config shwo":                                "show",
		"completion bsh":                             "bash",
		"list --output jsn":                          "json",
		"list --log-level wran":                      "warn",
		"dlq ls square --category systm":             "SYSTEM",
		"dlq ls square --phase preprae":              "prepare",
		"run --limt 1":                               "--limit",
	} {
		for command := range missing {
			if strings.HasPrefix(args+" ", command+" ") {
				delete(missing, command)
			}
		}
		t.Run(args, func(t *testing.T) {
			for name, yaml := range map[string]string{"two stores": warehouseConfig, "one store": oneStore} {
				in(t, yaml)
				got := call{settings: app.Settings{Registry: filled().registry()}, args: strings.Fields(args)}.do(t)
				if got.code == 0 || !strings.Contains(got.stderr, "did you mean") || !strings.Contains(got.stderr, meant) {
					t.Errorf("%s: code %d, stderr %s, want %q suggested", name, got.code, got.stderr, meant)
				}
			}
		})
	}
	for command := range missing {
		t.Errorf("%s takes a task and is not tried", command)
	}
}

// A dead letter can be of every phase of a transaction but the one that makes it a dead letter, and of decoding.
func TestDeadLettersOfEachPhaseCanBeChosen(t *testing.T) {
	in(t, warehouseConfig)
	phases := []string{"decode"}
	for phase := range lifecycle.Exception {
		phases = append(phases, phase.String())
	}
	for _, phase := range phases {
		got := call{settings: app.Settings{Registry: filled().registry()}, args: []string{"dlq", "ls", "square", "--phase", phase}}.do(t)
		if got.code != 0 {
			t.Errorf("%s: code %d, stderr %s", phase, got.code, got.stderr)
		}
	}
}
