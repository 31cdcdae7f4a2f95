package config_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

// lines is a connector that fetches the words of its configuration.
type lines struct{ words []string }

type linesConfig struct {
	Text string `yaml:"text"`
}

func (c linesConfig) Validate() error {
	if c.Text == "" {
		return &policy.Fault{Path: "text", Problem: "is empty, must have words to fetch"}
	}
	return nil
}

func newLines(c linesConfig) (*lines, error) { return &lines{strings.Fields(c.Text)}, nil }

func (l *lines) FetchTransactions(context.Context, int) ([]ergon.Transaction, error) {
	return nil, ergon.ErrExhausted
}

func Example() {
	reg := config.NewRegistry()
	reg.Task("count", func(*ergon.Dependencies) ergon.Task { return ergon.Task{} }, "counts words")
	config.Connector(reg, "words", "fetches words", linesConfig{}, newLines)

	c, err := config.Parse("ergon.yaml", []byte(`
tasks:
  count:
    connectors:
      input: {type: words, text: "${GREETING:-hello} world"}
    consumer:
      loop: {on_exception: discard}
      process: {retry: {timeout: 250ms}}
`), reg, config.Environment{})
	if err != nil {
		fmt.Println(err)
		return
	}
	input, err := c.Tasks[0].Connectors["input"].New()
	fmt.Println(input.(*lines).words, err)
	fmt.Println(c.Tasks[0].Consumer.Process.Retry.Timeout, c.Tasks[0].Consumer.Process.Retry.MaxAttempts)
	// Output:
	// [hello world] <nil>
	// 250ms 3
}

func ExampleFaults() {
	reg := config.NewRegistry()
	config.Connector(reg, "words", "fetches words", linesConfig{}, newLines)
	reg.Task("count", func(*ergon.Dependencies) ergon.Task { return ergon.Task{} }, "counts words")

	_, err := config.Parse("ergon.yaml", []byte(`
tasks:
  count:
    connectors:
      input: {type: words}
    consumer:
      loop: {on_exception: discard}
      process: {retires: {timeout: 250ms}}
    shutdown: {grace: 25}
`), reg, config.Environment{})

	if faults, ok := errors.AsType[config.Faults](err); ok {
		for _, fault := range faults {
			fmt.Println(fault)
		}
	}
	// Output:
	// ergon.yaml:5:7: tasks.count.connectors.input.text: is empty, must have words to fetch
	// ergon.yaml:8:17: tasks.count.consumer.process: unknown key "retires"; known keys: retry
	// ergon.yaml:9:23: tasks.count.shutdown.grace: is 25, a duration needs a unit, such as 25s
}
