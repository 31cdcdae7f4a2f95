package replay

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/selection"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/humanize"
)

// replaySettled makes settled transactions of a queue ready again.
func (r *Command) replaySettled(ctx context.Context, name string, ids []string, choice *selection.Choice) error {
	if choice.Task != "" || choice.Fingerprint != "" || len(choice.Keys) > 0 || choice.Category.Value != "" || choice.Phase.Value != "" {
		return usage.Errorf("--settled is not for dead letters; select by ids, by --newer-than and --older-than, or --all")
	}
	if len(ids) == 0 && !choice.Failed.Set() && !choice.All {
		return usage.Errorf("select the transactions: by their ids, by --newer-than and --older-than, or --all")
	}
	if err := choice.Check(ids); err != nil {
		return err
	}
	filter := capability.ReplayFilter{IDs: ids}
	var err error
	if filter.SettledAfter, filter.SettledBefore, err = choice.Failed.Bounds(time.Now()); err != nil {
		return err
	}
	return r.Sessions.Run(ctx, func(ctx context.Context, s *session.Session) error {
		at, err := s.Config.Find(name, configuration.Source)
		if err != nil {
			return err
		}
		return session.With(ctx, s, at, func(ctx context.Context, queue capability.Replayer) error {
			if len(ids) != 1 && !choice.Yes {
				if err := r.Out.Confirm(ctx, "Deliver the selected transactions of "+at.String()+" again?"); err != nil {
					return err
				}
			}
			n, err := queue.ReplayTransactions(ctx, filter)
			if err != nil {
				return err
			}
			return r.printReady(at, n)
		})
	})
}

func (r *Command) printReady(at configuration.ConnectorRef, n int64) error {
	if r.Out.JSON() {
		return r.Out.PrintJSON(map[string]any{"connector": at.String(), "ready": n})
	}
	return r.Out.Print(humanize.Plural(n, "settled transaction") + " of " + at.String() + " ready again\n")
}
