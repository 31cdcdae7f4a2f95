package app

import (
	"context"
	"time"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/internal/humanize"
)

// replaySettled makes settled transactions of a queue ready once more.
func (r *replayCommands) replaySettled(ctx context.Context, name string, ids []string, choice *letterChoice) error {
	if choice.task != "" || choice.fingerprint != "" || len(choice.keys) > 0 || choice.category.value != "" || choice.phase.value != "" {
		return usagef("--settled is not about dead letters; choose by ids, by --newer-than and --older-than, or --all")
	}
	if len(ids) == 0 && !choice.failed.set() && !choice.all {
		return usagef("it is not said which transactions; give their ids, --newer-than or --older-than, or --all")
	}
	if err := choice.check(ids); err != nil {
		return err
	}
	filter := capability.ReplayFilter{IDs: ids}
	var err error
	if filter.SettledAfter, filter.SettledBefore, err = choice.failed.bounds(time.Now()); err != nil {
		return err
	}
	return r.sessions.run(ctx, func(ctx context.Context, s *session) error {
		at, err := s.config.at(name, source)
		if err != nil {
			return err
		}
		return within(ctx, s, at, func(ctx context.Context, queue capability.Replayer) error {
			if len(ids) != 1 && !choice.yes {
				if err := r.out.confirm(ctx, "Have "+at.String()+" deliver all that is meant again?"); err != nil {
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

func (r *replayCommands) printReady(at place, n int64) error {
	if r.out.json() {
		return r.out.printJSON(map[string]any{"connector": at.String(), "ready": n})
	}
	return r.out.print(humanize.Plural(n, "settled transaction") + " of " + at.String() + " ready again\n")
}
