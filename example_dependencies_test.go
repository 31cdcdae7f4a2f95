package ergon_test

import (
	"fmt"

	"github.com/ergon-go/ergon"
)

// A task takes what it needs by name. All missing and unsuitable components are reported together, before anything runs.
func ExampleDependencies() {
	d := ergon.NewDependencies(
		map[string]any{"tickets": &sink{}},
		map[string]any{"airports": map[string]string{"VIE": "Vienna"}},
		nil,
	)
	airports := ergon.UseService[map[string]string](d, "airports")
	fmt.Println(airports["VIE"], d.Err())

	ergon.UseConnector[ergon.Fetcher](d, "tickets")
	ergon.UseService[int](d, "retries")
	fmt.Println(d.Err())
	// Output:
	// Vienna <nil>
	// connector "tickets" is a *ergon_test.sink, which is not the ergon.Fetcher that the task needs
	// service "retries" is not configured; configured are ["airports"]
}
