package config_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

// Rates is what the task needs; it does not know which service it gets.
type Rates interface {
	VAT(country string) (percent int, err error)
}

// tableConfig is what a configuration says about a table of rates.
type tableConfig struct {
	Percent map[string]int `yaml:"percent"`
}

// Validate names the faulty key; config adds the line and the column.
func (c tableConfig) Validate() error {
	if len(c.Percent) == 0 {
		return &policy.Fault{Path: "percent", Problem: "is empty, must have a rate for at least one country"}
	}
	return nil
}

type rateTable struct{ percent map[string]int }

func newRateTable(c tableConfig) (*rateTable, error) { return &rateTable{percent: c.Percent}, nil }

func (t *rateTable) VAT(country string) (int, error) {
	percent, ok := t.percent[country]
	if !ok {
		return 0, ergon.Business(errors.New("no rate for " + country))
	}
	return percent, nil
}

// taxTask takes the service by the name that the configuration gives it.
type taxTask struct{ rates Rates }

func newTaxTask(d *ergon.Dependencies) ergon.Task {
	return ergon.Consume(&taxTask{rates: ergon.UseService[Rates](d, "rates")})
}

func (t *taxTask) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[string]) (int, error) {
	return t.rates.VAT(tx.Body)
}

// A service has a type, which the program registers, and a name, by which the task gets it.
func ExampleService() {
	reg := config.NewRegistry()
	reg.Task("taxing", newTaxTask, "looks up the tax of a country")
	config.Service(reg, "rate-table", "VAT by country", tableConfig{}, newRateTable)
	config.Connector(reg, "words", "fetches words", linesConfig{}, newLines)

	c, err := config.Parse("ergon.yaml", []byte(`
tasks:
  taxing:
    connectors:
      input: {type: words, text: AT}
    services:
      rates: {type: rate-table, percent: {AT: 20, DE: 19}}
    consumer:
      loop: {on_exception: discard}
`), reg, config.Environment{})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := c.Tasks[0]
	rates, err := cfg.Services["rates"].New() // a worker does this, and opens what is made
	if err != nil {
		fmt.Println(err)
		return
	}
	task := cfg.New(ergon.NewDependencies(nil, map[string]any{"rates": rates}, nil))
	fmt.Println(task.Process(context.Background(), ergon.NewTransaction("1", "AT")))
	fmt.Println(task.Process(context.Background(), ergon.NewTransaction("2", "FR")))
	// Output:
	// 20 <nil>
	// 0 no rate for FR
}
