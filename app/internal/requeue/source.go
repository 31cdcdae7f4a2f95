package requeue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/dispatched"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/foreign"
	"github.com/ergon-go/ergon/internal/humanize"
)

// toSource dispatches dead letters of one task to its source, and drops those that the source has stored. It returns their number.
// The error is a *usage.Error if the source does not accept all of them.
func toSource(
	ctx context.Context, s *session.Session, store deadletter.Store, filter deadletter.Filter, edit *deadletters.Edit,
) (sent int64, err error) {
	task, err := s.Config.Task(filter.Task)
	if err != nil {
		return 0, err
	}
	at, err := configuration.RefTo(task, configuration.Source(task))
	if err != nil {
		return 0, err
	}
	if err := s.TakesWork(at); err != nil {
		return 0, err
	}
	stays, described := 0, 0
	err = session.With(ctx, s, at, func(ctx context.Context, source ergon.Dispatcher) error {
		declared, err := capability.DeclarationOf(source)
		if err != nil {
			return err
		}
		if declared.Dedup == capability.DedupUnreported {
			return &usage.Error{Err: fmt.Errorf("%s may ignore ids that it knows, and does not report that", at)}
		}
		pages := &deadletters.Pages{Store: store, Filter: filter}
		for letters, err := range pages.All(ctx) {
			if err != nil {
				return err
			}
			if edit == nil {
				all := len(letters)
				letters = slices.DeleteFunc(slices.Clone(letters), isDescribed)
				described += all - len(letters)
			}
			n, err := dispatchBatch(ctx, source, store, letters, edit)
			sent += int64(n)
			stays += len(letters) - n
			if err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
	case described > 0 && stays == 0:
		err = &usage.Error{Err: fmt.Errorf("%s: %w", humanize.Plural(described, "dead letter"), deadletter.ErrDescribed)}
	case stays > 0:
		err = &usage.Error{Err: fmt.Errorf("%s has stored the same transaction with other content before", at)}
	}
	return sent, err
}

// isDescribed reports whether only a description of the payload is left, which cannot be requeued.
func isDescribed(letter deadletter.Letter) bool {
	return letter.PayloadEncoding == deadletter.EncodingDescribed
}

// dispatchBatch dispatches dead letters and drops those that were stored. It returns their number.
func dispatchBatch(
	ctx context.Context, source ergon.Dispatcher, store deadletter.Store, letters []deadletter.Letter, edit *deadletters.Edit,
) (int, error) {
	if len(letters) == 0 {
		return 0, nil
	}
	batch := make([]ergon.Transaction, len(letters))
	for i := range letters {
		var err error
		if batch[i], err = deadletters.Requeued(letters[i], edit); err != nil {
			return 0, err
		}
	}
	lost, err := send(ctx, source, batch)
	var arrived []deadletter.Letter
	for i := range letters {
		if !lost[i] {
			arrived = append(arrived, letters[i])
		}
	}
	return len(arrived), errors.Join(err, deadletters.Drop(ctx, store, arrived))
}

// send dispatches a batch and returns the indexes of transactions that were not stored: failures and conflicts.
func send(ctx context.Context, source ergon.Dispatcher, batch []ergon.Transaction) (lost map[int]bool, err error) {
	var heard dispatched.Report
	err = foreign.CheckBatch(source.DispatchTransactions(heard.Listen(ctx), batch), len(batch))
	lost = map[int]bool{}
	some, partly := errors.AsType[*ergon.BatchError](err)
	for i := range batch {
		lost[i] = err != nil && !partly || partly && some.Failures[i] != nil || heard.HasConflict(batch[i])
	}
	return lost, err
}
