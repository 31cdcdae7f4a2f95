package ergon_test

import (
	"context"
	"encoding/xml"
	"fmt"

	"github.com/ergon-go/ergon"
)

type invoice struct {
	Number string `xml:"number,attr"`
}

type booking struct{}

func (booking) ProcessTransaction(_ context.Context, tx ergon.TransactionOf[invoice]) (string, error) {
	return "booked " + tx.Body.Number, nil
}

// A function of the program decodes payloads that are not JSON.
func ExampleUseCodec() {
	task := ergon.Consume(booking{}, ergon.UseCodec(xml.Unmarshal))
	result, err := task.Process(context.Background(), ergon.NewTransaction("t-1", []byte(`<invoice number="R-17"/>`)))
	fmt.Println(result, err)
	// Output: booked R-17 <nil>
}
