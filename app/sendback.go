package app

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// sendBack sends the letters that match, which are of one task, to the source of that task, and drops them when it has
// them. It returns how many; the error is a *wrong where the source takes nothing.
func (s *session) sendBack(ctx context.Context, store deadletter.Store, filter deadletter.Filter) (sent int64, err error) {
	task, err := s.config.task(filter.Task)
	if err != nil {
		return 0, err
	}
	at, err := placeIn(task, source(task))
	if err != nil {
		return 0, err
	}
	if err := s.takesWork(at); err != nil {
		return 0, err
	}
	err = within(ctx, s, at, func(ctx context.Context, source ergon.Dispatcher) error {
		pages := &letterPages{store: store, filter: filter}
		for letters, err := range pages.pages(ctx) {
			if err == nil {
				err = send(ctx, source, letters)
			}
			if err == nil {
				err = drop(ctx, store, letters)
			}
			if err != nil {
				return err
			}
			sent += int64(len(letters))
		}
		return nil
	})
	return sent, err
}

// send makes the transactions of letters ready in a source. One that remembers ids would take what it has settled for a
// duplicate, so such a source is asked first to deliver that once more.
func send(ctx context.Context, source ergon.Dispatcher, letters []deadletter.Letter) error {
	var batch []ergon.Transaction
	replayer, remembers := source.(capability.Replayer)
	for i := range letters {
		if remembers {
			n, err := replayer.ReplayTransactions(ctx, capability.ReplayFilter{IDs: []string{letters[i].ID}})
			if err != nil {
				return err
			}
			if n > 0 {
				continue
			}
		}
		tx, err := revived(letters[i])
		if err != nil {
			return err
		}
		batch = append(batch, tx)
	}
	if len(batch) == 0 {
		return nil
	}
	return source.DispatchTransactions(ctx, batch)
}

// drop drops letters; a filter without keys would be all.
func drop(ctx context.Context, store deadletter.Store, letters []deadletter.Letter) error {
	var filter deadletter.Filter
	for i := range letters {
		filter.Keys = append(filter.Keys, letters[i].Key)
	}
	if len(filter.Keys) == 0 {
		return nil
	}
	_, err := store.DropDeadLetters(ctx, filter)
	return err
}

// takesWork refuses a connector that cannot dispatch, and one whose result is that of a run, which this is not.
func (s *session) takesWork(at place) error {
	connector, err := capable[ergon.Dispatcher](s, at)
	if err != nil {
		return err
	}
	return refuseReplacer(at, connector)
}

// refuseReplacer keeps work from where it could not be seen: see capability.Replacer.
func refuseReplacer(at place, connector any) error {
	if replacer, ok := connector.(capability.Replacer); ok && replacer.ReplacesResult() {
		return &wrong{err: fmt.Errorf("connector %s (%s) replaces its result when a run of its task ends, so what is sent to it "+
			"from outside of one would be lost; have it append", at, at.task.Connectors[at.connector].Type)}
	}
	return nil
}
