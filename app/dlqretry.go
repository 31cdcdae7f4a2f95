package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/internal/humanize"
)

func (p *program) dlqRetryCommand() *cobra.Command {
	var choice letterChoice
	var payload payloadFlags
	c := &cobra.Command{
		Use: "retry [task|task/connector] [key...]", Short: "Give dead letters back to where they came from",
		Long: "Give dead letters back to where they came from: those with the keys, those that match the filters, or --all.\n\n" +
			"One whose queue is in the same store moves there in one step, and takes its history with it. Any other is sent to the\n" +
			"source of its task, and dropped when that has it; done once more, after a crash in between, it arrives once all the same.\n" +
			"Where the source takes nothing, as a file, the letter stays; " + p.settings.Name + " replay runs the task on it.\n\n" +
			"With --payload-file or --payload-json the one letter that is named is given back with another payload." + whichLetters,
		Args: cobra.ArbitraryArgs, ValidArgsFunction: p.completePlace,
		RunE: func(c *cobra.Command, args []string) error {
			return p.inLetterbox(c, args, &choice.letterFlags, choice.check,
				func(ctx context.Context, s *session, in letterbox, store deadletter.Store, filter deadletter.Filter) error {
					edit, err := p.letterEdit(c, payload, filter)
					if err != nil {
						return err
					}
					filter, n, err := choice.consent(ctx, p, in, store, filter, "Retry")
					if err != nil {
						return err
					}
					report := retryReport{Left: []leftLetters{}}
					switch {
					case n > 0 && edit != nil:
						err = s.retryEdited(ctx, store, filter, edit, &report)
					case n > 0:
						err = s.retry(ctx, store, filter, &report)
					}
					if printed := p.printRetry(report); err != nil || printed != nil {
						return errors.Join(err, printed)
					}
					if len(report.Left) > 0 {
						return &told{err: errLeft}
					}
					return nil
				})
		},
	}
	choice.add(p, c)
	payload.add(c)
	return c
}

// retryReport is what became of letters.
type retryReport struct {
	GivenBack  int64         `json:"given_back"` // by the store, to a queue of its own
	Dispatched int64         `json:"dispatched"` // to the source of their task
	Left       []leftLetters `json:"left"`
}

// leftLetters are those of a task that stay.
type leftLetters struct {
	Task   string `json:"task"`
	Count  int64  `json:"count"`
	Reason string `json:"reason"`
}

// retry has the store give back what it can, and sends the rest to where it came from.
func (s *session) retry(ctx context.Context, store deadletter.Store, filter deadletter.Filter, report *retryReport) error {
	var err error
	if report.GivenBack, err = store.RetryDeadLetters(ctx, filter); err != nil {
		return err
	}
	return s.sendTasks(ctx, store, filter, nil, report)
}

// sendTasks sends the letters that match to the sources of their tasks.
func (s *session) sendTasks(
	ctx context.Context, store deadletter.Store, filter deadletter.Filter, edit *letterEdit, report *retryReport,
) error {
	groups, err := store.GroupDeadLetters(ctx, filter)
	if err != nil {
		return err
	}
	var tasks []string // in the order in which they were seen
	counts := map[string]int64{}
	for _, g := range groups {
		if counts[g.Task] == 0 {
			tasks = append(tasks, g.Task)
		}
		counts[g.Task] += g.Count
	}
	for _, task := range tasks {
		filter.Task = task
		n, err := s.sendBack(ctx, store, filter, edit)
		report.Dispatched += n
		if _, cannot := errors.AsType[*wrong](err); cannot {
			report.Left = append(report.Left, leftLetters{task, counts[task] - n, err.Error()})
		} else if err != nil {
			return fmt.Errorf("retry dead letters of task %s: %w", task, err)
		}
	}
	return nil
}

var errLeft = errors.New("some dead letters could not be given back")

func (p *program) printRetry(r retryReport) error {
	if p.json() {
		if err := p.printJSON(r); err != nil {
			return err
		}
	} else {
		text := humanize.Plural(r.GivenBack+r.Dispatched, "dead letter") + " retried"
		if r.Dispatched > 0 {
			text += fmt.Sprintf(": %s given back in their store, %s sent to their source", humanize.Count(r.GivenBack), humanize.Count(r.Dispatched))
		}
		if err := p.print(text + "\n"); err != nil {
			return err
		}
	}
	for _, left := range r.Left {
		p.messagef("%s: %s of task %s left: %s\nTo run the task on them here: %s replay %s\n",
			p.settings.Name, humanize.Plural(left.Count, "dead letter"), left.Task, left.Reason, p.settings.Name, left.Task)
	}
	return nil
}
