package app

import (
	"context"
	"fmt"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// sendBack sends the letters that match, which are of one task, to the source of that task, and drops them when it has
// them. It returns how many; the error is a *wrong where the source takes nothing, or not all.
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
	refused := false
	err = within(ctx, s, at, func(ctx context.Context, source ergon.Dispatcher) error {
		pages := &letterPages{store: store, filter: filter}
		for letters, err := range pages.pages(ctx) {
			if err == nil {
				n := len(letters)
				letters, err = send(ctx, source, letters)
				refused = refused || len(letters) < n
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
	if err == nil && refused {
		err = &wrong{err: fmt.Errorf("%s remembers ids and may take what it does not keep for a duplicate", at)}
	}
	return sent, err
}

// send has a source deliver the transactions of letters, and returns those that it took. One that remembers ids has settled
// these transactions before, and would take another dispatch for a duplicate: it is asked to deliver once more what it keeps.
func send(ctx context.Context, source ergon.Dispatcher, letters []deadletter.Letter) ([]deadletter.Letter, error) {
	if replayer, remembers := source.(capability.Replayer); remembers {
		return sendAgain(ctx, replayer, letters)
	}
	batch := make([]ergon.Transaction, len(letters))
	for i := range letters {
		var err error
		if batch[i], err = revived(letters[i]); err != nil {
			return nil, err
		}
	}
	return letters, source.DispatchTransactions(ctx, batch)
}

func sendAgain(ctx context.Context, source capability.Replayer, letters []deadletter.Letter) ([]deadletter.Letter, error) {
	var taken []deadletter.Letter
	for i := range letters {
		n, err := source.ReplayTransactions(ctx, capability.ReplayFilter{IDs: []string{letters[i].ID}})
		if err != nil {
			return taken, err
		}
		if n > 0 {
			taken = append(taken, letters[i])
		}
	}
	return taken, nil
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
