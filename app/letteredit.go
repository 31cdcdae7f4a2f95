package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
)

// letterEdit is another payload for a dead letter; nil for the one that it has.
type letterEdit struct{ payload []byte }

// letterEdit reads what the flags say about the one letter that is chosen.
func (p *program) letterEdit(c *cobra.Command, flags payloadFlags, filter deadletter.Filter) (*letterEdit, error) {
	if !c.Flags().Changed("payload-json") && !c.Flags().Changed("payload-file") {
		return nil, nil //nolint:nilnil // none
	}
	if len(filter.Keys) != 1 {
		return nil, usagef("another payload is for one dead letter; give its key, as dlq ls prints it")
	}
	payload, err := p.payload(c, flags)
	if err != nil {
		return nil, err
	}
	return &letterEdit{payload}, nil
}

// fits refuses what its task could not read any more.
func (e *letterEdit) fits(letter deadletter.Letter) error {
	if _, was := letter.Payload.(json.RawMessage); was && !json.Valid(e.payload) {
		return &wrong{err: fmt.Errorf("the payload of dead letter %s is JSON, and the new one is not; nothing was changed", letter.Key)}
	}
	return nil
}

// retryEdited gives one letter back with another payload, by the ways of retry.
func (s *session) retryEdited(
	ctx context.Context, store deadletter.Store, filter deadletter.Filter, edit *letterEdit, report *retryReport,
) error {
	letters, err := store.ListDeadLetters(ctx, filter, deadletter.Page{Limit: 1})
	if err != nil || len(letters) == 0 {
		return err
	}
	letter := letters[0]
	if err := edit.fits(letter); err != nil {
		return err
	}
	editor, edits := store.(deadletter.Editor)
	if !edits || letter.Queue == "" {
		return s.sendTasks(ctx, store, filter, edit, report)
	}
	arrived, err := editor.EditDeadLetter(ctx, letter.Key, edit.payload)
	switch {
	case err != nil:
		return err
	case arrived:
		report.GivenBack++
	default:
		report.Left = append(report.Left, leftLetters{letter.Task, 1, "its queue knows what was given back before with other content"})
	}
	return nil
}
