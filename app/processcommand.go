package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/runner"
)

const notSettled = `

It goes through the whole lifecycle, with the retries and timeouts of the
configuration. Nothing is taken from the source, and a failed transaction is
not dead-lettered but reported, with exit code 1.`

func (p *program) processCommand() *cobra.Command {
	var flags payloadFlags
	var id string
	c := &cobra.Command{
		Use: "process-transaction <task>", Short: "Run one transaction with a given payload through a task", GroupID: groupRun,
		Long: "Run one transaction with a given payload through a task, and print its result as JSON." + notSettled,
		Args: arguments("the name of a task"), ValidArgsFunction: p.completeTask,
		RunE: func(c *cobra.Command, args []string) error {
			payload, err := p.payload(c, flags)
			if err != nil {
				return err
			}
			return p.processOne(c.Context(), args[0], func(ctx context.Context, m *runner.Manager) (runner.Result, error) {
				return m.ProcessTransaction(ctx, args[0], ergon.NewTransaction(id, payload))
			})
		},
	}
	flags.add(c)
	c.Flags().StringVar(&id, "id", "", "`id` of the transaction (default: a new one)")
	return c
}

func (p *program) processByIDCommand() *cobra.Command {
	return &cobra.Command{
		Use: "process-transaction-by-id <task> <id>", Short: "Run one transaction that the task's source finds by its id", GroupID: groupRun,
		Long: "Run one transaction that the task's source finds by its id through the task, and print its result as JSON." + notSettled,
		Args: arguments("the name of a task", "the id of a transaction"), ValidArgsFunction: p.completeTask,
		RunE: func(c *cobra.Command, args []string) error {
			return p.processOne(c.Context(), args[0], func(ctx context.Context, m *runner.Manager) (runner.Result, error) {
				return m.ProcessTransactionByID(ctx, args[0], args[1])
			})
		},
	}
}

// processOne prints what one transaction comes to.
func (p *program) processOne(
	ctx context.Context, task string, process func(context.Context, *runner.Manager) (runner.Result, error),
) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	ctx, force, stop := p.process.Signals(ctx)
	defer stop()
	providers, err := p.observe(ctx, aside(c.telemetry(p.options)), p.process.Stderr, []string{task})
	if err != nil {
		return err
	}
	defer p.end(ctx, providers)
	manager, err := p.manager(c, p.runnerSettings(providers, force), 0)
	if err != nil {
		return err
	}
	result, err := process(ctx, manager)
	failure, failed := errors.AsType[*ergon.TransactionError](result.Err)
	switch {
	case failed:
		return p.printFailure(task, result.Transaction.ID(), failure, besides(err, failure))
	case result.Outcome == runner.Succeeded:
		return errors.Join(p.printResult(task, result), err)
	default:
		return err
	}
}
