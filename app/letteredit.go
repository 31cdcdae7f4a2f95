package app

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
)

// letterEdit is another payload for a dead letter; nil for the one that it has.
type letterEdit struct{ payload []byte }

// readEdit reads what the flags say about the one letter that is chosen.
func readEdit(c *cobra.Command, flags payloadFlags, filter deadletter.Filter, stdin io.Reader) (*letterEdit, error) {
	if !flags.givenIn(c) {
		return nil, nil //nolint:nilnil // none
	}
	if len(filter.Keys) != 1 {
		return nil, usagef("another payload is for one dead letter; give its key, as dlq ls prints it")
	}
	payload, err := flags.read(c, stdin)
	if err != nil {
		return nil, err
	}
	return &letterEdit{payload}, nil
}

// fits refuses what its task could not read any more.
func (e *letterEdit) fits(letter deadletter.Letter) error {
	if _, was := letter.Payload.(json.RawMessage); was && !json.Valid(e.payload) {
		return &usageError{err: fmt.Errorf("the payload of dead letter %s is JSON, and the new one is not; nothing was changed", letter.Key)}
	}
	return nil
}
