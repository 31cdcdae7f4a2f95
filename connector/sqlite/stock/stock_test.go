package stock_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/sqlite/stock"
)

func TestOneLineRegistersWhatAProgramUsuallyNeeds(t *testing.T) {
	reg := config.NewRegistry()
	reg.Task("copy", func(*ergon.Dependencies) ergon.Task { return ergon.Task{} }, "copies")
	stock.Connectors(reg)
	folder := t.TempDir()
	c, err := config.Parse("ergon.yaml", fmt.Appendf(nil, `
tasks:
  copy:
    connectors:
      input: {type: queue, path: %[1]s/a.db}
      dead_letters: {type: dead-letters, path: %[1]s/a.db}
      records: {type: file, path: %[1]s/in.csv}
      lines: {type: file-sink, path: %[1]s/out.jsonl}
`, folder), reg, config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"input": "*sqlite.Queue", "dead_letters": "*sqlite.DeadLetters", "records": "*file.Source", "lines": "*file.Sink",
	}
	for name, component := range c.Tasks[0].Connectors {
		made, err := component.New()
		if got := fmt.Sprintf("%T", made); got != want[name] || err != nil {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not there: %v", want)
	}
}

func TestTypeOfTheProgramsOwnIsNotReplaced(t *testing.T) {
	reg := config.NewRegistry()
	stock.Connectors(reg)
	if err := reg.Err(); err != nil {
		t.Fatal(err)
	}
	stock.Connectors(reg)
	if err := reg.Err(); err == nil || strings.Count(err.Error(), "is registered twice") != 4 {
		t.Errorf("got %v, want four types that are registered twice", err)
	}
}
