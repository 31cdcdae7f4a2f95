package deadletters

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/deadletter"
)

// Edit is a new payload for a dead letter; nil keeps the old one.
type Edit struct{ Payload []byte }

// ReadEdit reads the new payload for the selected dead letter; nil if there is none.
func ReadEdit(c *cobra.Command, given flags.PayloadFlags, filter deadletter.Filter, stdin io.Reader) (*Edit, error) {
	if !given.GivenIn(c) {
		return nil, nil //nolint:nilnil // none
	}
	if len(filter.Keys) != 1 {
		return nil, usage.Errorf("another payload is for one dead letter; select it by its key")
	}
	payload, err := given.Read(c, stdin)
	if err != nil {
		return nil, err
	}
	return &Edit{payload}, nil
}

// Fits refuses a payload that the task could not read.
func (e *Edit) Fits(letter deadletter.Letter) error {
	if _, was := letter.Payload.(json.RawMessage); was && !json.Valid(e.Payload) {
		return &usage.Error{Err: fmt.Errorf("the payload of dead letter %s is JSON, the new one is not; nothing was changed", letter.Key)}
	}
	return nil
}
