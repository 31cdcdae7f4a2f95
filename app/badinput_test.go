package app_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/app/internal/process"
	"github.com/ergon-go/ergon/config"
)

const fiveFaults = `tasks:
  square:
    task: math.sqare
    connectors:
      input: {type: numbers, count: 0}
      dead_letters: {type: drian}
    consumer:
      loop: {concurrency: {value: 0}}
      process: {retry: {timeout: 5}}
`

// [C1] Every fault has its line; nothing but messages is printed. [E4] The code is 2.
func TestBadInputIsReportedOnStandardErrorWithTheCure(t *testing.T) {
	for name, c := range map[string]struct {
		args, yaml string
		prepare    func(*testing.T)
	}{
		"no-config":          {args: "run"},
		"no-config-given":    {args: "list --config no/such.yaml", yaml: twoTasks},
		"config-is-a-folder": {args: "list --config .", yaml: twoTasks},
		"empty-config":       {args: "lint", yaml: " "},
		"five-faults":        {args: "lint", yaml: fiveFaults},
		"five-faults-json":   {args: "lint --output json", yaml: fiveFaults},
		"unknown-type":       {args: "list", yaml: "tasks: {math.square: {connectors: {input: {type: numbrs}, dead_letters: {type: drain}}}}"},
		"missing-service": {args: "lint", yaml: "tasks: {greedy: {connectors: {input: {type: numbers}, dead_letters: {type: drain}}," +
			" services: {other: {type: calculator}}}}"},
		"unknown-task":     {args: "describe sqare", yaml: twoTasks},
		"missing-argument": {args: "describe", yaml: twoTasks},
		"extra-argument":   {args: "describe square more", yaml: twoTasks},
		"not-an-argument":  {args: "list square", yaml: twoTasks},
		"unknown-command":  {args: "lst", yaml: twoTasks},
		"unknown-sub":      {args: "config shw", yaml: twoTasks},
		"unknown-flag":     {args: "list --outptu json", yaml: twoTasks},
		"unknown-short":    {args: "list -x", yaml: twoTasks},
		"wrong-choice":     {args: "list --output xml", yaml: twoTasks},
		"missing-value":    {args: "list --output", yaml: twoTasks},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, c.yaml)
			words := strings.Fields(c.args)
			got := call{args: words}.do(t)
			if got.code != 2 {
				t.Errorf("code %d, want 2", got.code)
			}
			here, _ := os.Getwd()
			golden(t, "bad-"+name+".txt", strings.ReplaceAll(got.script(words), here, "HERE"))
		})
	}
}

func TestConfigurationThatCannotBeReadIsNotReplacedByTheBuiltInOne(t *testing.T) {
	in(t, "")
	if err := os.Mkdir("ergon.yaml", 0o700); err != nil {
		t.Fatal(err)
	}
	got := call{settings: app.Settings{Config: []byte(twoTasks)}, args: []string{"list"}}.do(t)
	if got.code != 2 || !strings.Contains(got.stderr, "is a directory") {
		t.Errorf("code %d, stderr %q; want 2 and that it is a directory", got.code, got.stderr)
	}
}

func TestProgramThatIsPutTogetherWronglySaysSo(t *testing.T) {
	twice := config.NewRegistry()
	twice.Task("a", newSquare, "")
	twice.Task("a", newSquare, "")
	for want, s := range map[string]app.Settings{
		"is registered twice":   {Registry: twice},
		"Variables[0] has no":   {Variables: []app.Variable{{Flag: "out"}}},
		"has OUT twice":         {Variables: []app.Variable{{Name: "OUT"}, {Name: "OUT"}}},
		"OUT has the flag --":   {Variables: []app.Variable{{Name: "OUT", Flag: "config"}}},
		"UP has the flag --out": {Variables: []app.Variable{{Name: "OUT", Flag: "out"}, {Name: "UP", Flag: "out"}}},
	} {
		in(t, twoTasks)
		got := call{settings: s, args: []string{"list"}}.do(t)
		if got.code != 2 || !strings.Contains(got.stderr, want) {
			t.Errorf("code %d, stderr %q; want 2 and %q", got.code, got.stderr, want)
		}
	}
	var stderr strings.Builder
	if code := app.Execute(t.Context(), app.Settings{}, process.Process{Stderr: &stderr}); code != 2 {
		t.Errorf("no registry: code %d, want 2", code)
	}
	if !strings.Contains(stderr.String(), "no registry") {
		t.Errorf("no registry: stderr %q", stderr.String())
	}
}
