package ergon_test

import (
	"fmt"

	"github.com/ergon-go/ergon"
)

// A transaction is an immutable value. Neither a changed copy nor a change of the result of Payload affects it.
func ExampleTransaction() {
	order := ergon.NewTransaction("order-7", []string{"tea", "milk"}).WithMetadata("tenant", "acme")
	urgent := order.WithMetadata("priority", "high")

	order.Payload().([]string)[0] = "coffee"

	fmt.Println(order.ID(), order.Payload())
	for key, value := range urgent.AllMetadata() {
		fmt.Println(key, value)
	}
	_, ok := order.Metadata("priority")
	fmt.Println(ok)
	// Output:
	// order-7 [tea milk]
	// priority high
	// tenant acme
	// false
}
